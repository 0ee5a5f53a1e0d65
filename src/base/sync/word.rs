//! Words of a recording that one thread writes and any thread reads.
//!
//! Each is an atomic only so that a reader in another thread or process sees whole values;
//! the writer uses plain loads and stores (Relaxed compiles to them), never a locked
//! instruction. No ordering between words is promised: a reader may see an event half done.

use crate::base::sync::{AtomicI64, AtomicU64, Ordering};

/// An unsigned number with one writer.
///
/// The one writer is a thread, or the holder of a lock. Sums wrap: a total of 2^64 bytes is out of
/// reach, and differences of two readings stay right.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Word(AtomicU64);

impl Word {
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds, wrapping; returns the sum. Only the word's one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, value: u64) -> u64 {
        let sum = self.get().wrapping_add(value);
        self.set(sum);
        sum
    }

    /// Adds from any thread.
    pub(crate) fn add_shared(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }
}

/// Bytes and blocks with one writer, stored by one instruction: where the writer is killed, both
/// are as before an event or both as after it.
///
/// One 16-byte store is not promised to be one for another core that reads at the same time (only
/// aligned ones are, on processors with AVX). Readers of a running process may see one number ahead
/// of the other; readers of an ended one do not.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Pair {
    pub(crate) bytes: Word,
    pub(crate) blocks: Word,
}

impl Pair {
    #[inline(always)]
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.bytes.get(), self.blocks.get())
    }

    /// Stores both numbers. Only the pair's one writer may call this.
    ///
    /// Two stores of 8 bytes could be parted by SIGKILL, and no compiler promises to join them:
    /// hence the instruction by hand.
    #[inline(always)]
    pub(crate) fn set(&self, bytes: u64, blocks: u64) {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        {
            let (high, low) = (blocks.cast_signed(), bytes.cast_signed());
            // SAFETY: all x86-64 processors have SSE2.
            let words = unsafe { core::arch::x86_64::_mm_set_epi64x(high, low) };
            // SAFETY: the store goes to this pair's 16 bytes, which are atomics.
            unsafe {
                core::arch::asm!(
                    "movdqu xmmword ptr [{}], {}",
                    in(reg) self, in(xmm_reg) words,
                    options(nostack, preserves_flags)
                );
            }
        }
        #[cfg(all(target_arch = "aarch64", not(any(miri, loom))))]
        // SAFETY: as above.
        unsafe {
            core::arch::asm!(
                "stp {}, {}, [{}]",
                in(reg) bytes, in(reg) blocks, in(reg) self,
                options(nostack, preserves_flags)
            );
        }
        #[cfg(any(miri, loom, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        {
            self.bytes.set(bytes);
            self.blocks.set(blocks);
        }
    }

    /// Adds, wrapping; returns the sums. Only the pair's one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, bytes: u64, blocks: u64) -> (u64, u64) {
        let sums = (self.bytes.get().wrapping_add(bytes), self.blocks.get().wrapping_add(blocks));
        self.set(sums.0, sums.1);
        sums
    }

    #[cfg(feature = "backtraces")]
    /// Adds a block of `bytes`, wrapping. Only the pair's one writer may call this.
    #[inline(always)]
    pub(crate) fn add_block(&self, bytes: u64) {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        {
            // SAFETY: all x86-64 processors have SSE2.
            let more = unsafe { core::arch::x86_64::_mm_set_epi64x(1, bytes.cast_signed()) };
            // SAFETY: the instructions go to this pair's 16 bytes, which are atomics.
            unsafe {
                core::arch::asm!(
                    "movdqu {sums}, xmmword ptr [{place}]",
                    "paddq {sums}, {more}",
                    "movdqu xmmword ptr [{place}], {sums}",
                    place = in(reg) self, more = in(xmm_reg) more, sums = out(xmm_reg) _,
                    options(nostack, preserves_flags)
                );
            }
        }
        #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
        self.add(bytes, 1);
    }

    /// Bytes and blocks as signed numbers.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn get_signed(&self) -> (i64, i64) {
        (self.bytes.get().cast_signed(), self.blocks.get().cast_signed())
    }

    /// Adds signed numbers, wrapping; returns the sums. Only the pair's one writer may call this.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn set_signed(&self, bytes: i64, blocks: i64) {
        self.set(bytes.cast_unsigned(), blocks.cast_unsigned());
    }
}

/// A [`Pair`] that is aligned to its size, so that the processor adds to both numbers at once.
#[cfg(feature = "backtraces")]
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub(crate) struct Counter(Pair);

#[cfg(feature = "backtraces")]
impl Counter {
    /// Bytes and blocks.
    pub(crate) fn get(&self) -> (u64, u64) {
        self.0.get()
    }

    /// Counts a block of `bytes`. Only the counter's one writer may call this.
    #[inline(always)]
    pub(crate) fn count(&self, bytes: u64) {
        self.0.add_block(bytes);
    }

    /// Forgets all. Only where the one writer cannot count.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn clear(&self) {
        self.0.set(0, 0);
    }
}

/// A signed number with one writer.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Signed(AtomicI64);

impl Signed {
    #[inline(always)]
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds, wrapping. Only the word's one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, value: i64) {
        self.set(self.get().wrapping_add(value));
    }

    /// Becomes the larger of both. Only the word's one writer may call this.
    pub(crate) fn raise(&self, value: i64) {
        self.set(self.get().max(value));
    }
}
