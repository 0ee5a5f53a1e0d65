//! The trailer of a block that was not sampled: made in few instructions, because most blocks have
//! it where blocks are sampled. Its check has neither multiplications nor the window's number.

use super::{SECRET, SITE_BITS, SiteId};
use crate::base::sync::Ordering;
use crate::store::sampling::window_of;

/// The part of a trailer that does not depend on the block: its number, and this run's secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base(u64);

impl Base {
    #[inline(always)]
    pub(crate) fn of(number: SiteId) -> Self {
        Base(SECRET.load(Ordering::Relaxed) << SITE_BITS | u64::from(number.number()))
    }

    #[cfg(feature = "preload")]
    pub(crate) fn number(self) -> SiteId {
        SiteId::new((self.0 & ((1 << SITE_BITS) - 1)) as u32)
    }

    /// The trailer's word of a block of `size` bytes at `block`.
    #[inline(always)]
    fn word(self, block: *const u8, size: usize) -> u64 {
        // Of two blocks that end at one place, the sums differ by seven times the sizes'
        // difference.
        let sum = (block.addr() as u64).wrapping_add((size as u64) << 3);
        self.0.wrapping_add(sum << SITE_BITS)
    }
}

/// Writes the trailer of the block of `size` bytes at `block`.
///
/// # Safety
///
/// As for [`write`](super::write).
#[inline(always)]
pub(crate) unsafe fn write(block: *mut u8, size: usize, base: Base) {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the write needs no alignment.
    unsafe { trailer.write_unaligned(base.word(block, size)) };
}

/// True if the block was not sampled, and has that base's number.
///
/// # Safety
///
/// As for [`read`](super::read).
#[inline(always)]
pub(crate) unsafe fn is(block: *const u8, size: usize, base: Base) -> bool {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() };
    found == base.word(block, size)
}

/// The site of a sampled block, or the number of one that was not; `None` if the trailer is none of
/// the two.
///
/// # Safety
///
/// As for [`read`](super::read).
pub(crate) unsafe fn read_either(block: *const u8, size: usize) -> Option<SiteId> {
    // SAFETY: the caller's promise.
    if let Some(site) = unsafe { super::read(block, size) } {
        return Some(site);
    }
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() };
    let number = SiteId::new((found & ((1 << SITE_BITS) - 1)) as u32);
    let right = Base::of(number).word(block, size);
    (found == right && window_of(number).is_some()).then_some(number)
}

/// Writes the trailer of a block with that site, or with the number of one that was not sampled.
///
/// # Safety
///
/// As for [`write`](super::write).
pub(crate) unsafe fn write_either(block: *mut u8, size: usize, number: SiteId) {
    match window_of(number) {
        // SAFETY: the caller's promise.
        Some(_) => unsafe { write(block, size, Base::of(number)) },
        // SAFETY: the caller's promise.
        None => unsafe { super::write(block, size, number) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sampling::unsampled;
    use crate::store::trailer::{self, TRAILER};

    #[test]
    fn a_trailer_says_its_number_until_any_bit_of_it_changes() {
        trailer::start(12345);
        let mut block = [0_u8; 21 + TRAILER];
        for number in [unsampled(SiteId::new(1)), SiteId::new(77)] {
            // SAFETY: 21 bytes and the trailer fit in the array, here and below.
            unsafe { write_either(block.as_mut_ptr(), 21, number) };
            // SAFETY: see above.
            assert_eq!(unsafe { read_either(block.as_ptr(), 21) }, Some(number));
            for bit in 0..64 {
                block[21 + bit / 8] ^= 1 << (bit % 8);
                // SAFETY: see above.
                let found = unsafe { read_either(block.as_ptr(), 21) };
                // The number of another window is a number; no site passes for it.
                assert!(found.is_none_or(|found| bit < 23 && window_of(found).is_some()));
                block[21 + bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}
