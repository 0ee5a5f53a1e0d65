//! The allocator hook: forwards to the inner allocator and records.
//!
//! The order is the same everywhere: an allocation is recorded after the inner allocator has
//! succeeded (a failure is no event), a free before the block is given back (its trailer
//! has to be read), a reallocation when it has succeeded.

use core::alloc::{GlobalAlloc, Layout};
use std::alloc::System;

use crate::engine::session;

/// An allocator that records what goes through it and forwards to the allocator `A`.
///
/// ```
/// #[global_allocator]
/// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {}
/// ```
///
/// With the default features, the process writes `dhat-heap.json` when it exits and prints four lines
/// on standard error; the environment variables of the crate's documentation change that. All four
/// allocation methods are forwarded to the same method of `A`: zeroed memory stays lazily
/// zeroed and reallocations stay in place.
///
/// There is one recording per process, whatever number of `ModAlloc`s it has.
#[derive(Debug, Default)]
pub struct ModAlloc<A = System> {
    inner: A,
}

impl ModAlloc<System> {
    /// Records what goes to the system's allocator.
    #[must_use]
    pub const fn new() -> Self {
        ModAlloc { inner: System }
    }
}

impl<A> ModAlloc<A> {
    /// Records what goes to the allocator `inner`.
    ///
    /// ```
    /// use std::alloc::System;
    /// static ALLOC: mod_alloc::ModAlloc<System> = mod_alloc::ModAlloc::with(System);
    /// ```
    #[must_use]
    pub const fn with(inner: A) -> Self {
        ModAlloc { inner }
    }
}

// SAFETY: every method keeps the contract of the inner allocator's method of the same name: the
// block returned is the inner one, at the same address and alignment, with 8 bytes more behind
// it than the caller asked for when the process is recorded; and whether it is never changes.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ModAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(session) = session::get() else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.inner.alloc(layout) };
        };
        let Some(padded) = events::padded(layout) else { return core::ptr::null_mut() };
        // SAFETY: the padded layout's size is not zero.
        let block = unsafe { self.inner.alloc(padded) };
        if !block.is_null() {
            // SAFETY: just allocated with room for the trailer.
            unsafe { events::allocated(session, block, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(session) = session::get() else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.inner.alloc_zeroed(layout) };
        };
        let Some(padded) = events::padded(layout) else { return core::ptr::null_mut() };
        // SAFETY: the padded layout's size is not zero.
        let block = unsafe { self.inner.alloc_zeroed(padded) };
        if !block.is_null() {
            // SAFETY: just allocated with room for the trailer.
            unsafe { events::allocated(session, block, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(session) = session::get() else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.inner.dealloc(block, layout) };
        };
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        unsafe { events::freed(session, block, layout.size()) };
        // Padding has worked when the block was allocated.
        let padded = events::padded(layout).unwrap_or(layout);
        // SAFETY: the block was allocated by `inner` with the padded layout.
        unsafe { self.inner.dealloc(block, padded) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(session) = session::get() else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.inner.realloc(block, layout, new_size) };
        };
        let new = Layout::from_size_align(new_size, layout.align()).ok().and_then(events::padded);
        let (Some(old), Some(new)) = (events::padded(layout), new) else {
            return core::ptr::null_mut();
        };
        // SAFETY: the caller's block, allocated by us with room for the trailer.
        let site = unsafe { events::site_of(session, block, layout.size()) };
        // SAFETY: the block was allocated by `inner` with the old padded layout; the new
        // padded size is not zero and does not overflow, as it is that of a layout.
        let moved = unsafe { self.inner.realloc(block, old, new.size()) };
        if !moved.is_null() {
            // SAFETY: just reallocated with room for the trailer.
            unsafe { events::resized(session, moved, site, layout.size(), new_size) };
        } else {
            // SAFETY: the block is still what it was.
            unsafe { events::kept(session, block, layout.size()) };
        }
        moved
    }
}

/// What an event is without stacks: numbers alone, and blocks as the inner allocator gives them.
#[cfg(not(feature = "backtraces"))]
mod events {
    use core::alloc::Layout;

    use crate::base::os::clock;
    use crate::base::sync::Ordering;
    use crate::engine::inside::{Inside, Outside};
    use crate::engine::session::Session;
    use crate::store::peak::{EXACT, Front, Heap};

    /// The layout as it is: there are no trailers.
    #[inline(always)]
    pub(super) fn padded(layout: Layout) -> Option<Layout> {
        Some(layout)
    }

    /// Calls `enter` with the front to use, or counts the event as lost. In exact mode the thread's own
    /// front is to `count` it, too.
    #[inline(always)]
    fn with_front(
        session: &'static Session,
        bytes: usize,
        count: impl Fn(&Front),
        enter: impl Fn(&Front, &Heap),
    ) {
        let inside = Inside::enter_fast(session).ok_or(()).or_else(|()| Inside::enter(session));
        match inside {
            Ok(mut inside) => {
                let heap = session.heap();
                let front = &inside.thread().slot.front;
                if heap.mode.load(Ordering::Relaxed) == EXACT {
                    let _held = heap.lock.lock();
                    count(front);
                    enter(&heap.exact, heap);
                } else {
                    enter(front, heap);
                }
            }
            Err(Outside::Own) => {}
            Err(Outside::Reentrant) => {
                session.header.losses.reentrant.add_shared(1);
                session.header.losses.reentrant_bytes.add_shared(bytes as u64);
            }
        }
    }

    pub(super) unsafe fn allocated(session: &'static Session, _block: *mut u8, size: usize) {
        let (bytes, now) = (size as u64, clock::now());
        let count = |front: &Front| _ = front.count_allocated(bytes);
        with_front(session, size, count, |front, heap| front.allocated(bytes, now, heap));
    }

    pub(super) unsafe fn freed(session: &'static Session, _block: *mut u8, size: usize) {
        let (bytes, now) = (size as u64, clock::now());
        let count = |front: &Front| _ = front.count_freed(bytes);
        with_front(session, size, count, |front, heap| front.freed(bytes, now, heap));
    }

    /// Stands for the site that blocks have not.
    pub(super) struct NoSite;

    pub(super) unsafe fn site_of(_session: &Session, _block: *mut u8, _size: usize) -> NoSite {
        NoSite
    }

    pub(super) unsafe fn kept(_session: &Session, _block: *mut u8, _size: usize) {}

    pub(super) unsafe fn resized(
        session: &'static Session,
        _block: *mut u8,
        _site: NoSite,
        old: usize,
        new: usize,
    ) {
        let (old, new, now) = (old as u64, new as u64, clock::now());
        let count = |front: &Front| _ = front.count_resized(old, new);
        with_front(session, old as usize, count, |front, heap| front.resized(old, new, now, heap));
    }
}

/// What an event is with stacks: a site, a trailer behind the block, and numbers per site.
#[cfg(feature = "backtraces")]
mod events {
    use crate::capture::registers::{Registers, with_callers_registers};
    use crate::engine::events::{born, damaged, died, died_unrecorded, grown};
    use crate::engine::session::Session;
    use crate::engine::windows;
    use crate::store::sites::NO_SITE;
    use crate::store::trailer;
    pub(super) use crate::store::trailer::padded;
    #[cfg(feature = "groups")]
    use crate::tracker;

    with_callers_registers! {
        /// Records a new block, whose stack begins with the caller, and writes its trailer.
        ///
        /// # Safety
        ///
        /// The block must be valid for writes of its size (the last argument) and the trailer.
        pub(super) allocated(&'static Session, *mut u8, usize) => entrance
    }

    #[cfg(not(feature = "groups"))]
    use self::record as entrance;
    #[cfg(feature = "groups")]
    use self::record_or_report as entrance;

    /// The same, and tells a tracker if there is one. The two are apart, so that neither has to keep
    /// registers for the other.
    #[cfg(feature = "groups")]
    unsafe extern "C" fn record_or_report(
        session: &'static Session,
        block: *mut u8,
        size: usize,
        pc: u64,
        sp: u64,
        bp: u64,
    ) {
        if tracker::is_watched() {
            // SAFETY: the caller's promise.
            unsafe { tracker::record(session, block, size, pc, sp, bp) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { record(session, block, size, pc, sp, bp) };
        }
    }

    /// Records a new block and writes its trailer. `pc`, `sp` and `bp` are the registers of the
    /// innermost frame to record.
    #[cfg_attr(feature = "groups", inline(never))]
    unsafe extern "C" fn record(
        session: &'static Session,
        block: *mut u8,
        size: usize,
        pc: u64,
        sp: u64,
        bp: u64,
    ) {
        let site = born(session, size, Registers { pc, sp, bp });
        // SAFETY: the caller's promise.
        unsafe { trailer::write(block, size, site) };
    }

    /// Records that a block is about to be freed.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads of `size` bytes and the trailer.
    #[inline]
    pub(super) unsafe fn freed(session: &'static Session, block: *mut u8, size: usize) {
        // SAFETY: the caller's promise.
        match unsafe { trailer::read(block, size) } {
            Some(site) => died(session, site, size),
            #[cfg(feature = "groups")]
            // SAFETY: the caller's promise.
            None => unsafe { tracker::freed(session, block, size) },
            #[cfg(not(feature = "groups"))]
            None => damaged(session, size),
        }
    }

    /// The site of a block that is about to be reallocated; `None` if its trailer is damaged.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads of `size` bytes and the trailer.
    #[inline(always)]
    pub(super) unsafe fn site_of(
        session: &'static Session,
        block: *mut u8,
        size: usize,
    ) -> Option<u32> {
        #[cfg(not(feature = "groups"))]
        let _no_tracker = session;
        // SAFETY: the caller's promise.
        let site = unsafe { trailer::read(block, size) };
        #[cfg(feature = "groups")]
        // SAFETY: the caller's promise.
        let site = site.or_else(|| unsafe { tracker::take_site(session, block, size) });
        site
    }

    /// A block could not be reallocated.
    ///
    /// # Safety
    ///
    /// `block` must be valid for writes of `size` bytes and the trailer.
    #[cold]
    pub(super) unsafe fn kept(session: &'static Session, block: *mut u8, size: usize) {
        #[cfg(feature = "groups")]
        // SAFETY: the caller's promise.
        unsafe {
            tracker::kept(session, block, size);
        }
        #[cfg(not(feature = "groups"))]
        let _no_tracker = (session, block, size);
    }

    /// Records that a block of `site` has changed its size, and writes its trailer anew. A block that
    /// is not known is a new block.
    ///
    /// # Safety
    ///
    /// `block` must be valid for writes of `new` bytes and the trailer.
    #[inline]
    pub(super) unsafe fn resized(
        session: &'static Session,
        block: *mut u8,
        site: Option<u32>,
        old: usize,
        new: usize,
    ) {
        let Some(site) = site.filter(|site| windows::knows(*site)) else {
            match site {
                None => damaged(session, old),
                Some(NO_SITE) => died_unrecorded(old),
                Some(_) => {}
            }
            // SAFETY: the caller's promise.
            return unsafe { allocated(session, block, new) };
        };
        let site = grown(session, site, old, new);
        // SAFETY: the caller's promise.
        unsafe { trailer::write(block, new, site) };
        #[cfg(feature = "groups")]
        if tracker::is_watched() {
            // SAFETY: the caller's promise.
            unsafe { tracker::report_new(session, block, new, site) };
        }
    }
}
