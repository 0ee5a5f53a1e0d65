//! The allocator: a [`ModAlloc`] that records nothing until somebody asks.

use core::alloc::{GlobalAlloc, Layout};

use super::phase::note_use;
use super::{AS_1_0, Alloc};
use crate::hook::ModAlloc;
use crate::sync::{AtomicU32, Ordering};
use crate::{session, windows};

static INNER: ModAlloc = ModAlloc::new();

/// The process's first block decides whether it is recorded: before that, what is recorded of it.
#[inline(always)]
fn before_first() {
    if session::is_undecided() {
        begin();
    }
}

#[cold]
#[inline(never)]
fn begin() {
    INSTALLED.store(1, Ordering::Relaxed);
    note_use();
    if AS_1_0 {
        windows::count_only();
    } else {
        windows::close_from_start();
    }
}

/// 1: there is an [`Alloc`], so nothing has a stack, or is recorded at all, without a profiler.
static INSTALLED: AtomicU32 = AtomicU32::new(0);

/// See [`INSTALLED`].
pub(super) fn is_installed() -> bool {
    // Only ever set, and before there is anything to be read.
    INSTALLED.load(Ordering::Relaxed) != 0
}

// SAFETY: every method is that of `INNER`, of which there is one.
unsafe impl GlobalAlloc for Alloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        before_first();
        // SAFETY: the caller's contract, handed on.
        unsafe { INNER.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        before_first();
        // SAFETY: the caller's contract, handed on.
        unsafe { INNER.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract, handed on.
        unsafe { INNER.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract, handed on.
        unsafe { INNER.realloc(block, layout, new_size) }
    }
}
