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
pub(crate) mod process;

use crate::recording::heap_state::HeapState;

/// The state of the allocator in use: the first of the three that is.
pub(crate) fn collect() -> Option<HeapState> {
    let state = jemalloc_state().or_else(mimalloc_state).or_else(glibc_state)?;
    Some(HeapState { process: process::process(), ..state })
}

/// jemalloc's state, without the process's figures; `None` if it is not in use.
pub(crate) fn jemalloc_state() -> Option<HeapState> {
    #[cfg(feature = "jemalloc")]
    return jemalloc::state();
    #[cfg(not(feature = "jemalloc"))]
    None
}

/// mimalloc's state, without the process's figures; `None` if it is not in use.
pub(crate) fn mimalloc_state() -> Option<HeapState> {
    #[cfg(feature = "mimalloc")]
    return mimalloc::state();
    #[cfg(not(feature = "mimalloc"))]
    None
}

/// The state of glibc's allocator, without the process's figures; `None` if it is not in use.
pub(crate) fn glibc_state() -> Option<HeapState> {
    #[cfg(target_env = "gnu")]
    return glibc::state();
    #[cfg(not(target_env = "gnu"))]
    None
}

/// The state as far as any allocation may ask for it: [`collect`] without its slow figures, and
/// without use of the heap.
#[cfg(feature = "backtraces")]
pub(crate) fn collect_quickly() -> Option<HeapState> {
    #[cfg(feature = "jemalloc")]
    if let Some(state) = jemalloc::state() {
        return Some(state);
    }
    #[cfg(feature = "mimalloc")]
    if let Some(state) = mimalloc::quick_state() {
        return Some(state);
    }
    #[cfg(target_env = "gnu")]
    return glibc::quick_state();
    #[cfg(not(target_env = "gnu"))]
    None
}
