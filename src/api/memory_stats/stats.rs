//! Figures as plain data.

use super::thread_name::ThreadName;

/// The figures that one thread gave of its arenas and pools; see
/// [`per_thread_stats`](super::MemoryStatsRegistry::per_thread_stats).
///
/// ```
/// use mod_alloc::memory_stats::{self, ThreadMemoryStats, memory_registry};
///
/// memory_stats::update_pool_stats(12, 64);
/// let threads: Vec<ThreadMemoryStats> = memory_registry().per_thread_stats().collect();
/// assert_eq!((threads[0].pool_free_count, threads[0].pool_capacity), (12, 64));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadMemoryStats {
    /// The thread's kernel id, as `gettid` gives it and `top` shows it.
    pub thread_id: u64,
    /// The thread's name when it took its slot.
    pub name: ThreadName,
    /// Bytes its arenas hold.
    pub arena_bytes: u64,
    /// Objects left in its pools.
    pub pool_free_count: u64,
    /// Objects its pools can hold.
    pub pool_capacity: u64,
    /// Objects it has taken from pools.
    pub pool_allocations: u64,
}

/// The arenas and pools of all threads together; see
/// [`aggregate_stats`](super::MemoryStatsRegistry::aggregate_stats).
///
/// Threads that share the overflow slot are in all sums, but not in `active_threads`.
///
/// ```
/// use mod_alloc::memory_stats::{self, AggregateMemoryStats, memory_registry};
///
/// memory_stats::update_pool_stats(12, 64);
/// let AggregateMemoryStats { total_pool_free, total_pool_capacity, .. } =
///     memory_registry().aggregate_stats();
/// println!("{total_pool_free} of {total_pool_capacity} objects are free");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregateMemoryStats {
    /// Threads that have a slot now.
    pub active_threads: usize,
    /// Bytes that the arenas of running threads hold.
    pub total_arena_bytes: u64,
    /// Objects left in the pools of running threads.
    pub total_pool_free: u64,
    /// Objects that the pools of running threads can hold.
    pub total_pool_capacity: u64,
    /// Objects taken from pools so far, by ended threads, too.
    pub total_pool_allocations: u64,
    /// Threads that have found no slot free so far, ended threads included.
    pub overflow_count: u64,
}

/// A running thread's memory: heap, arenas and pools; see [`thread_stats`](super::thread_stats).
///
/// A thread may free blocks of other threads, so its live figures may be negative. The sums over
/// all threads are the live figures of the process.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// use mod_alloc::memory_stats::{ThreadStats, thread_stats};
///
/// let mut threads: Vec<ThreadStats> = thread_stats();
/// threads.sort_by_key(|thread| -thread.live_bytes);
/// println!("{} has the most: {} bytes", threads[0].name, threads[0].live_bytes);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadStats {
    /// Its name; the kernel keeps 15 bytes of it.
    pub name: ThreadName,
    /// Its kernel id, as `gettid` gives it and `top` shows it.
    pub id: u32,
    /// Bytes it has allocated; a reallocation adds its whole new size.
    pub total_bytes: u64,
    /// Bytes by which its blocks came to be or grew; a reallocation adds its growth alone.
    pub grown_bytes: u64,
    /// Blocks it has allocated; a reallocation adds one.
    pub total_blocks: u64,
    /// Bytes it has allocated, less those it has freed.
    pub live_bytes: i64,
    /// Blocks it has allocated, less those it has freed.
    pub live_blocks: i64,
    /// The exact maximum of `live_bytes` since the thread began.
    pub peak_bytes: u64,
    /// Bytes its arenas hold, by its last [`update_arena_stats`](super::update_arena_stats); 0 for
    /// a thread without a slot, as for the next three.
    pub arena_bytes: u64,
    /// Objects left in its pools, by its last [`update_pool_stats`](super::update_pool_stats).
    pub pool_free: u64,
    /// Objects its pools can hold, by the same update.
    pub pool_capacity: u64,
    /// Objects it has taken from pools, by
    /// [`increment_pool_allocations`](super::increment_pool_allocations).
    pub pool_allocations: u64,
}

/// The memory of all threads together: heap, arenas and pools; see
/// [`process_stats`](super::process_stats).
///
/// Each figure is the sum over [`thread_stats`](super::thread_stats) plus that of `elsewhere`, as
/// long as nothing changes between the two calls.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// use mod_alloc::memory_stats::{ProcessStats, process_stats};
///
/// let all: ProcessStats = process_stats();
/// println!("{} bytes live in {} threads", all.live_bytes, all.threads);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessStats {
    /// Running threads that have allocated or have a slot: those that
    /// [`thread_stats`](super::thread_stats) lists.
    pub threads: usize,
    /// Bytes allocated: `total_bytes` of [`AllocStats`](crate::AllocStats).
    pub total_bytes: u64,
    /// Bytes by which blocks came to be or grew: `grown_bytes` of
    /// [`AllocStats`](crate::AllocStats).
    pub grown_bytes: u64,
    /// Blocks allocated: `alloc_count` of [`AllocStats`](crate::AllocStats).
    pub total_blocks: u64,
    /// Bytes live now: `current_bytes` of [`AllocStats`](crate::AllocStats).
    pub live_bytes: i64,
    /// Blocks live now: `live_count` of [`AllocStats`](crate::AllocStats).
    pub live_blocks: i64,
    /// Bytes in arenas, by the last update of each running thread.
    pub arena_bytes: u64,
    /// Objects left in pools, by the last update of each running thread.
    pub pool_free: u64,
    /// Objects that pools can hold, by the last update of each running thread.
    pub pool_capacity: u64,
    /// Objects taken from pools.
    pub pool_allocations: u64,
    /// Figures of no listed thread, as if they were one thread's. Heap figures and pool
    /// allocations: of ended threads, and of threads without a heap record (more than 1,023 threads
    /// at once). Arenas and pools: of the threads that [`overflow_count`](super::overflow_count)
    /// counts. Name, id and peak are empty.
    pub elsewhere: ThreadStats,
}

impl AggregateMemoryStats {
    /// Adds the arenas and pools of one thread.
    pub(super) fn add_gauges(&mut self, [arena_bytes, pool_free, pool_capacity]: [u64; 3]) {
        self.total_arena_bytes = self.total_arena_bytes.wrapping_add(arena_bytes);
        self.total_pool_free = self.total_pool_free.wrapping_add(pool_free);
        self.total_pool_capacity = self.total_pool_capacity.wrapping_add(pool_capacity);
    }
}

impl ThreadStats {
    /// Takes over the figures of the thread's slot.
    pub(super) fn with_slot(self, slot: ThreadMemoryStats) -> Self {
        ThreadStats {
            arena_bytes: slot.arena_bytes,
            pool_free: slot.pool_free_count,
            pool_capacity: slot.pool_capacity,
            pool_allocations: slot.pool_allocations,
            ..self
        }
    }

    /// Adds the figures of `other`; name, id and peak stay.
    pub(super) fn add(&mut self, other: &ThreadStats) {
        self.total_bytes = self.total_bytes.wrapping_add(other.total_bytes);
        self.grown_bytes = self.grown_bytes.wrapping_add(other.grown_bytes);
        self.total_blocks = self.total_blocks.wrapping_add(other.total_blocks);
        self.live_bytes = self.live_bytes.wrapping_add(other.live_bytes);
        self.live_blocks = self.live_blocks.wrapping_add(other.live_blocks);
        self.arena_bytes = self.arena_bytes.wrapping_add(other.arena_bytes);
        self.pool_free = self.pool_free.wrapping_add(other.pool_free);
        self.pool_capacity = self.pool_capacity.wrapping_add(other.pool_capacity);
        self.pool_allocations = self.pool_allocations.wrapping_add(other.pool_allocations);
    }
}

impl ProcessStats {
    /// `running`: the sum over `threads` running threads.
    pub(super) fn new(threads: usize, running: ThreadStats, elsewhere: ThreadStats) -> Self {
        let mut sum = running;
        sum.add(&elsewhere);
        ProcessStats {
            threads,
            total_bytes: sum.total_bytes,
            grown_bytes: sum.grown_bytes,
            total_blocks: sum.total_blocks,
            live_bytes: sum.live_bytes,
            live_blocks: sum.live_blocks,
            arena_bytes: sum.arena_bytes,
            pool_free: sum.pool_free,
            pool_capacity: sum.pool_capacity,
            pool_allocations: sum.pool_allocations,
            elsewhere,
        }
    }
}
