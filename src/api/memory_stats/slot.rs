//! One thread's slot: the figures that the thread gives of its arenas and pools.
//!
//! ```text
//!  FREE ──one exchange──▶ TAKEN ──described──▶ READY ──the thread ends──▶ FREE
//! ```
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | exchange in `take` | Acquire | the Release of FREE in `leave` | the last thread's writes |
//! | READY in `take` | Release | the Acquire of the state in `stats` | the name and the count |
//! | id in `take` | Release | the Acquire of the id in `stats` | TAKEN, not an older READY |
//! | fence after the id | Release | the Acquire fence in `stats` | the new id |
//!
//! The fence stands in `take` and in `leave`: a reader of any later figure sees the new id. The
//! count is that before the thread. A figure is one number, read and written separately: Relaxed.

use core::sync::atomic::fence;

use super::stats::ThreadMemoryStats;
use super::thread_name::ThreadName;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const READY: u32 = 2;

/// One thread's figures, on a cache line that no other slot shares.
///
/// The thread that has the slot is its only writer, so an update is a plain store, and threads do
/// not slow each other down. Every thread may read.
/// [`MemoryStatsRegistry::slots`](super::MemoryStatsRegistry::slots) lists all slots.
///
/// Each reader gives one figure at one moment. The slot may change threads between two readers:
/// [`stats`](Self::stats) gives figures of one thread.
///
/// ```
/// use mod_alloc::memory_stats::{self, memory_registry};
///
/// let index = memory_stats::get_or_register_slot().expect("a free slot");
/// memory_stats::update_arena_stats(4096);
/// let slot = &memory_registry().slots()[index];
/// assert_eq!(slot.arena_bytes(), 4096);
/// assert_eq!(slot.stats().expect("in use").thread_id, slot.thread_id());
/// ```
#[derive(Debug)]
#[repr(align(64))]
pub struct MemorySlot {
    state: AtomicU32,
    /// The kernel's id of the thread; 0 without one.
    id: AtomicU32,
    name: [AtomicU64; 2],
    arena_bytes: AtomicU64,
    pool_free: AtomicU64,
    pool_capacity: AtomicU64,
    /// Never goes back, so that a reader misses no count of an ended thread.
    pool_allocations: AtomicU64,
    /// The value of `pool_allocations` when the thread took the slot.
    allocations_before: AtomicU64,
}

const _: () = assert!(size_of::<MemorySlot>() == 64, "a cache line");

impl MemorySlot {
    pub(super) const fn new() -> Self {
        MemorySlot {
            state: AtomicU32::new(FREE),
            id: AtomicU32::new(0),
            name: [const { AtomicU64::new(0) }; 2],
            arena_bytes: AtomicU64::new(0),
            pool_free: AtomicU64::new(0),
            pool_capacity: AtomicU64::new(0),
            pool_allocations: AtomicU64::new(0),
            allocations_before: AtomicU64::new(0),
        }
    }

    /// The kernel's id of the thread that has the slot; 0 if the slot is free.
    #[must_use]
    pub fn thread_id(&self) -> u64 {
        self.id.load(Ordering::Relaxed).into()
    }

    /// Bytes that the thread's arenas hold; 0 if the slot is free.
    #[must_use]
    pub fn arena_bytes(&self) -> u64 {
        self.arena_bytes.load(Ordering::Relaxed)
    }

    /// Free objects in the thread's pools; 0 if the slot is free.
    #[must_use]
    pub fn pool_free_count(&self) -> u64 {
        self.pool_free.load(Ordering::Relaxed)
    }

    /// Objects that the thread's pools can hold; 0 if the slot is free.
    #[must_use]
    pub fn pool_capacity(&self) -> u64 {
        self.pool_capacity.load(Ordering::Relaxed)
    }

    /// Objects that the thread has taken from pools; 0 if the slot is free.
    #[must_use]
    pub fn pool_allocations(&self) -> u64 {
        self.stats().map_or(0, |stats| stats.pool_allocations)
    }

    /// Objects that all threads of the slot have taken from pools, ended ones included.
    #[inline(always)]
    pub(super) fn all_pool_allocations(&self) -> u64 {
        self.pool_allocations.load(Ordering::Relaxed)
    }

    /// The thread that has the slot, with its figures; `None` if the slot is free.
    #[must_use]
    pub fn stats(&self) -> Option<ThreadMemoryStats> {
        // Acquire pairs with the Release in `take`: the last thread's READY is not seen below.
        let id = self.id.load(Ordering::Acquire);
        // Acquire pairs with the Release in `take`: the name and the count before are this
        // thread's.
        if id == 0 || self.state.load(Ordering::Acquire) != READY {
            return None;
        }
        let before = self.allocations_before.load(Ordering::Relaxed);
        let stats = ThreadMemoryStats {
            thread_id: id.into(),
            name: self.name(),
            arena_bytes: self.arena_bytes(),
            pool_free_count: self.pool_free_count(),
            pool_capacity: self.pool_capacity(),
            pool_allocations: self.all_pool_allocations().wrapping_sub(before),
        };
        // Pairs with the Release fences in `take` and `leave`: a figure of the next thread, or one
        // that `leave` has set back, shows here as another id.
        fence(Ordering::Acquire);
        (self.id.load(Ordering::Relaxed) == id).then_some(stats)
    }

    fn name(&self) -> ThreadName {
        let mut name = [0; 16];
        for (bytes, word) in name.chunks_exact_mut(8).zip(&self.name) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        ThreadName::new(name)
    }

    /// Takes the slot for the thread with that id, if it is free.
    pub(super) fn take(&self, id: u32, name: [u8; 16]) -> bool {
        let is_free = self.state.load(Ordering::Relaxed) == FREE;
        // Acquire pairs with the Release in `leave`: the last thread writes no more.
        let exchange = || {
            self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        let is_taken = is_free && exchange();
        if is_taken {
            self.describe(id, name);
        }
        is_taken
    }

    fn describe(&self, id: u32, name: [u8; 16]) {
        self.id.store(id, Ordering::Release); // pairs with the Acquire of the id in `stats`
        fence(Ordering::Release); // pairs with the fence in `stats`
        crate::base::sync::bytes::store_bytes(&self.name, &name);
        let before = self.all_pool_allocations();
        self.allocations_before.store(before, Ordering::Relaxed);
        self.state.store(READY, Ordering::Release); // pairs with the Acquire in `stats`
    }

    /// Gives the slot back: the thread ends, and its arenas and pools with it.
    pub(super) fn leave(&self) {
        self.id.store(0, Ordering::Relaxed);
        fence(Ordering::Release); // pairs with the fence in `stats`
        self.clear_gauges();
        self.state.store(FREE, Ordering::Release); // pairs with the Acquire in `take`
    }

    /// Arenas and pools hold nothing; the count of pool allocations stays.
    pub(super) fn clear_gauges(&self) {
        for gauge in self.gauges() {
            gauge.store(0, Ordering::Relaxed);
        }
    }

    /// Bytes of arenas, free objects and capacity of pools.
    pub(super) fn gauges(&self) -> [&AtomicU64; 3] {
        [&self.arena_bytes, &self.pool_free, &self.pool_capacity]
    }

    pub(super) fn read_gauges(&self) -> [u64; 3] {
        self.gauges().map(|gauge| gauge.load(Ordering::Relaxed))
    }

    /// Gives the slot's thread another id: it goes on in a forked child.
    pub(super) fn rename(&self, id: u32) {
        self.id.store(id, Ordering::Relaxed);
    }

    pub(super) fn is_free(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FREE
    }

    /// For the slot's only writer.
    #[inline(always)]
    pub(super) fn set_arena(&self, bytes: usize) {
        self.arena_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// For the slot's only writer.
    #[inline(always)]
    pub(super) fn set_pool(&self, free: usize, capacity: usize) {
        self.pool_free.store(free as u64, Ordering::Relaxed);
        self.pool_capacity.store(capacity as u64, Ordering::Relaxed);
    }

    /// For the slot's only writer: no locked instruction is needed.
    #[inline(always)]
    pub(super) fn count_pool_allocation(&self) {
        let count = self.all_pool_allocations();
        self.pool_allocations.store(count.wrapping_add(1), Ordering::Relaxed);
    }

    /// For a slot with many writers.
    #[inline(always)]
    pub(super) fn count_shared_pool_allocation(&self) {
        self.pool_allocations.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn the_next_thread_begins_at_zero_and_counts_stay() {
        let slot = MemorySlot::new();
        assert_eq!((slot.thread_id(), slot.stats()), (0, None));
        assert!(slot.take(7, *b"first\0\0\0\0\0\0\0\0\0\0\0"));
        assert!(!slot.take(8, [0; 16]), "one thread's");
        slot.set_arena(100);
        slot.set_pool(3, 9);
        (0..2).for_each(|_| slot.count_pool_allocation());
        let stats = slot.stats().unwrap();
        assert_eq!((stats.thread_id, stats.name.as_str()), (7, "first"));
        assert_eq!((stats.arena_bytes, stats.pool_free_count), (100, 3));
        assert_eq!((stats.pool_capacity, stats.pool_allocations), (9, 2));
        let read = [slot.arena_bytes(), slot.pool_free_count(), slot.pool_capacity()];
        assert_eq!((read, slot.thread_id()), ([100, 3, 9], 7));
        slot.leave();
        assert_eq!((slot.thread_id(), slot.stats()), (0, None));
        assert_eq!(slot.read_gauges(), [0; 3]);
        assert!(slot.take(8, [0; 16]));
        let second = ThreadMemoryStats { thread_id: 8, ..ThreadMemoryStats::default() };
        assert_eq!(slot.stats(), Some(second));
        slot.count_pool_allocation();
        assert_eq!((slot.pool_allocations(), slot.all_pool_allocations()), (1, 3));
        slot.leave();
        assert_eq!((slot.pool_allocations(), slot.all_pool_allocations()), (0, 3));
    }

    /// Threads with odd ids have figures, those with even ids have none.
    #[test]
    fn no_reader_mixes_the_figures_of_two_threads() {
        static SLOT: MemorySlot = MemorySlot::new();
        static STOP: AtomicBool = AtomicBool::new(false);
        let writer = thread::spawn(|| {
            for id in (1..).take_while(|_| !STOP.load(Ordering::Relaxed)) {
                assert!(SLOT.take(id, [0; 16]));
                if id % 2 == 1 {
                    SLOT.set_arena(1);
                    SLOT.set_pool(1, 1);
                    SLOT.count_pool_allocation();
                }
                SLOT.leave();
            }
        });
        // Miri is a thousand times slower.
        let (mut last, enough) = (0, if cfg!(miri) { 200 } else { 1_000_000 });
        while last < enough {
            let Some(stats) = SLOT.stats() else { continue };
            let figures = [stats.arena_bytes, stats.pool_capacity, stats.pool_allocations];
            assert!(figures.iter().all(|figure| *figure <= stats.thread_id % 2), "{stats:?}");
            last = stats.thread_id;
        }
        STOP.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    }
}
