//! Memory by thread: its heap, and the arenas and pools that user code keeps.
//!
//! Heap figures need no call: every thread that allocates has them. But an allocator sees only
//! blocks, so user code has to report the contents of its arenas and pools. For that each thread
//! has a slot in a registry. The thread is the slot's only writer, so an update is one plain store.
//!
//! ```
//! use std::thread;
//!
//! use mod_alloc::memory_stats::{self, memory_registry};
//!
//! #[global_allocator]
//! static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//!
//! fn main() {
//!     // Each thread updates its own figures. The first update takes a slot.
//!     memory_stats::update_arena_stats(64 << 10); // its arenas hold 64 KiB
//!     memory_stats::update_pool_stats(100, 128); // its pools have 100 objects left of 128
//!     memory_stats::increment_pool_allocations(); // it took one more object
//!
//!     // Any thread reads the figures of all.
//!     thread::spawn(|| {
//!         let all = memory_registry().aggregate_stats();
//!         assert_eq!((all.active_threads, all.total_arena_bytes), (1, 64 << 10));
//!         assert_eq!((all.total_pool_free, all.total_pool_capacity), (100, 128));
//!         for thread in memory_registry().per_thread_stats() {
//!             println!("{} has {} bytes in arenas", thread.name, thread.arena_bytes);
//!         }
//!     })
//!     .join()
//!     .unwrap();
//!
//!     // Heap, arenas and pools together.
//!     for thread in memory_stats::thread_stats() {
//!         let (live, peak) = (thread.live_bytes, thread.peak_bytes);
//!         println!("{:<16} {live:>12} live, {peak:>12} at most", thread.name);
//!     }
//! }
//! ```
//!
//! # The item for a purpose
//!
//! - Update the calling thread's figures: [`update_arena_stats`], [`update_pool_stats`],
//!   [`increment_pool_allocations`].
//! - Update them many times a second: [`slot_handle`], which gives a [`SlotHandle`] to keep.
//! - Update them by the slot's index: [`get_or_register_slot`],
//!   [`MemoryStatsRegistry::update_arena`] and its neighbours.
//! - Arenas and pools of all threads: [`memory_registry`],
//!   [`MemoryStatsRegistry::aggregate_stats`].
//! - Arenas and pools of each thread: [`MemoryStatsRegistry::per_thread_stats`].
//! - Heap, arenas and pools of each thread: [`thread_stats`].
//! - Heap, arenas and pools of all threads: [`process_stats`].
//! - The slots themselves: [`MemoryStatsRegistry::slots`].
//!
//! # Slots
//!
//! There are [`capacity`] slots, 64: so many threads at a time have figures of their own. A thread
//! takes one with its first update, or with [`get_or_register_slot`], and gives it back when it
//! ends, after the destructors of its thread-locals. A thread that finds none free shares one slot
//! with all others of that kind, and writes it by atomic additions: its figures are in
//! [`aggregate_stats`](MemoryStatsRegistry::aggregate_stats), but not in
//! [`per_thread_stats`](MemoryStatsRegistry::per_thread_stats). [`overflow_count`] counts such
//! threads.
//!
//! When a thread ends, its arenas and pools are gone: their bytes and objects leave the sums.
//! Counts stay: pool allocations, and all blocks that the thread allocated and freed.
//!
//! An update with the index of another thread's slot, or of none, changes nothing;
//! [`ignored_updates`](MemoryStatsRegistry::ignored_updates) counts it.
//!
//! # Sums
//!
//! The heap figures of [`process_stats`] are those of
//! [`ModAlloc::snapshot`](crate::ModAlloc::snapshot), which alone begins anew at a
//! [`reset`](crate::ModAlloc::reset). Those of [`thread_stats`] add up to them, together with
//! threads that have ended, and with threads beyond the recording's slots, which share one.
//!
//! # With `MOD_ALLOC=off`, or without [`ModAlloc`](crate::ModAlloc) as the allocator
//!
//! Heap figures are zero then, and threads without a slot are not listed. Slots work as ever.
//!
//! # Old names
//!
//! | old name | name |
//! |---|---|
//! | `MemoryRegistry` | [`MemoryStatsRegistry`] |
//! | `MemorySlot`, a thread's handle | [`SlotHandle`]; [`MemorySlot`] is the slot itself |
//! | `get_or_register_slot()`, for a handle | [`slot_handle()`](slot_handle) |
//! | `aggregate_stats()`, `AggregateStats` | [`process_stats()`](process_stats), [`ProcessStats`] |
//! | `per_thread_stats()` | [`thread_stats()`](thread_stats) |
//! | `memory_registry().aggregate_stats()`, with the heap | [`process_stats()`](process_stats) |
//! | `memory_registry().per_thread_stats()`, with the heap | [`thread_stats()`](thread_stats) |

mod handle;
mod registry;
mod slot;
mod stats;
mod thread_end;
mod thread_name;
#[cfg_attr(mod_alloc_portable, path = "../../portable/api/threads.rs")]
mod threads;
mod with_heap;

use std::vec::Vec;

pub use handle::SlotHandle;
pub use registry::{MemoryStatsRegistry, memory_registry};
pub use slot::MemorySlot;
pub use stats::{AggregateMemoryStats, ProcessStats, ThreadMemoryStats, ThreadStats};
pub use thread_name::ThreadName;

/// The index of the calling thread's slot; takes a slot if the thread has none yet. `None` if the
/// registry was full when the thread first asked: then the functions of this module update the
/// shared slot.
///
/// Do not call it in a signal handler, unless the thread has its slot: the interrupted code may be
/// taking one.
///
/// ```
/// use mod_alloc::memory_stats::{get_or_register_slot, memory_registry, update_arena_stats};
///
/// match get_or_register_slot() {
///     Some(slot) => memory_registry().update_arena(slot, 4096),
///     None => update_arena_stats(4096), // part of the sums, without a line of its own
/// }
/// ```
#[inline]
pub fn get_or_register_slot() -> Option<usize> {
    memory_registry().register()
}

/// A handle to keep for the calling thread's updates; takes a slot if the thread has none yet. If
/// the registry was full when the thread first asked, the handle updates the shared slot.
///
/// Do not call it in a signal handler, unless the thread has its slot: the interrupted code may be
/// taking one.
///
/// ```
/// let slot = mod_alloc::memory_stats::slot_handle();
/// (1..=10).for_each(|chunks| slot.update_arena_stats(chunks * 4096));
/// ```
#[inline]
#[must_use]
pub fn slot_handle() -> SlotHandle {
    memory_registry().slot_handle()
}

/// Sets the bytes that all arenas of the calling thread hold now.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(4096);
/// ```
#[inline]
pub fn update_arena_stats(bytes: usize) {
    slot_handle().update_arena_stats(bytes);
}

/// Sets the objects that all pools of the calling thread have left now, and those that they can
/// hold.
///
/// ```
/// mod_alloc::memory_stats::update_pool_stats(12, 64);
/// ```
#[inline]
pub fn update_pool_stats(free: usize, capacity: usize) {
    slot_handle().update_pool_stats(free, capacity);
}

/// Counts one object more that the calling thread took from a pool.
///
/// ```
/// mod_alloc::memory_stats::increment_pool_allocations();
/// ```
#[inline]
pub fn increment_pool_allocations() {
    slot_handle().increment_pool_allocations();
}

/// Heap, arenas and pools of all threads together, ended ones included.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(512);
/// assert_eq!(mod_alloc::memory_stats::process_stats().arena_bytes, 512);
/// ```
#[must_use]
pub fn process_stats() -> ProcessStats {
    memory_registry().process_stats()
}

/// Heap, arenas and pools of each running thread that has allocated or has a slot.
///
/// ```
/// mod_alloc::memory_stats::update_arena_stats(512);
/// let threads = mod_alloc::memory_stats::thread_stats();
/// assert!(threads.iter().any(|thread| thread.arena_bytes == 512));
/// ```
#[must_use]
pub fn thread_stats() -> Vec<ThreadStats> {
    memory_registry().read().0
}

/// The number of threads that can have a slot at the same time.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::capacity(), 64);
/// ```
#[must_use]
pub fn capacity() -> usize {
    memory_registry().capacity()
}

/// Threads that have found no slot free so far, ended ones included.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::overflow_count(), 0);
/// ```
#[must_use]
pub fn overflow_count() -> u64 {
    memory_registry().overflow_count()
}
