//! Space for a recording in a file: reserved before it is touched.
//!
//! A sparse file on a full disk kills a process that touches a part without space (SIGBUS). So each
//! growing part of the recording has a mark, up to which it may be touched. The mark moves in
//! steps, each after the kernel has given the space. If the kernel gives none, the part is full,
//! and the recording says so. In anonymous memory all marks are at the end from the beginning.

use core::ffi::CStr;
use core::ptr::NonNull;

use crate::base::os;
use crate::base::os::files::Path;
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};
use crate::store::ids::ThreadIndex;
use crate::store::ids::{SHARED, SLOTS};
use crate::store::layout::Region;
use crate::store::mapping::Mapping;
use crate::store::timeline::SAMPLE_ENTRIES;

/// A part that grows by itself: a region whose entries are used from the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Part {
    Threads,
    Modules,
    Sites,
    Frames,
    Groups,
    Timeline,
    Mappings,
}

const PARTS: usize = 7;

impl Part {
    pub(crate) const ALL: [Part; PARTS] = [
        Part::Threads,
        Part::Modules,
        Part::Sites,
        Part::Frames,
        Part::Groups,
        Part::Timeline,
        Part::Mappings,
    ];

    /// Regions with an entry for each thread slot.
    const THREADS: [Region; 2] = [Region::Threads, Region::Histograms];

    pub(crate) fn regions(self) -> &'static [Region] {
        match self {
            Part::Threads => &Part::THREADS,
            Part::Modules => &[Region::Modules],
            Part::Sites => &[Region::Owners, Region::Tallies, Region::Shared, Region::Records],
            Part::Frames => &[Region::Frames],
            Part::Groups => &[Region::Groups],
            Part::Timeline => &[Region::Timeline],
            Part::Mappings => &[Region::Mappings],
        }
    }

    /// Entries of the smallest and of the largest step.
    fn steps(self) -> (u32, u32) {
        match self {
            Part::Threads => (8, 64),
            Part::Modules | Part::Groups => (16, 256),
            // All samples at once: the program may forbid itself calls of the system later.
            Part::Timeline => (SAMPLE_ENTRIES as u32, SAMPLE_ENTRIES as u32),
            Part::Mappings => (64, 1024),
            Part::Sites => (128, 8192),
            Part::Frames => (1024, 65_536),
        }
    }
}

/// The end of a part's entries that may be touched.
#[derive(Debug)]
struct Mark {
    entries: AtomicU32,
    lock: SpinLock,
}

/// This process's recording: its mapping, and the marks up to which it may be touched.
#[derive(Debug)]
pub(crate) struct Space {
    marks: [Mark; PARTS],
    /// The mapping's first byte; null: it is anonymous memory, or there is none yet.
    base: AtomicPtr<u8>,
    /// 1: the recording is in a file.
    in_file: AtomicU32,
    /// The arenas that may be touched, a bit each.
    arenas: [AtomicU32; SLOTS / 32],
    path: UnsafeCell<Path>,
}

// SAFETY: the path alone is no atomic. It is written while the process has one thread that could
// read it: before the session is made, and in a forked child.
unsafe impl Sync for Space {}

/// One recording per process, one space.
pub(crate) static SPACE: Space = Space::new();

impl Space {
    const fn new() -> Self {
        Space {
            marks: [const { Mark { entries: AtomicU32::new(0), lock: SpinLock::new() } }; PARTS],
            base: AtomicPtr::new(core::ptr::null_mut()),
            in_file: AtomicU32::new(0),
            arenas: [const { AtomicU32::new(0) }; SLOTS / 32],
            path: UnsafeCell::new(Path::EMPTY),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "an array of all parts")]
    fn mark(&self, part: Part) -> &Mark {
        &self.marks[part as usize]
    }

    /// Lets all entries be touched.
    pub(crate) fn unlimited(&self) {
        self.marks.iter().for_each(|mark| mark.entries.store(u32::MAX, Ordering::Relaxed));
    }

    /// The number of entries of a part that may be touched.
    pub(crate) fn entries(&self, part: Part) -> u32 {
        self.mark(part).entries.load(Ordering::Relaxed)
    }

    /// Begins a recording in the file at [`path`](Self::path), mapped there. `false` if there is no
    /// space for the parts that every recording needs; the rest of the mapping stays untouched
    /// until asked for.
    pub(crate) fn begin(&self, mapping: Mapping) -> bool {
        // Release pairs with the Acquire in `mapping`: the header is described.
        self.base.store(mapping.base().as_ptr(), Ordering::Release);
        let has_room = Part::ALL.into_iter().all(|part| {
            let is_empty = |region: &Region| mapping.place(*region).1 == 0;
            part.regions().iter().any(is_empty) || self.has(part, 1)
        });
        let reserve = |(start, size)| self.reserve_bytes(mapping, start, size);
        let has_room = has_room && shared_slot(mapping).into_iter().all(reserve);
        self.in_file.store(u32::from(has_room), Ordering::Relaxed);
        has_room
    }

    /// True if the recording is in a file.
    pub(crate) fn is_in_file(&self) -> bool {
        self.in_file.load(Ordering::Relaxed) != 0
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &CStr {
        // SAFETY: no thread writes now, see `Space`.
        self.path.with(|path| unsafe { &*path }).c_str()
    }

    /// Notes the file's path. Only before the session is made, and in a forked child.
    pub(crate) fn set_path(&self, path: Path) {
        // SAFETY: no thread reads now, see `Space`.
        self.path.with_mut(|place| unsafe { *place = path });
    }

    /// The mapping of the file; `None` in anonymous memory, all of which may be touched.
    fn mapping(&self) -> Option<Mapping> {
        // Acquire pairs with the Release in `begin`.
        let base = NonNull::new(self.base.load(Ordering::Acquire))?;
        // SAFETY: the base of a mapping that `begin` was given.
        Some(unsafe { Mapping::at(base) })
    }

    /// True if the first `entries` entries of a part may be touched; reserves their space if
    /// needed.
    #[inline(always)]
    pub(crate) fn has(&self, part: Part, entries: u32) -> bool {
        entries <= self.entries(part) || self.grow(part, entries)
    }

    /// True if the arena of the thread in that slot may be touched; reserves its space if needed.
    pub(crate) fn has_arena(&self, slot: ThreadIndex) -> bool {
        let Some(mapping) = self.mapping() else { return true };
        let Some(index) = arena_of(slot, mapping.place(Region::Arenas).1) else { return false };
        if self.is_arena_ready(index) {
            return true;
        }
        let (offset, size) = arena(mapping, index);
        let has_room = self.reserve_bytes(mapping, offset, size);
        if os::is_sealed() {
            mapping.header().late.losses.sealed.set(1);
        } else if !has_room {
            mapping.header().process.no_room.store(1, Ordering::Relaxed);
        } else if let Some(word) = self.arenas.get(index / 32) {
            word.fetch_or(1 << (index % 32), Ordering::Relaxed);
        }
        has_room
    }

    /// Offset and size of every arena that may be touched.
    pub(crate) fn used_arenas(&self, mapping: Mapping) -> impl Iterator<Item = (usize, usize)> {
        let ready = (0..SLOTS).filter(|index| self.is_arena_ready(*index));
        ready.map(move |index| arena(mapping, index))
    }

    fn is_arena_ready(&self, index: usize) -> bool {
        let word = self.arenas.get(index / 32);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (index % 32) & 1 != 0)
    }

    /// True if that entry of a region may be touched, among those that the header says are used.
    pub(crate) fn may_touch(&self, region: Region, index: usize) -> bool {
        match region {
            _ if self.mapping().is_none() => true,
            Region::Threads | Region::Histograms => {
                index == SHARED.index() || index < self.entries(Part::Threads) as usize
            }
            Region::Arenas => self.is_arena_ready(index),
            // Their numbers are raised after the space was reserved.
            _ => true,
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, part: Part, entries: u32) -> bool {
        let Some(mapping) = self.mapping() else { return false };
        let process = &mapping.header().process;
        if process.no_room.load(Ordering::Relaxed) != 0 {
            return false;
        }
        if os::is_sealed() {
            mapping.header().late.losses.sealed.set(1);
            return false;
        }
        let mark = self.mark(part);
        let _held = mark.lock.lock();
        let ready = mark.entries.load(Ordering::Relaxed);
        if entries <= ready {
            return true;
        }
        let (least, most) = part.steps();
        let step = (ready / 2).clamp(least, most);
        let found = [entries.max(ready.saturating_add(step)), entries].into_iter().find(|&goal| {
            part.regions().iter().all(|&region| self.reserve(mapping, region, ready, goal))
        });
        match found {
            // Relaxed: a user of an entry has its number by other means, which order the entry.
            Some(goal) => mark.entries.store(goal, Ordering::Relaxed),
            None => process.no_room.store(1, Ordering::Relaxed),
        }
        found.is_some()
    }

    /// Reserves room for what may come, as none can be reserved later.
    #[cfg(feature = "preload")]
    pub(crate) fn reserve_ahead(&self) {
        const AHEAD: [(Part, u32); 3] =
            [(Part::Sites, 16_384), (Part::Frames, 131_072), (Part::Modules, 16)];
        for (part, more) in AHEAD {
            self.has(part, self.entries(part).saturating_add(more));
        }
    }

    /// Takes all locks, so that no forked child inherits one that another thread holds.
    pub(crate) fn before_fork(&self) {
        self.marks.iter().for_each(|mark| core::mem::forget(mark.lock.lock()));
    }

    /// Opens the locks, in the parent and in the child.
    pub(crate) fn after_fork(&self) {
        self.marks.iter().for_each(|mark| mark.lock.open());
    }

    /// Reserves the entries `from..to` of a region, as far as it has so many.
    fn reserve(&self, mapping: Mapping, region: Region, from: u32, to: u32) -> bool {
        let (start, entries) = mapping.place(region);
        let size = region.entry_size();
        let (from, to) = ((from as usize).min(entries), (to as usize).min(entries));
        self.reserve_bytes(mapping, start + from * size, (to - from) * size)
    }

    /// Reserves the pages that hold `len` bytes from offset `start` on.
    fn reserve_bytes(&self, mapping: Mapping, start: usize, len: usize) -> bool {
        let pages = os::page_size().around(&(start..start + len));
        // SAFETY: inside the mapping, as regions are.
        let memory: NonNull<u8> = unsafe { mapping.base().add(pages.start) };
        pages.is_empty() || os::files::populate(memory, pages.len(), self.path(), pages.start)
    }
}

/// Offset and size of each entry of the slot that threads without one share: far behind the others.
pub(crate) fn shared_slot(mapping: Mapping) -> [(usize, usize); 2] {
    Part::THREADS.map(|region| {
        let size = region.entry_size();
        (mapping.place(region).0 + SHARED.index() * size, size)
    })
}

/// The arena of a slot, among so many: the shared slot has the last one, and the first slots have
/// the others. `None`: the slot has none. Where address space is scarce there are few.
pub(crate) fn arena_of(slot: ThreadIndex, arenas: usize) -> Option<usize> {
    let last = arenas.checked_sub(1)?;
    match slot {
        SHARED => Some(last),
        _ => Some(slot.index()).filter(|index| *index < last),
    }
}

/// Offset and size of an arena.
fn arena(mapping: Mapping, index: usize) -> (usize, usize) {
    let size = Region::Arenas.entry_size();
    (mapping.place(Region::Arenas).0 + index * size, size)
}
