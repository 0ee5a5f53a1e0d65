//! An allocator that a signal handler may use whatever it interrupts.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use mod_alloc::ModAlloc;

/// Gives memory of a fixed region and never takes it back: unlike the C library's, it may be
/// interrupted and used in a handler.
#[derive(Debug)]
pub(crate) struct Region;

const REGION: usize = 1 << 20;
static START: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);

/// Records into the same recording as the program's global allocator.
pub(crate) static INTERRUPTIBLE: ModAlloc<Region> = ModAlloc::with(Region);

// SAFETY: every block is a piece of the region of its own; the pieces are aligned to 16.
unsafe impl GlobalAlloc for Region {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.align() <= 16);
        let offset = USED.fetch_add(layout.size().next_multiple_of(16), Ordering::Relaxed);
        // From the start again when it is used up: what was there is free by then.
        std::ptr::with_exposed_provenance_mut(START.load(Ordering::Relaxed) + offset % REGION)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

impl Region {
    /// Makes room for blocks.
    pub(crate) fn open() {
        // SAFETY: a new mapping; as large again as needed, for the block across its end.
        let start = unsafe {
            libc::mmap(
                null_mut(),
                2 * REGION,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED);
        START.store(start.expose_provenance(), Ordering::Relaxed);
    }
}
