//! The workloads under an allocator that only counts: how many blocks a profiler should
//! have seen. Prints one line more than the others, `made`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[global_allocator]
static ALLOC: Counting = Counting(AtomicU64::new(0));

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(PrintsAtEnd))
}

struct PrintsAtEnd;

impl Drop for PrintsAtEnd {
    fn drop(&mut self) {
        println!("made {}", ALLOC.0.load(Relaxed));
    }
}

/// Blocks as dhat counts them: a reallocation is one more.
struct Counting(AtomicU64);

// SAFETY: every method passes its arguments on to System unchanged and returns what System returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Relaxed);
        // SAFETY: the caller's duties are System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from System, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Relaxed);
        // SAFETY: the caller's duties are System's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.0.fetch_add(1, Relaxed);
        // SAFETY: the block came from System, with this layout; the size is the caller's duty.
        unsafe { System.realloc(block, layout, size) }
    }
}
