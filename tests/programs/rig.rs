//! Parts that the programs share: blocks without an owner, and lines without the heap.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::fs::File;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::ptr::NonNull;

/// A block of the global allocator. Not freed when dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a block is memory like any other; whoever has it is its only user.
unsafe impl Send for Block {}

/// The layout of a block, which the programs choose so that it is valid.
pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

impl Block {
    /// `size` bytes, not aligned.
    #[inline(always)]
    pub(crate) fn new(size: usize) -> Self {
        Self::with(layout(black_box(size), 1)).expect("memory for a small block")
    }

    /// A block of that layout, if there is memory for it.
    #[inline(always)]
    pub(crate) fn with(layout: Layout) -> Option<Self> {
        // SAFETY: no program asks for 0 bytes.
        let start = black_box(unsafe { alloc(layout) });
        Some(Self { start: NonNull::new(start)?, layout })
    }

    /// A block of zeros of that layout, if there is memory for it.
    #[inline(always)]
    pub(crate) fn zeroed(layout: Layout) -> Option<Self> {
        // SAFETY: no program asks for 0 bytes.
        let start = black_box(unsafe { alloc_zeroed(layout) });
        Some(Self { start: NonNull::new(start)?, layout })
    }

    /// The block with another size; unchanged, and `false`, if there is no memory for that.
    #[inline(always)]
    pub(crate) fn try_resize(&mut self, size: usize) -> bool {
        // SAFETY: the block is live and has this layout; no program asks for 0 bytes.
        let start = black_box(unsafe { realloc(self.start.as_ptr(), self.layout, size) });
        let Some(start) = NonNull::new(start) else { return false };
        *self = Self { start, layout: layout(size, self.layout.align()) };
        true
    }

    /// The block with another size.
    #[inline(always)]
    pub(crate) fn resized(mut self, size: usize) -> Self {
        assert!(self.try_resize(black_box(size)), "memory for a small block");
        self
    }

    #[inline(always)]
    pub(crate) fn free(self) {
        // SAFETY: the block is live and has this layout.
        unsafe { dealloc(black_box(self.start.as_ptr()), self.layout) };
    }

    pub(crate) fn size(&self) -> usize {
        self.layout.size()
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// True if the block lies where its layout says.
    pub(crate) fn is_aligned(&self) -> bool {
        self.start.addr().get().is_multiple_of(self.layout.align())
    }

    /// Writes `byte` at `offset`; up to 8 bytes past the end is the profiler's, not the heap's.
    pub(crate) fn write(&self, offset: usize, byte: u8) {
        assert!(offset < self.size() + 8, "that would damage the heap itself");
        // SAFETY: inside the block, or in the word that the profiler put behind it.
        let place = unsafe { self.start().add(offset) };
        // SAFETY: see above.
        unsafe { place.write_volatile(byte) };
    }

    /// The byte at `offset`, up to 8 bytes past the end.
    pub(crate) fn read(&self, offset: usize) -> u8 {
        assert!(offset < self.size() + 8, "that would read what is not the block's");
        // SAFETY: inside the block, or in the word that the profiler put behind it.
        let place = unsafe { self.start().add(offset) };
        // SAFETY: see above; the programs read what they or alloc_zeroed have written.
        unsafe { place.read_volatile() }
    }
}

/// Frees the blocks, the first one first.
#[inline(always)]
pub(crate) fn free_all<const N: usize>(blocks: [Block; N]) {
    blocks.into_iter().for_each(Block::free);
}

/// Prints a line on standard output with one system call and without the heap.
pub(crate) fn say(text: std::fmt::Arguments<'_>) {
    let mut line = Cursor::new([0_u8; 1024]);
    writeln!(line, "{text}").expect("a line of at most 1 KiB");
    let len = usize::try_from(line.position()).expect("at most 1 KiB");
    // SAFETY: descriptor 1 is open as long as the program; `ManuallyDrop` does not close it.
    let mut out = ManuallyDrop::new(unsafe { File::from_raw_fd(1) });
    out.write_all(&line.get_ref()[..len]).expect("standard output can be written to");
}

/// Defines functions that allocate: one call site each, apart from all others.
macro_rules! sites {
    ($($name:ident)*) => {
        $(
            #[inline(never)]
            pub(crate) fn $name(size: usize) -> $crate::rig::Block {
                let block = $crate::rig::Block::new(size);
                // Work after the call, so that it does not become a jump; work that
                // differs, so that two sites are not made one function.
                std::hint::black_box(stringify!($name));
                block
            }
        )*
    };
}
pub(crate) use sites;
