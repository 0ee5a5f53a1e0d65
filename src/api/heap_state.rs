//! The heap's state: the memory that the allocator in use holds, and its fragmentation.
//!
//! Fragmentation is the memory that the allocator holds and the program does not use. A program can
//! ask for it at any time:
//!
//! ```
//! use mod_alloc::{ModAlloc, heap_state};
//!
//! #[global_allocator]
//! static ALLOC: ModAlloc = ModAlloc::new();
//!
//! fn main() {
//!     let numbers = vec![0_u8; 1 << 20];
//!     let requested = ALLOC.snapshot().current_bytes;
//!     if let Some(state) = heap_state::collect() {
//!         assert!(state.allocated.is_none_or(|allocated| allocated >= 1 << 20));
//!         println!("{} holds {:?} bytes", state.allocator.name(), state.held());
//!         println!("lost: {:?}", state.fragmentation(requested).overall);
//!     }
//!     drop(numbers);
//! }
//! ```
//!
//! Every report has the figures under `x_heap_state`, near the heap's peak and at the end; so have
//! the reports of `mod-alloc run`, and those of killed programs up to their peak. `mod-alloc
//! report` shows them in two lines:
//!
//! <!-- tested: heap lines -->
//! ```text
//!   heap before peak: requested 3.6 MiB, allocated 5.4 MiB, held by glibc 5.4 MiB: 33.9 %
//!     fragmentation; process 6.7 MiB
//!   heap at end: requested 544 B, allocated 6.4 KiB, held by glibc 3.2 MiB: 100.0 % fragmentation;
//!     process 6.1 MiB
//! ```
//!
//! glibc's allocator needs no feature; jemalloc and mimalloc need the features of those names
//! (`ModAlloc::with(tikv_jemallocator::Jemalloc)`).
//!
//! # The figures
//!
//! All figures are bytes, of the whole process and of the allocator as a whole. They include the
//! blocks of C libraries, the eight bytes that the profiler adds to each block, and the profiler's
//! blocks. A figure that an allocator does not know is `None`.
//!
//! | | jemalloc | mimalloc | glibc |
//! |---|---|---|---|
//! | `allocated` | `stats.allocated` | `None` | `uordblks + hblkhd` |
//! | `active` | `stats.active` | `commit_current` | `None` |
//! | `resident` | `stats.resident` | `None` | `None` |
//! | `mapped` | `stats.mapped` | `reserved` | `arena + hblkhd` |
//! | `retained` | `stats.retained` | `reserved` less `commit_current` | `fordblks` |
//! | `arenas` | initialized ones of `arenas.narenas` | `arena_count` | heaps of `malloc_info` |
//!
//! **jemalloc** is read with `mallctl`, after `epoch` was advanced once. `allocated` are the
//! program's blocks, rounded up to their size classes. `active` are pages that hold some block.
//! `resident` are pages that may have memory behind them, jemalloc's internal data included.
//! `mapped` are extents in use. `retained` is address space that is kept without memory behind it.
//! jemalloc is in use if it has blocks that are not internal: `allocated` is more than the arenas'
//! `internal`.
//!
//! **mimalloc** is read with `mi_process_info` and `mi_stats_get_json`. It is built without
//! counting its blocks, so `allocated` is `None`. `active` are pages that may be touched, in use or
//! kept for use. `mapped` is address space taken from the kernel. mimalloc is in use if a block
//! allocated for the question is mimalloc's (`mi_is_in_heap_region`).
//!
//! **glibc** is read with `mallinfo2` (glibc 2.33 and later) and `malloc_info`. `allocated` are
//! blocks with their headers, freed blocks that a thread keeps for itself (tcache), and blocks that
//! are a mapping each. `mapped` is the memory taken from the kernel. `retained` are free blocks in
//! the arenas, those of the fast bins included; most have memory behind them. glibc's allocator is
//! in use if `allocated` or `mapped` is not 0.
//!
//! # Cost
//!
//! glibc counts its free blocks one by one, and holds the lock of their arena meanwhile: 0.2 µs
//! with none, 2 ms with 50,000, 65 ms with 500,000 (in sixteen arenas as in one, per block). For
//! the number of its arenas, the time doubles. Other threads that need that arena wait. jemalloc
//! adds up its arenas' figures under their locks, some tens of µs. mimalloc's figures are read
//! without any lock but that of the list of its heaps.

use crate::engine::allocator;
pub use crate::engine::allocator::process::process;
pub use crate::recording::heap_state::{Allocator, Fragmentation, HeapState, ProcessMemory};

/// The state of the allocator in use: jemalloc, mimalloc or glibc's, in this order. `None` if none
/// of them is in use or its feature is off; [`process`] gives the kernel's figures all the same.
///
/// Not for signal handlers: it takes the allocator's locks.
///
/// ```
/// if let Some(state) = mod_alloc::heap_state::collect() {
///     println!("{} has {:?} bytes mapped", state.allocator.name(), state.mapped);
/// }
/// ```
#[must_use]
pub fn collect() -> Option<HeapState> {
    allocator::collect()
}

/// jemalloc's state; `None` if it is linked but not in use (it has only internal blocks), or the
/// feature `jemalloc` is off. Advances jemalloc's epoch once. The process's figures are not asked
/// for: see [`process`].
#[must_use]
pub fn jemalloc() -> Option<HeapState> {
    allocator::jemalloc::state()
}

/// mimalloc's state; `None` if it is linked but not in use, or the feature `mimalloc` is off. The
/// process's figures are not asked for: see [`process`].
#[must_use]
pub fn mimalloc() -> Option<HeapState> {
    allocator::mimalloc::state()
}

/// The state of glibc's allocator; `None` if the C library is another one or older than 2.33, or
/// its `malloc` is not in use. The process's figures are not asked for: see [`process`].
#[must_use]
pub fn glibc() -> Option<HeapState> {
    allocator::glibc::state()
}
