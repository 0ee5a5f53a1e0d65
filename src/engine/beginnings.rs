//! The numbers that each thread slot had when its present thread began.
//!
//! A slot's numbers go on when one thread ends and another takes the slot. The numbers at the
//! thread's beginning are kept beside them: the difference is the thread's.
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | version, made odd | then a Release fence | the fence in `read` (Acquire) | a change began |
//! | version, made even | Release | the Acquire in `read` | all that was written |
//!
//! The fence also covers the numbers that the thread counts from then on: a reader that takes those
//! together with an older thread's beginning sees the version change.

use core::sync::atomic::fence;

use crate::base::sync::{AtomicU32, AtomicU64, Ordering, wait_turn};
use crate::store::ids::ThreadIndex;
use crate::store::peak::{Front, Heap};
use crate::store::thread_slot::{SHARED, ThreadSlot};

/// A slot's numbers as of the beginning of its thread, which alone writes them.
#[derive(Debug)]
struct Beginning {
    /// Odd while the rest changes.
    version: AtomicU32,
    /// 1: the slot has a thread.
    running: AtomicU32,
    /// See [`Numbers`].
    numbers: [AtomicU64; 5],
}

static BEGINNINGS: [Beginning; SHARED.index()] = [const {
    Beginning {
        version: AtomicU32::new(0),
        running: AtomicU32::new(0),
        numbers: [const { AtomicU64::new(0) }; 5],
    }
}; SHARED.index()];

/// A front's numbers: bytes and blocks freed and allocated, and what reallocations kept.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    /// In the order in which they are read.
    pub(crate) freed_bytes: u64,
    pub(crate) freed_blocks: u64,
    pub(crate) kept_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) total_blocks: u64,
}

impl Numbers {
    /// Freed bytes are read before allocated bytes, so a reading may exceed the live bytes but is
    /// seldom negative.
    pub(crate) fn of(front: &Front) -> Self {
        let (freed_bytes, freed_blocks) = front.freed.get();
        let kept_bytes = front.kept_bytes.get();
        let (total_bytes, total_blocks) = front.total.get();
        Numbers { freed_bytes, freed_blocks, kept_bytes, total_bytes, total_blocks }
    }

    fn words(self) -> [u64; 5] {
        [self.freed_bytes, self.freed_blocks, self.kept_bytes, self.total_bytes, self.total_blocks]
    }

    fn of_words(
        [freed_bytes, freed_blocks, kept_bytes, total_bytes, total_blocks]: [u64; 5],
    ) -> Self {
        Numbers { freed_bytes, freed_blocks, kept_bytes, total_bytes, total_blocks }
    }

    pub(crate) fn live_bytes(self) -> i64 {
        self.total_bytes.wrapping_sub(self.freed_bytes).cast_signed()
    }
}

impl Beginning {
    /// Changes the words by `write`; readers meanwhile read again.
    fn write(&self, write: impl FnOnce()) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        write();
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    fn numbers(&self) -> Numbers {
        Numbers::of_words(self.numbers.each_ref().map(|number| number.load(Ordering::Relaxed)))
    }

    /// The result of `read`, if the slot's thread stays the same meanwhile. `None`: the slot is
    /// changing its thread, and the changing thread may be waiting for this one.
    fn read<R>(&self, read: impl Fn() -> R) -> Option<R> {
        const PATIENCE: u32 = 1 << 16;
        let mut turn = 0;
        while turn < PATIENCE {
            let version = self.version.load(Ordering::Acquire);
            let found = read();
            fence(Ordering::Acquire);
            if version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version {
                return Some(found);
            }
            wait_turn(&mut turn);
        }
        None
    }
}

/// Notes that a thread begins to use that slot; `describe` writes the thread's name and id.
pub(crate) fn begin(index: ThreadIndex, slot: &ThreadSlot, heap: &Heap, describe: impl FnOnce()) {
    let Some(beginning) = BEGINNINGS.get(index.index()) else { return describe() };
    beginning.write(|| {
        describe();
        for (word, number) in beginning.numbers.iter().zip(Numbers::of(&slot.front).words()) {
            word.store(number, Ordering::Relaxed);
        }
        slot.begin_peak(index, heap);
        beginning.running.store(1, Ordering::Relaxed);
    });
}

/// Notes that the slot's thread has had its last event.
pub(crate) fn end(index: ThreadIndex) {
    if let Some(beginning) = BEGINNINGS.get(index.index()) {
        beginning.write(|| beginning.running.store(0, Ordering::Relaxed));
    }
}

/// In a forked child: notes that the slot's thread does not exist, whatever it was doing at the
/// fork.
pub(crate) fn forget(index: ThreadIndex) {
    if let Some(beginning) = BEGINNINGS.get(index.index()) {
        beginning.version.fetch_and(!1, Ordering::Relaxed);
        end(index);
    }
}

/// A slot's running thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    /// The kernel's id.
    pub(crate) id: u32,
    /// Its name and zeros.
    pub(crate) name: [u8; 16],
    /// The slot's numbers now, and as of the thread's beginning.
    pub(crate) now: Numbers,
    pub(crate) before: Numbers,
    /// The most bytes live in the slot since then.
    pub(crate) peak: i64,
}

/// The running thread of the slot with this index; `None` if it has none.
pub(crate) fn running(index: ThreadIndex, slot: &ThreadSlot) -> Option<Running> {
    let beginning = BEGINNINGS.get(index.index())?;
    let read = || {
        let before = beginning.numbers();
        let mut name = [0; 16];
        for (bytes, word) in name.chunks_exact_mut(8).zip(&slot.name) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let (now, peak) = (Numbers::of(&slot.front), slot.peak());
        let id = slot.id.load(Ordering::Relaxed);
        let is_running = beginning.running.load(Ordering::Relaxed) != 0;
        is_running.then_some(Running { id, name, now, before, peak })
    };
    beginning.read(read).flatten()
}
