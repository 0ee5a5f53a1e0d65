//! Stacks as parent-linked frames, each distinct (outer stack, return address) stored once.
//!
//! A frame's id names a whole stack: the frame and all that lies outward of it. Two stacks are
//! the same exactly if their innermost frames have the same id, because a lookup compares
//! the parent's id and the address, never a hash alone.
//!
//! Slots lie in levels, each twice the size of the one before; only the current level is
//! used. A new level is filled from the frames while the gate is closed.

use crate::base::sync::gate::{Gate, Passing};
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, wait_turn};
use crate::store::ids::FrameId;
use crate::store::slot::{CLAIMED, Look, MAX_ID, Slot};

/// Roots: what a stack's outermost frame has as its parent. See `recording::model`.
pub(crate) const ROOT_COMPLETE: FrameId = FrameId::new(0);
pub(crate) const ROOT_TRUNCATED: FrameId = FrameId::new(1);
pub(crate) const ROOT_BROKEN: FrameId = FrameId::new(2);
pub(crate) const ROOT_TABLE_FULL: FrameId = FrameId::new(3);
/// Ids below this are roots.
pub(crate) const ROOTS: FrameId = FrameId::new(4);
/// The id of all frames that found no room in the table.
pub(crate) const NO_ROOM: FrameId = FrameId::new(u32::MAX - 1);

/// Slots of the first level. Few in the models of `tests/loom.rs` and under Miri, so that they
/// outgrow it.
pub(crate) const FIRST_LEVEL: usize = if cfg!(any(loom, miri)) { 8 } else { 8192 };
/// Bits of [`Frame::address`] that hold the address; the rest is the module generation.
pub(crate) const ADDRESS_BITS: u32 = 48;

/// One frame, 16 bytes. Written before its slot is published, then only `site` changes.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Frame {
    /// Return address, and in the high 16 bits the generation of the module list.
    pub(crate) address: AtomicU64,
    /// The next outer frame's id.
    pub(crate) parent: AtomicU32,
    /// The site of the stack this frame ends: 0 none, see `sites`.
    pub(crate) site: AtomicU32,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Frame>() == 16, "the recording's format");

impl Frame {
    #[inline(always)]
    fn parent(&self) -> FrameId {
        FrameId::new(self.parent.load(Ordering::Relaxed))
    }
}

/// Shared state of the frame table, in the recording's header.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct FramesHead {
    /// Ids given out, roots included.
    pub(crate) count: AtomicU32,
    /// The current level.
    pub(crate) level: AtomicU32,
    gate: Gate,
}

/// The table is full: no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// A view of the frame table in the mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frames {
    pub(crate) head: &'static FramesHead,
    pub(crate) frames: &'static [Frame],
    /// All levels, one after the other.
    pub(crate) slots: &'static [Slot],
    /// Empties a level that is no longer used, and gives its whole pages back. A lookup still in
    /// that level finds the same frame as before, or nothing; then it looks again in the current
    /// level.
    pub(crate) discard: fn(&'static [Slot]),
    /// True if memory has room for N frames.
    pub(crate) room: fn(u32) -> bool,
}

/// Frames that a level is for: three quarters of its slots. A lookup then finds a frame at the
/// second or third slot, and a frame takes 5 to 11 bytes of slots.
fn most_in(slots: usize) -> usize {
    slots / 4 * 3
}

/// The number of slots of the levels `0..=level`.
pub(crate) fn slots_up_to(level: u32) -> usize {
    FIRST_LEVEL * ((2 << level) - 1)
}

/// The first level that has room for N frames.
pub(crate) fn last_level(capacity: usize) -> u32 {
    let level = capacity.div_ceil(most_in(FIRST_LEVEL)).next_power_of_two().ilog2();
    debug_assert!(most_in(FIRST_LEVEL << level) >= capacity);
    level
}

/// The first slot to look at for a frame, and the slot's tag. The part that depends on the parent
/// is one multiplication and a few steps: naming a stack waits for that part once per frame.
#[inline(always)]
fn hash(parent: FrameId, address: u64) -> u32 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
    const L: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
    let mixed = address.wrapping_mul(K) ^ u64::from(parent.number()).wrapping_mul(L);
    (mixed >> 32) as u32 & !CLAIMED
}

/// The slots in use at a moment. The default has no slots, and so no frames.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Level {
    slots: &'static [Slot],
    mask: usize,
}

impl Frames {
    /// Writes the roots into an empty table.
    pub(crate) fn initialize(&self) {
        self.head.count.store(ROOTS.number(), Ordering::Relaxed);
    }

    /// The level that new frames are put into.
    #[inline(always)]
    pub(crate) fn level(&self) -> Level {
        // Acquire pairs with the Release in `grow`: the level's slots are filled.
        let level = self.head.level.load(Ordering::Acquire);
        let size = FIRST_LEVEL << level;
        let first = size - FIRST_LEVEL;
        let slots = self.slots.get(first..first + size).unwrap_or(&[]);
        Level { slots, mask: size.wrapping_sub(1) }
    }

    #[inline(always)]
    fn frame(&self, id: FrameId) -> Option<&'static Frame> {
        self.frames.get(id.index())
    }

    /// The site word of a frame.
    #[inline(always)]
    pub(crate) fn site(&self, id: FrameId) -> Option<&'static AtomicU32> {
        self.frame(id).map(|frame| &frame.site)
    }

    #[inline(always)]
    fn is(&self, id: FrameId, parent: FrameId, address: u64) -> bool {
        // Relaxed: the Acquire of the slot that gave the id has made these words visible.
        self.frame(id).is_some_and(|frame| {
            frame.parent() == parent && frame.address.load(Ordering::Relaxed) == address
        })
    }

    /// The frame at `address` inward of `parent`, if it is in the table. Never waits.
    #[cfg(any(test, loom))]
    pub(crate) fn find(&self, parent: FrameId, address: u64) -> Option<FrameId> {
        self.find_in(&self.level(), parent, address)
    }

    /// A lookup like `find` in the slots of `level`, which were in use at some moment.
    #[inline(always)]
    pub(crate) fn find_in(&self, level: &Level, parent: FrameId, address: u64) -> Option<FrameId> {
        let hash = hash(parent, address);
        let mut at = hash as usize & level.mask;
        let end = at + level.mask;
        loop {
            let slot = level.slots.get(at & level.mask)?;
            if let Some(id) = slot.candidate(hash)
                && self.is(id, parent, address)
            {
                return Some(id);
            }
            if slot.is_empty() || at == end {
                return None;
            }
            at += 1;
        }
    }

    /// The frame outward of frame `id`, if that is at `address`.
    #[inline(always)]
    pub(crate) fn outward(&self, id: FrameId, address: u64) -> Option<FrameId> {
        // Relaxed: the caller has read the frame's slot before, or has its id from a reader.
        let frame = self.frame(id)?;
        let is_at = frame.address.load(Ordering::Relaxed) == address;
        is_at.then(|| frame.parent())
    }

    /// Address of frame `id`, without its generation, and the next outer frame.
    pub(crate) fn get(&self, id: FrameId) -> Option<(u64, FrameId)> {
        let frame = self.frame(id)?;
        let address = frame.address.load(Ordering::Relaxed) & ((1 << ADDRESS_BITS) - 1);
        Some((address, frame.parent()))
    }

    /// Finds or adds the frame at `address` inward of `parent`.
    #[cold]
    pub(crate) fn insert(&self, parent: FrameId, address: u64) -> Result<FrameId, Full> {
        let hash = hash(parent, address);
        let (id, crowded) = {
            let _passing = self.pass();
            let Level { slots, mask } = self.level();
            let id = self.insert_at(slots, mask, hash, parent, address)?;
            let count = self.head.count.load(Ordering::Relaxed) as usize;
            (id, count > most_in(slots.len()))
        };
        if crowded {
            self.grow();
        }
        Ok(id)
    }

    fn insert_at(
        &self,
        slots: &[Slot],
        mask: usize,
        hash: u32,
        parent: FrameId,
        address: u64,
    ) -> Result<FrameId, Full> {
        let mut at = hash as usize;
        let mut turn = 0;
        let mut own_id = None;
        loop {
            let slot = slots.get(at & mask).ok_or(Full)?;
            match slot.look(hash) {
                Look::Empty => {
                    // The id comes first: a claim given up for want of one would leave a hole,
                    // and frames that were put behind it meanwhile would not be found again.
                    let id = own_id.map_or_else(|| self.next_id(), Ok)?;
                    own_id = Some(id); // wasted if another thread adds this very frame now
                    let Some(claim) = slot.claim(hash) else { continue };
                    self.write(id, parent, address);
                    claim.publish(id, hash);
                    return Ok(id);
                }
                Look::Busy => wait_turn(&mut turn),
                Look::Candidate(id) if self.is(id, parent, address) => return Ok(id),
                Look::Candidate(_) | Look::Other => at += 1,
            }
        }
    }

    /// A new id, unless all are given out.
    fn next_id(&self) -> Result<FrameId, Full> {
        let capacity = self.frames.len().min(MAX_ID as usize) as u32;
        self.head
            .count
            // Relaxed: the id is unique by the exchange itself; the frame is published by its slot.
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < capacity && (self.room)(n + 1)).then(|| n + 1)
            })
            .map(FrameId::new)
            .map_err(|_| Full)
    }

    fn write(&self, id: FrameId, parent: FrameId, address: u64) {
        let Some(frame) = self.frame(id) else { return };
        // Relaxed: published by the Release in `Claim::publish`.
        frame.address.store(address, Ordering::Relaxed);
        frame.parent.store(parent.number(), Ordering::Relaxed);
    }

    /// Moves to a level of twice the size, unless another thread does so or there is none.
    #[cold]
    fn grow(&self) {
        let Some(_closed) = self.head.gate.close() else { return };
        let count = self.head.count.load(Ordering::Relaxed);
        let next = self.head.level.load(Ordering::Relaxed) + 1;
        let size = FIRST_LEVEL << next;
        let first = size - FIRST_LEVEL;
        let Some(slots) = self.slots.get(first..first + size) else { return };
        if (count as usize) <= most_in(size / 2) {
            return; // another thread has grown the table since the caller looked
        }
        for id in ROOTS.number()..count {
            self.fill(slots, size - 1, FrameId::new(id));
        }
        // Release pairs with the Acquire in `level`: the slots are filled.
        self.head.level.store(next, Ordering::Release);
        if let Some(old) = self.slots.get(first - size / 2..first) {
            (self.discard)(old);
        }
    }

    /// Puts an existing frame into a level that no other thread sees yet.
    fn fill(&self, slots: &[Slot], mask: usize, id: FrameId) {
        let Some(frame) = self.frame(id) else { return };
        let parent = frame.parent();
        let address = frame.address.load(Ordering::Relaxed);
        if address == 0 {
            return; // an id that was given out in vain
        }
        let hash = hash(parent, address);
        let mut at = hash as usize;
        while let Some(slot) = slots.get(at & mask) {
            if let Some(claim) = slot.claim(hash) {
                claim.publish(id, hash);
                return;
            }
            at += 1;
        }
    }

    /// Goes through the gate: while the result lives, the table does not move to another level.
    pub(crate) fn pass(&self) -> Passing<'_> {
        self.head.gate.pass()
    }

    /// Closes the gate before a fork, so that the child gets a table without half-made entries.
    pub(crate) fn before_fork(&self) {
        let mut turn = 0;
        loop {
            match self.head.gate.close() {
                Some(closed) => return core::mem::forget(closed),
                None => wait_turn(&mut turn),
            }
        }
    }

    /// Opens the gate again, in the parent and in the child.
    pub(crate) fn after_fork(&self) {
        self.head.gate.open();
    }
}

#[cfg(all(test, not(loom), feature = "dhat-compat"))]
#[path = "frames_tests.rs"]
mod tests;
