//! In the place of the profiler's work, in a build whose reports are made elsewhere.

use core::alloc::Layout;
use core::ptr::NonNull;

/// There are no such blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OfWork {}

/// None is.
pub(crate) fn find(_: *const u8) -> Option<OfWork> {
    None
}

/// No bytes.
#[cfg(feature = "backtraces")]
pub(crate) fn bytes() -> u64 {
    0
}

impl OfWork {
    pub(crate) fn allocate(self, _: Layout, _: bool) -> Option<NonNull<u8>> {
        match self {}
    }

    pub(crate) fn fits(self, _: Layout, _: usize) -> bool {
        match self {}
    }

    pub(crate) unsafe fn free(self, _: *mut u8, _: Layout) {
        match self {}
    }
}
