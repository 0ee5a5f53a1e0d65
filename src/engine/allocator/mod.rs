//! The allocators whose books can be read.

#[cfg(target_env = "gnu")]
pub(crate) mod glibc;
#[cfg(feature = "jemalloc")]
pub(crate) mod jemalloc;
#[cfg(feature = "mimalloc")]
pub(crate) mod mimalloc;
#[cfg(feature = "backtraces")]
pub(crate) mod moments;
pub(crate) mod process;

#[cfg(feature = "backtraces")]
use crate::api::heap_state::HeapState;

/// What can be had at any allocation: as [`collect`], but for what takes long, and without the heap.
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
