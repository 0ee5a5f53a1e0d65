//! Words of a recording that one thread writes and any thread reads.
//!
//! Each is an atomic only so that a reader in another thread or process sees whole values;
//! the writer uses plain loads and stores (Relaxed compiles to them), never a locked
//! instruction. No ordering between words is promised: a reader may see an event half done.

use crate::base::sync::amount::Amount;
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
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn set(&self, bytes: u64, blocks: u64) {
        self.write(Amount::new(bytes, blocks));
    }

    /// Adds, wrapping; returns the sums. Only the pair's one writer may call this.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn add(&self, bytes: u64, blocks: u64) -> (u64, u64) {
        let sums = self.read().plus(Amount::new(bytes, blocks));
        self.write(sums);
        (sums.bytes(), sums.blocks())
    }

    /// Both numbers. Only the pair's one writer may call this.
    #[cfg(any(feature = "backtraces", not(target_arch = "x86_64"), miri, loom))]
    #[inline(always)]
    pub(crate) fn read(&self) -> Amount {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        // SAFETY: the pair's 16 bytes, which no other thread writes.
        return unsafe { core::ptr::from_ref(self).cast::<Amount>().read_unaligned() };
        #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
        Amount::new(self.bytes.get(), self.blocks.get())
    }

    /// Stores both numbers. Only the pair's one writer may call this.
    #[inline(always)]
    pub(crate) fn write(&self, amount: Amount) {
        // SAFETY: this pair.
        unsafe { store::<0>(core::ptr::from_ref(self).cast(), amount) };
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

/// Adds to one of several pairs, whose one writer the caller must be. Its place is part of the
/// instructions.
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) fn add_to(pairs: &[AlignedPair], index: usize, amount: Amount) {
    let Some(pair) = pairs.get(index) else { return };
    let sums = pair.read().plus(amount);
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    // SAFETY: the store goes to that pair's 16 bytes, which are atomics.
    unsafe {
        core::arch::asm!(
            "movdqu xmmword ptr [{} + {}], {}",
            in(reg) pairs.as_ptr(), in(reg) index * size_of::<AlignedPair>(),
            in(xmm_reg) sums.vector(),
            options(nostack, preserves_flags)
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
    pair.write(sums);
}

/// Stores both numbers of the pair that is `OFFSET` bytes behind `base`.
///
/// Two stores of 8 bytes could be parted by SIGKILL, and no compiler promises to join them: hence
/// the instruction by hand. It is outside of what the compiler knows, too, as other threads read
/// the words. The offset is part of the instruction.
///
/// # Safety
///
/// There must be a [`Pair`], whose one writer is the caller.
#[inline(always)]
pub(crate) unsafe fn store<const OFFSET: usize>(base: *const (), amount: Amount) {
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    // SAFETY: the store goes to the pair's 16 bytes, which are atomics, by the caller's promise.
    unsafe {
        core::arch::asm!(
            "movdqu xmmword ptr [{} + {offset}], {}",
            in(reg) base, in(xmm_reg) amount.vector(), offset = const OFFSET,
            options(nostack, preserves_flags)
        );
    }
    #[cfg(all(target_arch = "aarch64", not(any(miri, loom))))]
    // SAFETY: as above; `stp` takes any multiple of 8 below 512.
    unsafe {
        const { assert!(OFFSET.is_multiple_of(8) && OFFSET < 512) };
        core::arch::asm!(
            "stp {}, {}, [{}, {offset}]",
            in(reg) amount.bytes(), in(reg) amount.blocks(), in(reg) base, offset = const OFFSET,
            options(nostack, preserves_flags)
        );
    }
    #[cfg(any(miri, loom, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        // SAFETY: a pair is there, by the caller's promise.
        let pair = unsafe { &*base.cast::<u8>().add(OFFSET).cast::<Pair>() };
        pair.bytes.set(amount.bytes());
        pair.blocks.set(amount.blocks());
    }
}

/// Stores both numbers of the pair `$field` of `$this`, a `$type`. Only the one writer may do so.
#[cfg(feature = "backtraces")]
macro_rules! store_pair {
    ($this:expr, $type:ty, $($field:ident).+, $amount:expr) => {{
        let this: &$type = $this;
        let _: &$crate::base::sync::word::Pair = &this.$($field).+;
        const OFFSET: usize = core::mem::offset_of!($type, $($field).+);
        // SAFETY: the field is a pair.
        unsafe {
            $crate::base::sync::word::store::<OFFSET>(core::ptr::from_ref(this).cast(), $amount)
        }
    }};
}
#[cfg(feature = "backtraces")]
pub(crate) use store_pair;

/// A [`Pair`] that is aligned to its size, so that the processor takes it from memory as it adds.
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub(crate) struct AlignedPair(Pair);

impl core::ops::Deref for AlignedPair {
    type Target = Pair;

    #[inline(always)]
    fn deref(&self) -> &Pair {
        &self.0
    }
}

impl AlignedPair {
    /// As [`Pair::read`].
    #[inline(always)]
    pub(crate) fn read(&self) -> Amount {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        // SAFETY: the pair's 16 bytes, which no other thread writes, aligned to 16.
        return unsafe { core::ptr::from_ref(self).cast::<Amount>().read() };
        #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
        self.0.read()
    }
}

/// A signed number with one writer.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Signed(AtomicI64);

impl Signed {
    /// As [`get`](Self::get), for the word's one writer. No atomic load: those do not become part
    /// of the instruction that compares.
    #[inline(always)]
    pub(crate) fn read(&self) -> i64 {
        #[cfg(not(loom))]
        // SAFETY: no other thread stores there.
        return unsafe { *self.0.as_ptr() };
        #[cfg(loom)]
        self.get()
    }

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
