//! Random numbers and memory for unit tests.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{alloc_zeroed, dealloc};

/// xorshift64*: the tests are the same every time.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % n
    }

    /// Sizes as programs have them: mostly small, seldom large, sometimes 0.
    pub(crate) fn size(&mut self) -> u64 {
        match self.below(40) {
            0 => self.below(1 << 16),
            1..8 => self.below(1 << 11),
            _ => self.below(64),
        }
    }
}

/// Zeroed memory, given back when dropped.
#[derive(Debug)]
pub(crate) struct Zeroed {
    pub(crate) base: NonNull<u8>,
    layout: Layout,
}

impl Zeroed {
    pub(crate) fn new(size: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not zero.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) }).expect("memory");
        Zeroed { base, layout }
    }
}

impl Drop for Zeroed {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `new`.
        unsafe { dealloc(self.base.as_ptr(), self.layout) };
    }
}
