//! The allocation methods, on the way to the engine.

use core::alloc::{GlobalAlloc, Layout};

#[cfg(feature = "backtraces")]
use super::in_samples;
use super::{ModAlloc, events};
use crate::base::options::Options;
#[cfg(feature = "backtraces")]
use crate::base::sync::once::Aside;
use crate::engine::session::{self, Session};
use crate::engine::work::OfWork;
use crate::start;

// SAFETY: every method keeps the contract of the inner allocator's method of the same name: the
// block returned is the inner one, at the same address and alignment, with room for the trailer
// behind it when the process is recorded; and whether it is, and how much room, never changes.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ModAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract, handed on; a padded layout's size is not zero.
        recorded(&self.options, layout, false, |layout| unsafe { self.inner.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract, handed on; a padded layout's size is not zero.
        recorded(&self.options, layout, true, |layout| unsafe { self.inner.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match session::decided_for_hook() {
            // SAFETY: the caller's contract, handed on.
            Ok(Some(session)) => unsafe { self.freed(session, block, layout) },
            // SAFETY: the caller's contract, handed on.
            Ok(None) => unsafe { self.inner.dealloc(block, layout) },
            #[cfg(feature = "backtraces")]
            // SAFETY: the caller's contract, handed on.
            Err(Aside::Otherwise) => unsafe {
                Self::freed_in_samples(block, layout.size(), layout.align(), self);
            },
            // SAFETY: the caller's contract, handed on.
            Err(_) => unsafe { self.freed_if_decided(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let session = match start::session_for(&self.options, block) {
            Ok(Some(session)) => session,
            // SAFETY: the caller's contract, handed on.
            Ok(None) => return unsafe { self.inner.realloc(block, layout, new_size) },
            Err(of_work) => {
                // SAFETY: the caller's contract, handed on, and the block was just found.
                return unsafe { self.resized_of_work(of_work, block, layout, new_size) };
            }
        };
        #[cfg(feature = "backtraces")]
        if session.is_sampled() {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.resized_of_samples(block, layout, new_size) };
        }
        let new = Layout::from_size_align(new_size, layout.align()).ok();
        let new = new.and_then(|new| events::padded(session, new));
        let (Some(old), Some(new)) = (events::padded(session, layout), new) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        let known = unsafe { events::known(session, block, layout.size()) };
        // SAFETY: the block was allocated by `inner` with the old padded layout; the new
        // padded size is not zero and does not overflow, as it is that of a layout.
        let moved = unsafe { self.inner.realloc(block, old, new.size()) };
        if !moved.is_null() {
            // SAFETY: just reallocated with room for the trailer.
            unsafe { events::resized(session, moved, known, layout.size(), new_size) };
        } else {
            // SAFETY: the block is still what it was.
            unsafe { events::kept(session, block, layout.size()) };
        }
        moved
    }
}

impl<A: GlobalAlloc> ModAlloc<A> {
    /// Records the free of a block and frees it.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`]; the block must have a trailer.
    #[inline(always)]
    unsafe fn freed(&self, session: &'static Session, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        unsafe { events::freed(session, block, layout.size()) };
        // Padding has worked when the block was allocated.
        let padded = events::padded(session, layout).unwrap_or(layout);
        // SAFETY: the block was allocated by `inner` with the padded layout.
        unsafe { self.inner.dealloc(block, padded) };
    }

    /// [`GlobalAlloc::dealloc`] where nothing is decided, or the profiler is at work.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::dealloc`].
    #[cold]
    #[inline(never)]
    unsafe fn freed_if_decided(&self, block: *mut u8, layout: Layout) {
        match start::decide_for(&self.options, block) {
            // SAFETY: the caller's contract, handed on.
            Ok(Some(session)) => unsafe { self.freed(session, block, layout) },
            // SAFETY: the caller's contract, handed on.
            Ok(None) => unsafe { self.inner.dealloc(block, layout) },
            // SAFETY: the caller's block, which was just found.
            Err(of_work) => unsafe { of_work.free(block, layout) },
        }
    }

    /// Resizes a block of the profiler's work.
    ///
    /// # Safety
    ///
    /// As for [`GlobalAlloc::realloc`]; the block must be the one that was found.
    #[cold]
    unsafe fn resized_of_work(
        &self,
        of_work: OfWork,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        if of_work.fits(layout, new_size) {
            return block;
        }
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return core::ptr::null_mut();
        };
        // SAFETY: by the caller's contract the new size is not zero.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: both blocks have that many bytes, and one is new.
            unsafe { new.copy_from_nonoverlapping(block, layout.size().min(new_size)) };
            // SAFETY: the caller's block, which is moved.
            unsafe { of_work.free(block, layout) };
        }
        new
    }
}

/// Allocates by `allocate`, with room for the trailer, and records the block.
#[inline(always)]
fn recorded(
    options: &Options,
    layout: Layout,
    zeroed: bool,
    allocate: impl FnOnce(Layout) -> *mut u8,
) -> *mut u8 {
    // The ordinary trailer's size is a constant, and there is one way more: where a caller's size
    // is known, all of this folds to a call of the inner allocator, and is inlined. Else LLVM would
    // see a call of Rust's allocator, and leave out blocks that are never used, which dhat counts.
    let session = match session::decided_for_hook() {
        Ok(Some(session)) => session,
        Ok(None) => return recorded_otherwise(None, layout, allocate),
        // Apart from the line above, or the compiler puts both before the ordinary way.
        #[cfg(feature = "backtraces")]
        Err(Aside::Otherwise) => return in_samples::recorded(layout, allocate),
        Err(_) => match start::decide_for(options, core::ptr::null()) {
            Ok(Some(session)) if events::has_ordinary_trailers(session) => session,
            Ok(session) => return recorded_otherwise(session, layout, allocate),
            Err(of_work) => return allocated_for_work(of_work, layout, zeroed, allocate),
        },
    };
    recorded_as(session, layout, events::ordinarily_padded(layout), allocate)
}

/// Allocates for the profiler's work: by `allocate` if that has no memory.
#[cold]
#[inline(never)]
fn allocated_for_work(
    of_work: OfWork,
    layout: Layout,
    zeroed: bool,
    allocate: impl FnOnce(Layout) -> *mut u8,
) -> *mut u8 {
    match of_work.allocate(layout, zeroed) {
        Some(block) => block.as_ptr(),
        None => recorded_otherwise(session::get(), layout, allocate),
    }
}

/// As [`recorded`], in a process that is not recorded, and where blocks have longer trailers.
#[cold]
#[inline(never)]
fn recorded_otherwise(
    session: Option<&'static Session>,
    layout: Layout,
    allocate: impl FnOnce(Layout) -> *mut u8,
) -> *mut u8 {
    match session {
        Some(session) => recorded_as(session, layout, events::padded(session, layout), allocate),
        None => allocate(layout),
    }
}

#[inline(always)]
fn recorded_as(
    session: &'static Session,
    layout: Layout,
    padded: Option<Layout>,
    allocate: impl FnOnce(Layout) -> *mut u8,
) -> *mut u8 {
    let Some(padded) = padded else { return core::ptr::null_mut() };
    let block = allocate(padded);
    if !block.is_null() {
        // SAFETY: just allocated with room for the trailer.
        unsafe { events::allocated(session, block, layout.size()) };
    }
    block
}
