//! The profiler's work in a process that goes on: reports. Its blocks lie in memory that the
//! program's allocator knows nothing of, and that is given back at the end.
//!
//! So a report changes neither the allocator's figures nor, afterwards, the process's memory.
//!
//! The hook finds such blocks without a look of its own: while there are any, the session is [set
//! aside](crate::engine::session::decided_for_hook), and each event takes a longer way here. A
//! thread at work has its blocks from here; blocks from here are known by their addresses, whoever
//! frees them.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::base::current::{self, AT_WORK};
use crate::base::work_memory::WorkMemory;
use crate::engine::session;

static MEMORY: WorkMemory = WorkMemory::new(session::set_aside);

/// A block that is the work's, or is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfWork(());

/// Runs `work`, whose allocations are the profiler's. No block of it may be handed to the program:
/// [`current::as_profiler`] makes blocks for that.
pub(crate) fn with<R>(work: impl FnOnce() -> R) -> R {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            MEMORY.end();
        }
    }
    if session::get().is_none() || !MEMORY.begin() {
        return current::as_profiler(work);
    }
    let _end = End;
    current::with_number(AT_WORK, work)
}

/// Tells if an event is the work's: `block` is the one that is to be freed or resized; null: a new
/// one is wanted.
pub(crate) fn find(block: *const u8) -> Option<OfWork> {
    let is_of_work = if block.is_null() { current::number() == AT_WORK } else { MEMORY.has(block) };
    is_of_work.then_some(OfWork(()))
}

/// Bytes that the work has, at most: the process has them now, and the program does not.
pub(crate) fn bytes() -> u64 {
    MEMORY.bytes()
}

impl OfWork {
    /// A block for this layout; `None` if there is none.
    pub(crate) fn allocate(self, layout: Layout, zeroed: bool) -> Option<NonNull<u8>> {
        MEMORY.allocate(layout, zeroed)
    }

    /// True if the block may have `size` bytes as it is.
    pub(crate) fn fits(self, layout: Layout, size: usize) -> bool {
        WorkMemory::fits(layout, size)
    }

    /// Frees the block.
    ///
    /// # Safety
    ///
    /// The block must be the one that was [found](find), and used no more; the layout that of its
    /// allocation, or one whose size [fits](Self::fits).
    pub(crate) unsafe fn free(self, block: *mut u8, layout: Layout) {
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the caller's promise.
            unsafe { MEMORY.free(block, layout) };
        }
    }
}

/// In a forked child: the threads at work are the parent's.
pub(crate) fn in_forked_child() {
    if current::number() != AT_WORK {
        MEMORY.forget();
    }
}
