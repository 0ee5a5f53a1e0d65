//! The allocator's methods where blocks are sampled.

use core::alloc::{GlobalAlloc, Layout};

use super::ModAlloc;
use super::events::{ordinarily_padded, sampled};

/// As the hook's `recorded`, where blocks are sampled.
#[inline(always)]
pub(super) fn recorded(layout: Layout, allocate: impl FnOnce(Layout) -> *mut u8) -> *mut u8 {
    let Some(padded) = ordinarily_padded(layout) else { return core::ptr::null_mut() };
    let block = allocate(padded);
    if !block.is_null() {
        // SAFETY: just allocated with room for the trailer.
        unsafe { sampled::allocated(block, layout.size()) };
    }
    block
}

impl<A: GlobalAlloc> ModAlloc<A> {
    /// [`GlobalAlloc::dealloc`] where blocks are sampled. The arguments are in the order in which
    /// the processor has them already.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`], the size and alignment being a layout's; the block must
    /// have a trailer.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn freed_in_samples(block: *mut u8, size: usize, align: usize, own: &Self) {
        // SAFETY: those of a layout.
        let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        if !unsafe { sampled::passes(block, size) } {
            // SAFETY: the caller's contract, handed on.
            return unsafe { own.freed_of_samples(block, layout) };
        }
        // Padding has worked when the block was allocated.
        let padded = ordinarily_padded(layout).unwrap_or(layout);
        // SAFETY: the block was allocated by `inner` with the padded layout.
        unsafe { own.inner.dealloc(block, padded) };
    }

    /// Records the free of a sampled block, or one that changes more than its thread's numbers.
    /// Apart, so that other frees save no registers for it.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`]; the block must have a trailer.
    #[cold]
    #[inline(never)]
    unsafe fn freed_of_samples(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        unsafe { sampled::freed(block, layout.size()) };
        // Padding has worked when the block was allocated.
        let padded = ordinarily_padded(layout).unwrap_or(layout);
        // SAFETY: the block was allocated by `inner` with the padded layout.
        unsafe { self.inner.dealloc(block, padded) };
    }

    /// [`GlobalAlloc::realloc`] where blocks are sampled.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`]; the block must have a trailer.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn resized_of_samples(
        &self,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        let new = Layout::from_size_align(new_size, layout.align()).ok();
        let new = new.and_then(ordinarily_padded);
        let (Some(old), Some(new)) = (ordinarily_padded(layout), new) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        let known = unsafe { sampled::known(block, layout.size()) };
        // Before its address can be another block's.
        #[cfg(feature = "usdt")]
        super::events::probes::freed(block, known);
        // SAFETY: as in `realloc`.
        let moved = unsafe { self.inner.realloc(block, old, new.size()) };
        if !moved.is_null() {
            // SAFETY: just reallocated with room for the trailer.
            unsafe { sampled::resized(moved, known, layout.size(), new_size) };
            return moved;
        }
        // The block is still what it was.
        #[cfg(feature = "usdt")]
        if let Some(known) = known {
            super::events::probes::allocated(block, layout.size(), known);
        }
        moved
    }
}
