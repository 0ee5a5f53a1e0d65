//! Memory by thread: what each has allocated, and what programs keep themselves.
//!
//! Heap figures come by themselves, for every thread that allocates. An allocator sees only blocks,
//! though: what a program takes from an arena or a pool of its own, it has to say. For that each thread
//! has a slot, which it alone writes, with one plain store an update:
//!
//! ```
//! # #[global_allocator]
//! # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//! use mod_alloc::memory_stats;
//!
//! // An arena has grown to 64 KiB, and a pool of 128 objects has 100 left.
//! memory_stats::update_arena_stats(64 << 10);
//! memory_stats::update_pool_stats(100, 128);
//! memory_stats::increment_pool_allocations();
//!
//! let all = memory_stats::aggregate_stats();
//! assert_eq!((all.arena_bytes, all.pool_free, all.pool_capacity), (64 << 10, 100, 128));
//! for thread in memory_stats::per_thread_stats() {
//!     println!("{:<16} {:>12} live, {:>12} at most", thread.name, thread.live_bytes, thread.peak_bytes);
//! }
//! ```
//!
//! # Slots
//!
//! There are [`capacity`] slots. A thread takes one with its first update, or with
//! [`get_or_register_slot`], and gives it back when it ends, after the destructors of its thread-locals.
//! A thread that finds none free shares one slot with all others of that kind, and writes it by atomic
//! additions: nothing is missing from [`aggregate_stats`], but [`per_thread_stats`] has no figures of
//! the arenas and pools of such a thread. [`overflow_count`] says how many there were.
//!
//! When a thread ends, its arenas and pools are gone: their bytes and objects are no longer in the sums.
//! What was counted stays: pool allocations, and all that the thread allocated and freed of the heap.
//!
//! # With `MOD_ALLOC=off`, or without [`ModAlloc`](crate::ModAlloc) as the allocator
//!
//! Heap figures are zero then, and threads without a slot are not listed. Slots work as ever.

mod registry;
mod slot;
mod stats;
pub(crate) mod threads;

use std::vec::Vec;

pub use registry::{MemoryRegistry, memory_registry};
pub use slot::MemorySlot;
pub use stats::{AggregateStats, ThreadName, ThreadStats};

/// The calling thread's slot; takes one if it has none yet.
///
/// Not to be called in a signal handler, unless the thread has its slot: it may be taking one.
///
/// ```
/// let slot = mod_alloc::memory_stats::get_or_register_slot();
/// slot.update_arena_stats(4096);
/// ```
#[inline]
#[must_use]
pub fn get_or_register_slot() -> MemorySlot {
    memory_registry().get_or_register_slot()
}

/// The calling thread's arenas hold `bytes` bytes now, all of them together.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(4096);
/// ```
#[inline]
pub fn update_arena_stats(bytes: usize) {
    get_or_register_slot().update_arena_stats(bytes);
}

/// The calling thread's pools have `free` objects left now of `capacity`, all of them together.
///
/// ```
/// mod_alloc::memory_stats::update_pool_stats(12, 64);
/// ```
#[inline]
pub fn update_pool_stats(free: usize, capacity: usize) {
    get_or_register_slot().update_pool_stats(free, capacity);
}

/// The calling thread took one more object from a pool.
///
/// ```
/// mod_alloc::memory_stats::increment_pool_allocations();
/// ```
#[inline]
pub fn increment_pool_allocations() {
    get_or_register_slot().increment_pool_allocations();
}

/// The figures of all threads together, ended ones included.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::aggregate_stats().arena_bytes, 0);
/// ```
#[must_use]
pub fn aggregate_stats() -> AggregateStats {
    memory_registry().aggregate_stats()
}

/// The figures of each running thread that has allocated or has a slot.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(512);
/// let threads = mod_alloc::memory_stats::per_thread_stats();
/// assert!(threads.iter().any(|thread| thread.arena_bytes == 512));
/// ```
#[must_use]
pub fn per_thread_stats() -> Vec<ThreadStats> {
    memory_registry().per_thread_stats()
}

/// How many threads can have a slot of their own at the same time.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::capacity(), 64);
/// ```
#[must_use]
pub fn capacity() -> usize {
    memory_registry().capacity()
}

/// How many threads have found no slot free so far, ended ones included.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::overflow_count(), 0);
/// ```
#[must_use]
pub fn overflow_count() -> u64 {
    memory_registry().overflow_count()
}
