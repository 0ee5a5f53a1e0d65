//! The crate on targets that are neither Unix nor Windows: the allocator forwards, and nothing is
//! recorded.
//!
//! WebAssembly and systems without std have nothing to write a report to, or no stacks to walk. So
//! a library that has this crate still compiles there, and a program's
//! `#[global_allocator]` line may stay. The rest of the interface is not there.

use core::alloc::{GlobalAlloc, Layout};

/// The system's allocator, where there is one.
#[cfg(not(target_os = "none"))]
type System = std::alloc::System;

/// Stands for the system's allocator, which this target has not: name one by
/// [`with`](ModAlloc::with).
#[cfg(target_os = "none")]
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

/// An allocator that forwards to the allocator `A`, and records nothing on this target.
#[derive(Debug, Default)]
pub struct ModAlloc<A = System> {
    inner: A,
}

#[cfg(not(target_os = "none"))]
impl ModAlloc<System> {
    /// Forwards to the system's allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self::with(std::alloc::System)
    }
}

impl<A> ModAlloc<A> {
    /// Forwards to the allocator `inner`.
    #[must_use]
    pub const fn with(inner: A) -> Self {
        ModAlloc { inner }
    }

    /// All zero: nothing is recorded on this target.
    #[must_use]
    pub fn snapshot(&self) -> AllocStats {
        snapshot()
    }

    /// Does nothing on this target.
    pub fn reset(&self) {}

    /// As on other targets; there is nothing that could be on.
    #[must_use]
    pub const fn off_by_default(self) -> Self {
        self
    }

    /// As on other targets; no report is written.
    #[must_use]
    pub const fn report_to(self, _path: &'static str) -> Self {
        self
    }

    /// As on other targets; there are no stacks.
    #[must_use]
    pub const fn frames(self, _frames: u32) -> Self {
        self
    }

    /// As on other targets; there are no samples.
    #[must_use]
    pub const fn sample(self, _bytes: u64) -> Self {
        self
    }

    /// As on other targets; there are no samples.
    #[must_use]
    pub const fn sample_all(self) -> Self {
        self
    }
}

/// The process's allocations: all zero on this target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AllocStats {
    /// Allocations, zeroed allocations and reallocations.
    pub alloc_count: u64,
    /// Bytes allocated.
    pub total_bytes: u64,
    /// Bytes by which blocks came to be or grew.
    pub grown_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
    /// Bytes live now.
    pub current_bytes: u64,
    /// Blocks live now.
    pub live_count: u64,
    /// The most blocks live at once.
    pub peak_live_count: u64,
}

/// All zero: nothing is recorded on this target.
#[must_use]
pub fn snapshot() -> AllocStats {
    AllocStats::default()
}

/// Does nothing on this target.
pub fn reset() {}

// SAFETY: every method is the inner allocator's of the same name.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ModAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.inner.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.inner.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.inner.realloc(block, layout, new_size) }
    }
}
