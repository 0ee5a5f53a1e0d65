//! Trailers with the block's birth: `MOD_ALLOC_LIFETIMES=on`.
//!
//! ```text
//!  block │ trailer, 8 bytes │ birth, 8 bytes
//! ```
//!
//! The trailer's check covers the birth, and one bit of it differs from every ordinary trailer's.
//! So the hook tries a trailer as an ordinary one first, and without the setting a free pays
//! nothing for it. Another bit says that the block was reported to a tracker.

use super::{SITE_BITS, TRAILER, word};
use crate::store::ids::SiteId;

/// Bytes of a birth.
pub(super) const BIRTH: usize = 8;

/// The bit that no ordinary trailer has so.
const TIMED: u64 = 1 << SITE_BITS;
/// The bit of blocks that were reported to a tracker.
const TRACKED: u64 = 1 << (SITE_BITS + 1);

/// The content of a trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) site: SiteId,
    /// In clock units.
    pub(crate) born: u64,
    /// True if the block was reported to a tracker.
    pub(crate) is_tracked: bool,
}

/// The upper bits of a hash of a birth, from bit `first` on.
pub(super) fn hash(born: u64, first: u32) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
    // The highest bits of the product depend on all bits of the birth.
    born.wrapping_mul(K) >> first << first
}

/// The difference to the ordinary trailer.
fn difference(born: u64, is_tracked: bool) -> u64 {
    let tracked = if is_tracked { TRACKED } else { 0 };
    // The hash covers that bit, too.
    hash(if is_tracked { !born } else { born }, SITE_BITS + 2) | tracked | TIMED
}

/// Writes the trailer of the block of `size` bytes at `block`.
///
/// # Safety
///
/// `block` must be valid for writes of `size + TRAILER + BIRTH` bytes.
pub(crate) unsafe fn write(block: *mut u8, size: usize, content: Timed) {
    let Timed { site, born, is_tracked } = content;
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    let word = word(block, size, site) ^ difference(born, is_tracked);
    // SAFETY: valid for 8 bytes by the caller's promise; the write needs no alignment.
    unsafe { trailer.write_unaligned(word) };
    // SAFETY: in bounds by the caller's promise.
    let birth = unsafe { block.add(size + TRAILER) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the write needs no alignment.
    unsafe { birth.write_unaligned(born) };
}

/// The block's trailer; `None` if the trailer or the birth was written over.
///
/// # Safety
///
/// `block` must be valid for reads of `size + TRAILER + BIRTH` bytes.
pub(crate) unsafe fn read(block: *const u8, size: usize) -> Option<Timed> {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() };
    // SAFETY: in bounds by the caller's promise.
    let birth = unsafe { block.add(size + TRAILER) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
    let born = unsafe { birth.read_unaligned() };
    let site = SiteId::new((found & ((1 << SITE_BITS) - 1)) as u32);
    let found = found ^ word(block, size, site);
    let is_tracked = found & TRACKED != 0;
    (found == difference(born, is_tracked)).then_some(Timed { site, born, is_tracked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::trailer;

    const SIZE: usize = 21;

    #[test]
    fn a_trailer_says_its_birth_until_any_bit_of_it_or_of_the_birth_changes() {
        trailer::start(12345);
        let mut block = [0_u8; SIZE + TRAILER + BIRTH];
        for is_tracked in [false, true] {
            for born in [0, 1, 12_345, u64::MAX] {
                let content = Timed { site: SiteId::new(0x00ab_cdef), born, is_tracked };
                // SAFETY: the block, the trailer and the birth fit in the array.
                unsafe { write(block.as_mut_ptr(), SIZE, content) };
                // SAFETY: as above.
                assert_eq!(unsafe { read(block.as_ptr(), SIZE) }, Some(content));
                for bit in 0..128 {
                    block[SIZE + bit / 8] ^= 1 << (bit % 8);
                    // SAFETY: as above.
                    assert_eq!(unsafe { read(block.as_ptr(), SIZE) }, None, "bit {bit}");
                    block[SIZE + bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }

    #[test]
    fn no_ordinary_trailer_passes_for_one_with_a_birth_nor_the_other_way_round() {
        trailer::start(12345);
        let mut block = [0_u8; SIZE + TRAILER + BIRTH];
        let site = SiteId::new(7);
        for born in 0..1000 {
            let content = Timed { site, born, is_tracked: false };
            // SAFETY: the block, the trailer and the birth fit in the array.
            unsafe { write(block.as_mut_ptr(), SIZE, content) };
            // SAFETY: as above.
            assert_eq!(unsafe { trailer::read(block.as_ptr(), SIZE) }, None);
            // SAFETY: as above.
            unsafe { trailer::write(block.as_mut_ptr(), SIZE, site) };
            // SAFETY: as above.
            assert_eq!(unsafe { read(block.as_ptr(), SIZE) }, None);
        }
    }
}
