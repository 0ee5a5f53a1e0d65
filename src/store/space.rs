//! Space for a recording in a file: reserved before it is touched.
//!
//! A file that is shorter than it says on a disk that is full kills the process that touches it (SIGBUS).
//! So each growing part of the recording has a mark, up to which it may be touched, and the
//! mark moves in steps, when the kernel has given the space. Where it gives none, the part is full, and
//! the recording says so. In anonymous memory all marks are at the end from the beginning.

use core::ptr::NonNull;

use crate::base::os;
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{AtomicU32, Ordering};
use crate::store::layout::{ENTRY_SIZES, Mapping, Region};

/// What grows by itself: regions whose entries are used from the first on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Part {
    Threads,
    Modules,
    Sites,
    Frames,
    Groups,
}

const PARTS: usize = 5;

impl Part {
    pub(crate) const ALL: [Part; PARTS] =
        [Part::Threads, Part::Modules, Part::Sites, Part::Frames, Part::Groups];

    pub(crate) fn regions(self) -> &'static [Region] {
        match self {
            Part::Threads => &[Region::Threads],
            Part::Modules => &[Region::Modules],
            Part::Sites => &[Region::Owners, Region::Tallies, Region::Shared, Region::Records],
            Part::Frames => &[Region::Frames],
            Part::Groups => &[Region::Groups],
        }
    }

    /// Entries of the smallest and of the largest step.
    fn steps(self) -> (u32, u32) {
        match self {
            Part::Threads => (8, 64),
            Part::Modules | Part::Groups => (16, 256),
            Part::Sites => (128, 8192),
            Part::Frames => (1024, 65_536),
        }
    }
}

/// How far a part may be touched.
#[derive(Debug)]
struct Mark {
    entries: AtomicU32,
    lock: SpinLock,
}

/// Marks of this process's recording.
#[derive(Debug)]
pub(crate) struct Space {
    marks: [Mark; PARTS],
}

/// One recording per process, one space.
pub(crate) static SPACE: Space = Space::new();

impl Space {
    const fn new() -> Self {
        Space {
            marks: [const { Mark { entries: AtomicU32::new(0), lock: SpinLock::new() } }; PARTS],
        }
    }

    fn mark(&self, part: Part) -> &Mark {
        &self.marks[part as usize]
    }

    /// All may be touched.
    pub(crate) fn unlimited(&self) {
        self.marks.iter().for_each(|mark| mark.entries.store(u32::MAX, Ordering::Relaxed));
    }

    /// How many entries of a part may be touched.
    pub(crate) fn entries(&self, part: Part) -> u32 {
        self.mark(part).entries.load(Ordering::Relaxed)
    }

    /// Whether the first `entries` entries of a part may be touched, now if not before.
    #[inline(always)]
    pub(crate) fn has(
        &self,
        part: Part,
        entries: u32,
        mapping: impl FnOnce() -> Option<Mapping>,
    ) -> bool {
        entries <= self.entries(part)
            || mapping().is_some_and(|mapping| self.grow(part, entries, mapping))
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, part: Part, entries: u32, mapping: Mapping) -> bool {
        let process = &mapping.header().process;
        if process.no_room.load(Ordering::Relaxed) != 0 {
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
            part.regions().iter().all(|&region| reserve(mapping, region, ready, goal))
        });
        match found {
            // Relaxed: who uses an entry has been told its number by other means.
            Some(goal) => mark.entries.store(goal, Ordering::Relaxed),
            None => process.no_room.store(1, Ordering::Relaxed),
        }
        found.is_some()
    }

    /// Takes all locks, so that no forked child inherits one that somebody holds.
    pub(crate) fn before_fork(&self) {
        self.marks.iter().for_each(|mark| core::mem::forget(mark.lock.lock()));
    }

    /// Opens the locks, in the parent and in the child.
    pub(crate) fn after_fork(&self) {
        self.marks.iter().for_each(|mark| mark.lock.open());
    }
}

/// Reserves the entries `from..to` of a region, as far as it has so many.
fn reserve(mapping: Mapping, region: Region, from: u32, to: u32) -> bool {
    let (start, entries) = mapping.place(region);
    let size = ENTRY_SIZES[region as usize];
    let (from, to) = ((from as usize).min(entries), (to as usize).min(entries));
    bytes(mapping, start + from * size, (to - from) * size)
}

/// Reserves the pages that hold `len` bytes from offset `start` on.
pub(crate) fn bytes(mapping: Mapping, start: usize, len: usize) -> bool {
    let pages = os::page_size().around(&(start..start + len));
    // SAFETY: inside the mapping, as regions are.
    let memory: NonNull<u8> = unsafe { mapping.base().add(pages.start) };
    pages.is_empty() || os::files::populate(memory, pages.len(), pages.start)
}
