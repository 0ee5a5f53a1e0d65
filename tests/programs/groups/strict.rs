//! An allocator that aborts where it is not used as it has to be.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::abort;

/// Puts each block's layout in front of it, and holds it against what it is freed by.
#[derive(Debug)]
pub(crate) struct Strict;

/// Bytes in front of a block, which keep its alignment.
fn room(layout: Layout) -> usize {
    layout.align().max(size_of::<Layout>())
}

fn outer(layout: Layout) -> Layout {
    let align = layout.align().max(align_of::<Layout>());
    Layout::from_size_align(layout.size() + room(layout), align).unwrap_or_else(|_| abort())
}

/// Writes the layout in front of the block that begins `room` bytes after `start`.
unsafe fn put(start: *mut u8, layout: Layout) -> *mut u8 {
    if start.is_null() {
        return start;
    }
    // SAFETY: allocated with that room.
    let block = unsafe { start.add(room(layout)) };
    // SAFETY: as above.
    let place = unsafe { block.sub(size_of::<Layout>()) }.cast::<Layout>();
    // SAFETY: in the room in front of the block.
    unsafe { place.write_unaligned(layout) };
    block
}

/// Where what was allocated begins; aborts if the layout is not the block's.
unsafe fn take(block: *mut u8, layout: Layout) -> *mut u8 {
    // SAFETY: `put` has put the layout there.
    let place = unsafe { block.sub(size_of::<Layout>()) }.cast::<Layout>();
    // SAFETY: see above.
    if unsafe { place.read_unaligned() } != layout {
        abort();
    }
    // SAFETY: see above.
    unsafe { block.sub(room(layout)) }
}

// SAFETY: forwards to the system's allocator, with room in front of each block that is not given out.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        let start = unsafe { System.alloc(outer(layout)) };
        // SAFETY: just allocated.
        unsafe { put(start, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero.
        let start = unsafe { System.alloc_zeroed(outer(layout)) };
        // SAFETY: just allocated.
        unsafe { put(start, layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block.
        let start = unsafe { take(block, layout) };
        // SAFETY: allocated with that layout.
        unsafe { System.dealloc(start, outer(layout)) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(size, layout.align()) else { abort() };
        // SAFETY: the caller's block.
        let start = unsafe { take(block, layout) };
        // SAFETY: allocated with that layout; the new size is not zero.
        let moved = unsafe { System.realloc(start, outer(layout), outer(new).size()) };
        // SAFETY: just reallocated.
        unsafe { put(moved, new) }
    }
}
