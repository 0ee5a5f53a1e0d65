//! Bytes and blocks as one value: added, subtracted and compared by one instruction each.
//!
//! Numbers wrap, and are signed where they are differences.

#[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
mod imp {
    use core::arch::x86_64 as intrinsics;
    pub(super) use core::arch::x86_64::__m128i as Both;

    #[inline(always)]
    pub(super) fn new(bytes: u64, blocks: u64) -> Both {
        // SAFETY: all x86-64 processors have SSE2.
        unsafe { intrinsics::_mm_set_epi64x(blocks.cast_signed(), bytes.cast_signed()) }
    }

    #[inline(always)]
    pub(super) fn sum(a: Both, b: Both) -> Both {
        // SAFETY: all x86-64 processors have SSE2.
        unsafe { intrinsics::_mm_add_epi64(a, b) }
    }

    #[inline(always)]
    pub(super) fn difference(a: Both, b: Both) -> Both {
        // SAFETY: all x86-64 processors have SSE2.
        unsafe { intrinsics::_mm_sub_epi64(a, b) }
    }

    #[inline(always)]
    pub(super) fn bytes(both: Both) -> u64 {
        // SAFETY: all x86-64 processors have SSE2.
        unsafe { intrinsics::_mm_cvtsi128_si64(both).cast_unsigned() }
    }

    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(super) fn blocks(both: Both) -> u64 {
        // SAFETY: all x86-64 processors have SSE2.
        unsafe { bytes(intrinsics::_mm_unpackhi_epi64(both, both)) }
    }

    #[inline(always)]
    pub(super) fn signs(both: Both) -> i32 {
        // SAFETY: all x86-64 processors have SSE2.
        let doubles = unsafe { intrinsics::_mm_castsi128_pd(both) };
        // SAFETY: as above.
        unsafe { intrinsics::_mm_movemask_pd(doubles) }
    }
}

#[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
mod imp {
    pub(super) type Both = (u64, u64);

    #[inline(always)]
    pub(super) fn new(bytes: u64, blocks: u64) -> Both {
        (bytes, blocks)
    }

    #[inline(always)]
    pub(super) fn sum(a: Both, b: Both) -> Both {
        (a.0.wrapping_add(b.0), a.1.wrapping_add(b.1))
    }

    #[inline(always)]
    pub(super) fn difference(a: Both, b: Both) -> Both {
        (a.0.wrapping_sub(b.0), a.1.wrapping_sub(b.1))
    }

    #[inline(always)]
    pub(super) fn bytes(both: Both) -> u64 {
        both.0
    }

    #[inline(always)]
    pub(super) fn blocks(both: Both) -> u64 {
        both.1
    }

    #[inline(always)]
    pub(super) fn signs(both: Both) -> i32 {
        (both.0 >> 63 | both.1 >> 63 << 1) as i32
    }
}

/// Bytes and blocks.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Amount(imp::Both);

impl Amount {
    /// The sign of the bytes in [`signs`](Self::signs).
    pub(crate) const BYTES: i32 = 1;
    /// The sign of the blocks there.
    pub(crate) const BLOCKS: i32 = 2;

    #[inline(always)]
    pub(crate) fn new(bytes: u64, blocks: u64) -> Self {
        Amount(imp::new(bytes, blocks))
    }

    /// A block of `bytes`.
    #[inline(always)]
    pub(crate) fn block(bytes: u64) -> Self {
        // A sum, not a vector of both: the blocks come from memory.
        Self::new(bytes, 0).plus(Self::new(0, 1))
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Amount(imp::sum(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Amount(imp::difference(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn bytes(self) -> u64 {
        imp::bytes(self.0)
    }

    #[cfg(any(feature = "backtraces", not(target_arch = "x86_64"), miri, loom))]
    #[inline(always)]
    pub(crate) fn blocks(self) -> u64 {
        imp::blocks(self.0)
    }

    /// The vector of both.
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    #[inline(always)]
    pub(crate) fn vector(self) -> core::arch::x86_64::__m128i {
        self.0
    }

    /// [`BYTES`](Self::BYTES) and [`BLOCKS`](Self::BLOCKS), each if that number is negative.
    #[inline(always)]
    pub(crate) fn signs(self) -> i32 {
        imp::signs(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_blocks_do_not_touch_each_other() {
        let sum = Amount::new(u64::MAX, 1).plus(Amount::new(3, u64::MAX));
        assert_eq!((sum.bytes(), sum.blocks()), (2, 0));
        let difference = Amount::new(1, 7).minus(Amount::new(2, 5));
        assert_eq!((difference.bytes(), difference.blocks()), (u64::MAX, 2));
    }

    #[test]
    fn each_sign_is_that_of_its_number() {
        let minus = (-1_i64).cast_unsigned();
        let signs = |bytes, blocks| Amount::new(bytes, blocks).signs();
        assert_eq!(signs(0, i64::MAX.cast_unsigned()), 0);
        assert_eq!(signs(minus, 0), Amount::BYTES);
        assert_eq!(signs(1, i64::MIN.cast_unsigned()), Amount::BLOCKS);
        assert_eq!(signs(minus, minus), Amount::BYTES | Amount::BLOCKS);
    }
}
