//! The memory that the allocator in use holds: the fragmentation of the heap.
//!
//! ```
//! # #[global_allocator]
//! # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//! let numbers = vec![0_u8; 1 << 20];
//! if let Some(state) = mod_alloc::heap_state::collect() {
//!     assert!(state.allocated.is_none_or(|allocated| allocated >= 1 << 20));
//!     println!("{:?} holds {:?} bytes", state.allocator, state.held());
//! }
//! # drop(numbers);
//! ```
//!
//! Every report has the same under `x_heap_state`, near the heap's peak and at the end.
//!
//! # What the figures mean
//!
//! All are bytes, of the whole process, and of the allocator as a whole: what C libraries allocated
//! of it counts, and so do the eight bytes that the profiler adds to each block, and what the
//! profiler itself has allocated. What an allocator does not know is `None`.
//!
//! | | jemalloc | mimalloc | glibc |
//! |---|---|---|---|
//! | `allocated` | `stats.allocated`: blocks of the program, rounded up to their size classes | `None`: it is built without counting them | `uordblks + hblkhd`: blocks with their headers, those of freed blocks that a thread keeps for itself (tcache), and blocks that are mappings of their own |
//! | `active` | `stats.active`: pages that hold some block | `commit_current`: pages that may be touched, be they used or kept for use | `None` |
//! | `resident` | `stats.resident`: pages that may have memory behind them, its own books included | `None` | `None` |
//! | `mapped` | `stats.mapped`: extents in use | `reserved`: address space taken from the kernel | `arena + hblkhd`: what was taken from the kernel |
//! | `retained` | `stats.retained`: address space kept, without memory behind it | `reserved` less `commit_current` | `fordblks`: free blocks in the arenas, those of the fast bins included; most have memory behind them |
//! | `arenas` | those of `arenas.narenas` that are initialized | `arena_count` | the heaps that `malloc_info` lists |
//! | read with | `mallctl`, after `epoch` was advanced once | `mi_process_info`, `mi_stats_get_json` | `mallinfo2` (glibc 2.33 and later), `malloc_info` |
//! | in use if | it has blocks beside its own: `allocated` is more than the arenas' `internal` | a block allocated for the question is one of its own (`mi_is_in_heap_region`) | `allocated` or `mapped` is not 0 |
//!
//! jemalloc needs the feature `jemalloc`, mimalloc the feature `mimalloc`; glibc's own allocator
//! needs none.
//!
//! # What it costs
//!
//! glibc counts its free blocks one by one, holding the lock of the arena that they are in: 0.2 µs
//! with none, 2 ms with 50,000, 65 ms with 500,000 (in sixteen arenas as in one, per block), and
//! for the number of its arenas the same once more. Other threads that need that arena wait.
//! jemalloc adds up its arenas' books under their locks, some tens of µs. mimalloc's figures are
//! read without any lock but that of the list of its heaps.

use crate::engine::allocator;
pub use crate::engine::allocator::process::process;
pub use crate::recording::heap_state::{Allocator, Fragmentation, HeapState, ProcessMemory};

/// The state of the allocator in use: the first of jemalloc, mimalloc and glibc's that is. `None`
/// if none of those whose feature is on is in use; [`process`] knows what the kernel says all the
/// same.
///
/// Not for signal handlers: it takes locks of the allocator's.
#[must_use]
pub fn collect() -> Option<HeapState> {
    allocator::collect()
}

/// jemalloc's state; `None` if it is linked but not in use (nobody but itself has blocks of it), or
/// the feature `jemalloc` is off. Advances jemalloc's epoch once. The process's figures are not
/// asked for: see [`process`].
#[must_use]
pub fn jemalloc() -> Option<HeapState> {
    allocator::jemalloc_state()
}

/// mimalloc's state; `None` if it is linked but not in use, or the feature `mimalloc` is off. The
/// process's figures are not asked for: see [`process`].
#[must_use]
pub fn mimalloc() -> Option<HeapState> {
    allocator::mimalloc_state()
}

/// The state of glibc's allocator; `None` if the C library is another one or older than 2.33, or
/// its `malloc` is not in use. The process's figures are not asked for: see [`process`].
#[must_use]
pub fn glibc() -> Option<HeapState> {
    allocator::glibc_state()
}
