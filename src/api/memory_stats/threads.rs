//! The heap figures of each thread, by the profiler's own slots.
//!
//! A slot's numbers go on when one thread ends and another takes the slot. What they were when the
//! thread began is kept beside them, so that its own are the difference.
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | version, made odd | then a Release fence | the Acquire fence in `read` | whoever reads what follows, sees that it changed |
//! | version, made even | Release | the Acquire in `read` | all that was written |
//!
//! The fence also covers the numbers that the thread counts from then on: who reads those together with
//! an older thread's beginning, sees the version change.

use core::sync::atomic::fence;

use super::stats::{ThreadName, ThreadStats};
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, wait_turn};
use crate::engine::session::Session;
use crate::store::peak::Front;
use crate::store::thread_slot::{SHARED, ThreadSlot};

/// What a slot's numbers were when its thread began. Written by that thread alone.
#[derive(Debug)]
struct Beginning {
    /// Odd while the rest changes.
    version: AtomicU32,
    /// 1: the slot has a thread.
    running: AtomicU32,
    numbers: [AtomicU64; 5],
}

static BEGINNINGS: [Beginning; SHARED as usize] = [const {
    Beginning {
        version: AtomicU32::new(0),
        running: AtomicU32::new(0),
        numbers: [const { AtomicU64::new(0) }; 5],
    }
}; SHARED as usize];

/// A front's numbers: bytes and blocks freed and allocated, and what reallocations kept.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    freed_bytes: u64,
    freed_blocks: u64,
    kept_bytes: u64,
    total_bytes: u64,
    total_blocks: u64,
}

impl Numbers {
    /// Frees first: what is read late is rather more, so that little is live less than nothing.
    fn of(front: &Front) -> Self {
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

    fn live_bytes(self) -> i64 {
        self.total_bytes.wrapping_sub(self.freed_bytes).cast_signed()
    }

    /// As figures: of a reallocation, only what it grew by is allocated.
    fn since(self, before: Numbers) -> ThreadStats {
        let grown = |numbers: Numbers| numbers.total_bytes.wrapping_sub(numbers.kept_bytes);
        let live_blocks =
            |numbers: Numbers| numbers.total_blocks.wrapping_sub(numbers.freed_blocks);
        ThreadStats {
            total_bytes: grown(self).wrapping_sub(grown(before)),
            total_blocks: self.total_blocks.wrapping_sub(before.total_blocks),
            live_bytes: self.live_bytes().wrapping_sub(before.live_bytes()),
            live_blocks: live_blocks(self).wrapping_sub(live_blocks(before)).cast_signed(),
            ..ThreadStats::default()
        }
    }
}

impl Beginning {
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

    /// What `read` reads while the slot's thread stays the same. `None`: it is being changed, and the one
    /// who does that may be waiting for us.
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

/// A thread begins to use that slot, and `describe` says in it who that is.
pub(crate) fn begin(index: u32, slot: &ThreadSlot, describe: impl FnOnce()) {
    let Some(beginning) = BEGINNINGS.get(index as usize) else { return describe() };
    beginning.write(|| {
        describe();
        for (word, number) in beginning.numbers.iter().zip(Numbers::of(&slot.front).words()) {
            word.store(number, Ordering::Relaxed);
        }
        slot.front.begin_peak();
        beginning.running.store(1, Ordering::Relaxed);
    });
}

/// The slot's thread has had its last event.
pub(crate) fn end(index: u32) {
    if let Some(beginning) = BEGINNINGS.get(index as usize) {
        beginning.write(|| beginning.running.store(0, Ordering::Relaxed));
    }
}

/// In a forked child: the slot's thread is not there, wherever it was when the process was forked.
pub(crate) fn forget(index: u32) {
    if let Some(beginning) = BEGINNINGS.get(index as usize) {
        beginning.version.fetch_and(!1, Ordering::Relaxed);
        end(index);
    }
}

/// Calls `visit` for each running thread; returns what is of no running thread.
pub(super) fn visit(session: &Session, mut visit: impl FnMut(ThreadStats)) -> ThreadStats {
    let mut elsewhere = ThreadStats::default();
    for (index, slot) in session.used_slots() {
        let all = |numbers: Numbers| numbers.since(Numbers::default());
        match BEGINNINGS.get(index as usize).and_then(|beginning| thread(beginning, slot)) {
            Some((stats, before)) => {
                visit(stats);
                elsewhere.add(&all(before));
            }
            None => elsewhere.add(&all(Numbers::of(&slot.front))),
        }
    }
    elsewhere
}

/// The slot's running thread, and what was of others.
fn thread(beginning: &Beginning, slot: &ThreadSlot) -> Option<(ThreadStats, Numbers)> {
    let read = || {
        let before = beginning.numbers();
        let mut name = [0; 16];
        for (bytes, word) in name.chunks_exact_mut(8).zip(&slot.name) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let stats = Numbers::of(&slot.front).since(before);
        let peak = slot.front.peak().wrapping_sub(before.live_bytes());
        let stats = ThreadStats {
            name: ThreadName::new(name),
            id: slot.id.load(Ordering::Relaxed),
            // The thread may be in the middle of an event.
            peak_bytes: peak.max(stats.live_bytes).max(0).cast_unsigned(),
            ..stats
        };
        (beginning.running.load(Ordering::Relaxed) != 0).then_some((stats, before))
    };
    beginning.read(read).flatten()
}
