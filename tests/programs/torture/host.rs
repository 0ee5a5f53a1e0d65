//! Functions for native code, and those that it offers: the other side of `../native/host.h`.

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::c_char;
use std::hint::black_box;
use std::ptr::null_mut;

use crate::shadow;
use crate::walk::{self, Walk};

/// `struct host`.
#[repr(C)]
pub(crate) struct Host {
    allocate: extern "C" fn(usize) -> *mut u8,
    release: unsafe extern "C" fn(*mut u8),
    step: unsafe extern "C" fn(*mut Walk),
    below: unsafe extern "C" fn(*mut Walk, usize) -> usize,
    enter: unsafe extern "C" fn(*const c_char) -> usize,
    leave: extern "C" fn(usize),
    current: extern "C" fn() -> *mut Walk,
}

/// The functions that every native object is given.
pub(crate) static HOST: Host = Host {
    allocate,
    release,
    step: walk::step,
    below: walk::below,
    enter: shadow::host_enter,
    leave: shadow::leave,
    current: walk::current,
};

/// `struct node`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) run: Option<unsafe extern "C" fn(*mut Walk)>,
    /// Stack that it needs for itself, at least.
    pub(crate) stack: usize,
}

/// Before each block: how large it is, because C does not say when it frees one.
const HEADER: usize = 16;

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, HEADER).ok()
}

/// C's `malloc`, of Rust's global allocator.
pub(crate) extern "C" fn allocate(size: usize) -> *mut u8 {
    let Some(layout) = layout(size) else { return null_mut() };
    // SAFETY: with its header the block is not empty.
    let start = unsafe { alloc(layout) };
    // Work after the call, so that it does not become a jump.
    if black_box(start).is_null() {
        return null_mut();
    }
    // SAFETY: the header is inside, and aligned like the block.
    unsafe { start.cast::<usize>().write(size) };
    // SAFETY: as above.
    unsafe { start.add(HEADER) }
}

/// C's `free` of what [`allocate`] gave.
///
/// # Safety
///
/// `block` is such a block and was not freed, or is null.
pub(crate) unsafe extern "C" fn release(block: *mut u8) {
    if block.is_null() {
        return;
    }
    let size = size(block);
    // SAFETY: in front of the block is its header.
    let start = unsafe { block.sub(HEADER) };
    // SAFETY: allocated with this layout.
    unsafe { dealloc(start, layout(size).expect("as when it was allocated")) };
}

/// C's `realloc` of what [`allocate`] gave.
///
/// # Safety
///
/// As of [`release`].
pub(crate) unsafe extern "C" fn reallocate(block: *mut u8, size: usize) -> *mut u8 {
    let moved = allocate(size);
    if !block.is_null() && !moved.is_null() {
        // SAFETY: two blocks with at least so many bytes.
        unsafe { moved.copy_from_nonoverlapping(block, self::size(block).min(size)) };
        // SAFETY: the caller's promise.
        unsafe { release(block) };
    }
    moved
}

/// The size that a block of [`allocate`] was asked for.
fn size(block: *mut u8) -> usize {
    // SAFETY: in front of the block is its header.
    let start = unsafe { block.sub(HEADER) };
    // SAFETY: as above.
    unsafe { start.cast::<usize>().read() }
}
