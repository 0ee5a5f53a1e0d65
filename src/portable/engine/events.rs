//! The events of blocks, as the hook tells them.

#[cfg(feature = "backtraces")]
use super::capture::Frames;
#[cfg(feature = "backtraces")]
pub(crate) use super::capture::Marker;
use super::session;
use super::session::Session;
use super::table::{Block, TABLE, Table};
#[cfg(feature = "backtraces")]
use super::windows::{self, Window};
use crate::base::current;
use crate::base::options::Options;
use crate::base::os;
#[cfg(feature = "backtraces")]
use crate::store::{group::for_each_around, ids::GroupId};

/// Without stacks there is nothing to mark.
#[cfg(not(feature = "backtraces"))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker;

#[cfg(not(feature = "backtraces"))]
impl Marker {
    pub(crate) fn at(_local: &u8) -> Self {
        Marker
    }
}

/// False if it is decided that nothing is recorded.
#[inline]
pub(crate) fn may_record() -> bool {
    !matches!(session::decided(), Ok(None))
}

/// A block was allocated at that address. `options`: those of its allocator, which decide if it is
/// the process's first. `begin`: runs at that decision. Returns whether it is recorded.
pub(crate) fn allocated(
    options: &Options,
    begin: fn(),
    address: usize,
    size: usize,
    marker: Marker,
) -> bool {
    if !may_record() {
        return false;
    }
    // `None`: the block is the table's own.
    let recorded = TABLE.with(|table| {
        let session = match session::decided() {
            Ok(session) => session?,
            Err(_) => session::decide(options, begin)?,
        };
        // Their blocks are not recorded, and neither is a block that was freed at this address
        // while nothing was.
        table.blocks.remove(&address);
        if current::is_profiler() {
            return None;
        }
        table.allocated(session, address, size as u64, marker)
    });
    recorded.flatten().is_some()
}

/// The block at that address is about to be freed or resized. Returns it, if it is known.
pub(crate) fn taken(address: usize) -> Option<Block> {
    if !may_record() {
        return None;
    }
    TABLE.with(|table| table.blocks.remove(&address)).flatten()
}

/// A block that was [taken](taken) is as it was.
pub(crate) fn kept(address: usize, block: Block) {
    TABLE.with(|table| table.insert(address, block));
}

/// A block that was [taken](taken) is freed.
pub(crate) fn freed(block: Block) {
    TABLE.with(|table| table.freed(block));
}

/// A block that was [taken](taken) has a new size, and is at that address.
pub(crate) fn resized(address: usize, block: Block, size: usize) {
    TABLE.with(|table| table.resized(address, block, size as u64));
}

#[cfg(feature = "backtraces")]
fn is_open() -> bool {
    windows::first_named() != Window::Closed
}

#[cfg(not(feature = "backtraces"))]
fn is_open() -> bool {
    true
}

impl Table {
    fn insert(&mut self, address: usize, block: Block) -> bool {
        let has_room = self.blocks.try_reserve(1).is_ok();
        if has_room {
            self.blocks.insert(address, block);
        } else {
            self.lost.no_room += 1;
        }
        has_room
    }

    fn allocated(
        &mut self,
        session: &Session,
        address: usize,
        size: u64,
        marker: Marker,
    ) -> Option<()> {
        if !is_open() {
            return None;
        }
        let block = self.block(session, size, marker);
        if !self.insert(address, block) {
            return None;
        }
        self.count(|numbers| numbers.allocated(size));
        #[cfg(feature = "backtraces")]
        {
            if let Some(numbers) = self.sites.numbers_mut(block.site) {
                numbers.allocated(size, block.born, &self.heap);
            }
            for_each_around(session.groups, block.group, |group| group.allocated(size));
        }
        self.heap.live.add(size, 1);
        self.has_grown(|| block.born());
        Some(())
    }

    #[cfg(not(feature = "backtraces"))]
    fn block(&mut self, _session: &Session, size: u64, _marker: Marker) -> Block {
        Block { size }
    }

    #[cfg(feature = "backtraces")]
    fn block(&mut self, session: &Session, size: u64, marker: Marker) -> Block {
        let group = self.threads.member().group;
        let site = match windows::names(windows::first_named()) {
            true => self.site(session, marker, group),
            false => self.sites.no_stack().unwrap_or(super::sites::NO_STACK),
        };
        Block {
            size,
            site,
            born: os::monotonic_nanos(),
            group,
            #[cfg(feature = "groups")]
            is_reported: false,
        }
    }

    /// The site of the calling thread's stack.
    #[cfg(feature = "backtraces")]
    pub(crate) fn site(&mut self, session: &Session, marker: Marker, group: GroupId) -> u32 {
        let mut frames = Frames::new();
        let stack = frames.capture(marker, session.frames);
        self.lost.truncated_stacks += u64::from(stack.is_truncated);
        match self.sites.of(stack, group) {
            Some(site) => site,
            None => {
                self.lost.table_full += 1;
                self.sites.no_stack().unwrap_or(super::sites::NO_STACK)
            }
        }
    }

    fn freed(&mut self, block: Block) {
        if !is_open() {
            return;
        }
        let size = block.size;
        self.count(|numbers| numbers.freed.add(size, 1));
        self.heap.will_shrink();
        #[cfg(feature = "backtraces")]
        {
            let now = os::monotonic_nanos();
            if let Some(numbers) = self.sites.numbers_mut(block.site) {
                numbers.freed(size, block.born, now, &self.heap);
            }
            for_each_around(groups(), block.group, |group| group.freed(size));
        }
        self.heap.live.subtract(size, 1);
    }

    fn resized(&mut self, address: usize, mut block: Block, size: u64) {
        if !is_open() {
            return;
        }
        let old = block.size;
        block.size = size;
        if !self.insert(address, block) {
            block.size = old;
            return self.freed(block);
        }
        self.count(|numbers| numbers.resized(old, size));
        if size < old {
            self.heap.will_shrink();
        }
        #[cfg(feature = "backtraces")]
        {
            if let Some(numbers) = self.sites.numbers_mut(block.site) {
                numbers.resized(old, size, &self.heap);
            }
            for_each_around(groups(), block.group, |group| group.resized(old, size));
        }
        self.heap.live.add(size.wrapping_sub(old), 0);
        if size >= old {
            self.has_grown(os::monotonic_nanos);
        }
    }
}

#[cfg(feature = "backtraces")]
fn groups() -> &'static [crate::store::group::Group] {
    session::get().map_or(&[], |session| session.groups)
}

impl Block {
    #[cfg(feature = "backtraces")]
    fn born(&self) -> u64 {
        self.born
    }

    #[cfg(not(feature = "backtraces"))]
    fn born(&self) -> u64 {
        0
    }
}
