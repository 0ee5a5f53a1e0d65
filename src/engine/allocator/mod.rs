//! The allocators whose figures can be read.
//!
//! | allocator | in use if | figures by |
//! |---|---|---|
//! | jemalloc | it has blocks that are not internal | `mallctl` |
//! | mimalloc | a new block of the program's is its own | `mi_process_info`, its statistics |
//! | glibc | it has blocks, and neither of the others is in use | `mallinfo2`, `malloc_info` |
//!
//! An allocator that is linked and never used has no state: a crate deep in the tree may link one.
//! A figure that an allocator does not have is `None`, never 0.

#[cfg(target_env = "gnu")]
pub(crate) mod glibc;
#[cfg(feature = "jemalloc")]
pub(crate) mod jemalloc;
#[cfg(feature = "mimalloc")]
pub(crate) mod mimalloc;
#[cfg(feature = "backtraces")]
pub(crate) mod moments;
#[cfg(not(all(feature = "jemalloc", feature = "mimalloc", target_env = "gnu")))]
pub(crate) mod none;
pub(crate) mod process;

#[cfg(not(target_env = "gnu"))]
pub(crate) use none as glibc;
#[cfg(not(feature = "jemalloc"))]
pub(crate) use none as jemalloc;
#[cfg(not(feature = "mimalloc"))]
pub(crate) use none as mimalloc;

use crate::recording::heap_state::HeapState;

/// The state of the allocator in use: the first of the three that is.
pub(crate) fn collect() -> Option<HeapState> {
    let state = jemalloc::state().or_else(mimalloc::state).or_else(glibc::state)?;
    Some(HeapState { process: process::process(), ..state })
}

/// The state as far as any allocation may ask for it: [`collect`] without its slow figures, and
/// without use of the heap.
#[cfg(feature = "backtraces")]
pub(crate) fn collect_quickly() -> Option<HeapState> {
    jemalloc::quick_state().or_else(mimalloc::quick_state).or_else(glibc::quick_state)
}
