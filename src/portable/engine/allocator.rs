//! The state of allocators, none of which can be asked here, and the process's own memory, which
//! is not known either.

use crate::recording::heap_state::{HeapState, ProcessMemory};

#[path = "../../engine/allocator/none.rs"]
pub(crate) mod none;

pub(crate) use none as glibc;
pub(crate) use none as jemalloc;
pub(crate) use none as mimalloc;

/// The state of the allocator in use: not known.
pub(crate) fn collect() -> Option<HeapState> {
    jemalloc::state().or_else(mimalloc::state).or_else(glibc::state)
}

pub(crate) mod process {
    //! The process's memory.

    use super::ProcessMemory;

    /// The process's memory, by the kernel's account: known on 64-bit Linux alone.
    ///
    /// ```
    /// let memory = mod_alloc::heap_state::process();
    /// println!("{:?} bytes resident, {:?} at most", memory.resident, memory.peak_resident);
    /// ```
    #[must_use]
    pub fn process() -> ProcessMemory {
        ProcessMemory::default()
    }
}
