//! All slots.

use super::handle::{CURRENT, Current, OVERFLOW, SlotHandle};
use super::slot::MemorySlot;
use super::stats::{AggregateMemoryStats, ThreadMemoryStats};
use super::thread_end;
use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};

/// The number of threads that can have a slot at the same time.
pub(super) const SLOTS: usize = 64;

/// The slots of all threads; [`memory_registry`] gives the only registry.
///
/// Functions that take a slot's index are for the thread that has the slot. An update with any
/// other index changes nothing, and [`ignored_updates`](Self::ignored_updates) counts it: no index
/// can damage the figures of another thread, or panic.
///
/// ```
/// use mod_alloc::memory_stats::memory_registry;
///
/// let registry = memory_registry();
/// let slot = registry.register().expect("a free slot");
/// registry.update_arena(slot, 64 << 10);
/// registry.update_pool(slot, 100, 128);
/// registry.increment_pool_allocations(slot);
///
/// let all = registry.aggregate_stats();
/// assert_eq!((all.active_threads, all.total_arena_bytes), (1, 64 << 10));
/// assert_eq!((all.total_pool_free, all.total_pool_capacity), (100, 128));
/// assert_eq!((all.total_pool_allocations, all.overflow_count), (1, 0));
/// ```
#[derive(Debug)]
pub struct MemoryStatsRegistry {
    slots: [MemorySlot; SLOTS],
    /// Threads that have found no slot free so far, ended threads included. Each counts once.
    ///
    /// For reading: `overflow_count.load(Ordering::Relaxed)`, or
    /// [`overflow_count()`](Self::overflow_count).
    pub overflow_count: AtomicU64,
    ignored: AtomicU64,
}

static REGISTRY: MemoryStatsRegistry = MemoryStatsRegistry::new();

/// The registry.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::memory_registry().capacity(), 64);
/// ```
#[inline]
#[must_use]
pub fn memory_registry() -> &'static MemoryStatsRegistry {
    &REGISTRY
}

impl MemoryStatsRegistry {
    const fn new() -> Self {
        MemoryStatsRegistry {
            slots: [const { MemorySlot::new() }; SLOTS],
            overflow_count: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
        }
    }

    /// The index of the calling thread's slot; takes a slot if the thread has none yet. `None` if
    /// the registry was full when the thread first asked: it stays so until the thread ends.
    ///
    /// The thread gives the slot back when it ends. The next thread that takes the slot begins at
    /// zero.
    ///
    /// Do not call it in a signal handler, unless the thread has its slot: the interrupted code may
    /// be taking one.
    ///
    /// ```
    /// let registry = mod_alloc::memory_stats::memory_registry();
    /// let slot = registry.register();
    /// assert_eq!(registry.register(), slot, "one slot for each thread");
    /// ```
    #[inline]
    pub fn register(&'static self) -> Option<usize> {
        self.index_of(self.slot_of_thread())
    }

    /// Sets the bytes that all arenas of the calling thread hold now. `slot` is the thread's index,
    /// from [`register`](Self::register).
    ///
    /// ```
    /// let registry = mod_alloc::memory_stats::memory_registry();
    /// let slot = registry.register().expect("a free slot");
    /// registry.update_arena(slot, 4096);
    /// assert_eq!(registry.aggregate_stats().total_arena_bytes, 4096);
    /// ```
    #[inline]
    pub fn update_arena(&self, slot: usize, bytes: usize) {
        if let Some(slot) = self.own(slot) {
            slot.set_arena(bytes);
        }
    }

    /// Sets the objects that all pools of the calling thread have left now, and those that they can
    /// hold. `slot` is the thread's index, from [`register`](Self::register).
    ///
    /// ```
    /// let registry = mod_alloc::memory_stats::memory_registry();
    /// let slot = registry.register().expect("a free slot");
    /// registry.update_pool(slot, 12, 64);
    /// assert_eq!(registry.aggregate_stats().total_pool_free, 12);
    /// ```
    #[inline]
    pub fn update_pool(&self, slot: usize, free: usize, capacity: usize) {
        if let Some(slot) = self.own(slot) {
            slot.set_pool(free, capacity);
        }
    }

    /// Counts one object more that the calling thread took from a pool. `slot` is the thread's
    /// index, from [`register`](Self::register).
    ///
    /// ```
    /// let registry = mod_alloc::memory_stats::memory_registry();
    /// let slot = registry.register().expect("a free slot");
    /// registry.increment_pool_allocations(slot);
    /// assert_eq!(registry.aggregate_stats().total_pool_allocations, 1);
    /// ```
    #[inline]
    pub fn increment_pool_allocations(&self, slot: usize) {
        if let Some(slot) = self.own(slot) {
            slot.count_pool_allocation();
        }
    }

    /// The arenas and pools of all threads together.
    ///
    /// ```
    /// use mod_alloc::memory_stats::{self, memory_registry};
    ///
    /// memory_stats::update_arena_stats(512);
    /// assert_eq!(memory_registry().aggregate_stats().total_arena_bytes, 512);
    /// ```
    #[must_use]
    pub fn aggregate_stats(&self) -> AggregateMemoryStats {
        let mut all = AggregateMemoryStats {
            overflow_count: self.overflow_count(),
            total_pool_allocations: self.all_pool_allocations(),
            ..AggregateMemoryStats::default()
        };
        all.add_gauges(OVERFLOW.read_gauges());
        for thread in self.per_thread_stats() {
            all.active_threads += 1;
            all.add_gauges([thread.arena_bytes, thread.pool_free_count, thread.pool_capacity]);
        }
        all
    }

    /// The arenas and pools of each thread that has a slot now. Allocates nothing.
    ///
    /// ```
    /// use mod_alloc::memory_stats::{self, memory_registry};
    ///
    /// memory_stats::update_arena_stats(512);
    /// for thread in memory_registry().per_thread_stats() {
    ///     println!("{} ({}): {} bytes", thread.name, thread.thread_id, thread.arena_bytes);
    /// }
    /// # assert!(memory_registry().per_thread_stats().any(|thread| thread.arena_bytes == 512));
    /// ```
    pub fn per_thread_stats(&self) -> impl Iterator<Item = ThreadMemoryStats> + '_ {
        self.slots.iter().filter_map(MemorySlot::stats)
    }

    /// All slots, free ones included; the index is that of [`register`](Self::register).
    ///
    /// ```
    /// use mod_alloc::memory_stats::memory_registry;
    ///
    /// let free = memory_registry().slots().iter().filter(|slot| slot.thread_id() == 0);
    /// assert_eq!(free.count(), 64);
    /// ```
    #[must_use]
    pub fn slots(&self) -> &[MemorySlot] {
        &self.slots
    }

    /// See [`capacity`](super::capacity).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// See [`overflow_count`](super::overflow_count).
    #[must_use]
    pub fn overflow_count(&self) -> u64 {
        self.overflow_count.load(Ordering::Relaxed)
    }

    /// Updates so far whose index was not that of the calling thread's slot. They changed nothing.
    ///
    /// ```
    /// let registry = mod_alloc::memory_stats::memory_registry();
    /// registry.update_arena(usize::MAX, 4096);
    /// assert_eq!(registry.ignored_updates(), 1);
    /// assert_eq!(registry.aggregate_stats().total_arena_bytes, 0);
    /// ```
    #[must_use]
    pub fn ignored_updates(&self) -> u64 {
        self.ignored.load(Ordering::Relaxed)
    }

    /// See [`slot_handle`](super::slot_handle).
    #[inline]
    #[must_use]
    pub fn slot_handle(&'static self) -> SlotHandle {
        SlotHandle::new(self.slot_of_thread())
    }

    /// The calling thread's slot, or the shared one.
    #[inline]
    fn slot_of_thread(&'static self) -> &'static MemorySlot {
        CURRENT.with(|current| match current.slot.get() {
            Some(slot) => slot,
            None => self.take_slot(current),
        })
    }

    /// The slot with that index, if it is the calling thread's.
    #[inline]
    fn own(&self, index: usize) -> Option<&MemorySlot> {
        let own = CURRENT.with(|current| current.slot.get());
        let slot = self.slots.get(index);
        let is_own = |slot: &&MemorySlot| own.is_some_and(|own| core::ptr::eq(own, *slot));
        let slot = slot.filter(is_own);
        if slot.is_none() {
            self.ignore();
        }
        slot
    }

    #[cold]
    fn ignore(&self) {
        self.ignored.fetch_add(1, Ordering::Relaxed);
    }

    /// `None` for the shared slot.
    #[inline]
    fn index_of(&self, slot: &MemorySlot) -> Option<usize> {
        let offset = (&raw const *slot).addr().wrapping_sub(self.slots.as_ptr().addr());
        Some(offset / size_of::<MemorySlot>()).filter(|index| *index < SLOTS)
    }

    /// The calling thread's first update: takes a slot.
    #[cold]
    fn take_slot(&'static self, current: &Current) -> &'static MemorySlot {
        if current.ended.get() {
            return &OVERFLOW;
        }
        let key = thread_end::key();
        // Without a key the thread's end is not announced, and the slot would be lost.
        let slot = key.and_then(|_| self.take(os::thread_id(), os::thread_name()));
        let slot = slot.unwrap_or_else(|| self.overflow());
        current.slot.set(Some(slot));
        if let Some(key) = key {
            thread_end::announce(key, slot);
        }
        slot
    }

    fn overflow(&self) -> &'static MemorySlot {
        self.overflow_count.fetch_add(1, Ordering::Relaxed);
        &OVERFLOW
    }

    /// Takes the first free slot for a thread.
    fn take(&self, id: u32, name: [u8; 16]) -> Option<&MemorySlot> {
        self.slots.iter().find(|slot| slot.take(id, name))
    }

    /// Objects that all threads have taken from pools, ended ones included.
    fn all_pool_allocations(&self) -> u64 {
        let slots = self.slots.iter().chain([&OVERFLOW]);
        slots.map(MemorySlot::all_pool_allocations).fold(0, u64::wrapping_add)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn every_slot_is_one_thread_s_until_it_leaves() {
        let registry = MemoryStatsRegistry::new();
        let taken: Vec<_> = (1..=64).map(|id| registry.take(id, [0; 16]).unwrap()).collect();
        let indexes: Vec<_> = taken.iter().map(|slot| registry.index_of(slot)).collect();
        assert_eq!(indexes, (0..64).map(Some).collect::<Vec<_>>());
        assert!(taken.iter().all(|slot| (&raw const **slot).addr() % 64 == 0));
        assert!(registry.take(65, [0; 16]).is_none());
        taken[20].leave();
        assert!(core::ptr::eq(registry.take(66, [0; 16]).unwrap(), taken[20]));
        assert!(registry.take(67, [0; 16]).is_none());
        assert_eq!(registry.index_of(&OVERFLOW), None);
        assert_eq!(registry.index_of(&MemoryStatsRegistry::new().slots[0]), None);
    }

    #[test]
    fn counts_of_ended_threads_are_in_the_sums() {
        let registry = MemoryStatsRegistry::new();
        let slot = registry.take(u32::MAX, *b"gone\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
        slot.set_arena(5);
        (0..3).for_each(|_| slot.count_pool_allocation());
        let (all, process) = (registry.aggregate_stats(), registry.process_stats());
        assert_eq!((all.active_threads, all.total_arena_bytes), (1, 5));
        assert_eq!((all.total_pool_allocations, all.overflow_count), (3, 0));
        assert_eq!((process.arena_bytes, process.pool_allocations), (5, 3));
        assert_eq!(process.elsewhere.pool_allocations, 0);
        slot.leave();
        let (all, process) = (registry.aggregate_stats(), registry.process_stats());
        assert_eq!((all.active_threads, all.total_arena_bytes), (0, 0));
        assert_eq!(all.total_pool_allocations, 3);
        assert_eq!((process.arena_bytes, process.pool_allocations), (0, 3));
        assert_eq!(process.elsewhere.pool_allocations, 3);
    }
}
