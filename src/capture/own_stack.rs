//! The memory that a walk reads: the calling thread's own stack, or a copy of another.

use crate::capture::walk::Memory;

/// The calling thread's own stack, from its present stack pointer (where each walk begins) outward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnStack {
    /// One past the stack's last address.
    pub(crate) high: u64,
}

impl Memory for OwnStack {
    #[inline(always)]
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        let inside = from <= address && address < self.high - 7;
        (inside && address & 7 == 0).then(|| self.again(address))
    }

    #[inline(always)]
    fn again(&self, address: u64) -> u64 {
        let word = core::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: between the stack pointer and the stack's end all is mapped, and the address
        // is aligned. Volatile: the compiler does not know who writes there.
        unsafe { word.read_volatile() }
    }
}

/// A copy of part of a stack that is not the thread's own (a fiber's, a signal handler's).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopiedStack<'a> {
    pub(crate) low: u64,
    pub(crate) words: &'a [u64],
}

impl Memory for CopiedStack<'_> {
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        if address & 7 != 0 || address < from {
            return None;
        }
        let index = usize::try_from(address.checked_sub(self.low)? / 8).ok()?;
        self.words.get(index).copied()
    }

    fn again(&self, address: u64) -> u64 {
        self.word(address, self.low).unwrap_or(0)
    }
}
