//! The allocation methods, on the way to the portable engine.
//!
//! None is inlined, so that its frame is the outermost of the profiler's, and the stack begins at
//! its caller.

use core::alloc::{GlobalAlloc, Layout};

use super::ModAlloc;
use crate::engine::events;
use crate::engine::events::Marker;
use crate::start::begin;
#[cfg(feature = "groups")]
use crate::tracker;

// SAFETY: every method is the inner allocator's, at the same address and with the same layout.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ModAlloc<A> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let local = 0_u8;
        // SAFETY: the caller's contract, handed on.
        let block = unsafe { self.inner.alloc(layout) };
        self.allocated(block, layout.size(), Marker::at(&local));
        block
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let local = 0_u8;
        // SAFETY: the caller's contract, handed on.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        self.allocated(block, layout.size(), Marker::at(&local));
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Before the block is given back: another thread may get one at its address.
        if let Some(known) = events::taken(block.addr()) {
            #[cfg(feature = "groups")]
            tracker::gone(block.addr(), &known);
            events::freed(known);
        }
        // SAFETY: the caller's contract, handed on.
        unsafe { self.inner.dealloc(block, layout) };
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let local = 0_u8;
        let known = events::taken(block.addr());
        #[cfg(feature = "groups")]
        if let Some(known) = &known {
            tracker::gone(block.addr(), known);
        }
        // SAFETY: the caller's contract, handed on.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        match known {
            Some(known) => {
                let is_kept = moved.is_null();
                let at = if is_kept { block } else { moved }.addr();
                #[cfg(feature = "groups")]
                let known =
                    tracker::again(at, if is_kept { layout.size() } else { new_size }, known);
                if is_kept {
                    events::kept(at, known);
                } else {
                    events::resized(at, known, new_size);
                }
            }
            // A block that is not known is a new one.
            None => self.allocated(moved, new_size, Marker::at(&local)),
        }
        moved
    }
}

impl<A> ModAlloc<A> {
    #[inline]
    fn allocated(&self, block: *mut u8, size: usize, marker: Marker) {
        if !block.is_null() && events::allocated(&self.options, begin, block.addr(), size, marker) {
            #[cfg(feature = "groups")]
            tracker::new(block.addr(), size);
        }
    }
}
