//! The most memory that a piece of work had at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Less than nothing in a thread that frees blocks of others.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of each thread's live bytes.
#[derive(Debug)]
pub struct Counting;

fn allocated(block: *mut u8, bytes: usize) -> *mut u8 {
    if !block.is_null() {
        LIVE.set(LIVE.get() + bytes as isize);
        MOST.set(MOST.get().max(LIVE.get()));
    }
    block
}

// SAFETY: all calls are passed on as they are.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        allocated(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        allocated(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Bytes that `work` had live at most, beyond those before it, in this thread.
pub fn of(work: impl FnOnce()) -> usize {
    let before = LIVE.get();
    MOST.set(before);
    work();
    (MOST.get() - before) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn blocks_count_while_they_are_live() {
        let most = of(|| {
            drop(Vec::<u8>::with_capacity(3_000_000));
            drop(Vec::<u8>::with_capacity(5_000_000));
        });
        assert!((5_000_000..8_000_000).contains(&most), "{most}");
    }
}
