//! The trailer: one word after each block that says which site it belongs to.
//!
//! ```text
//!  63                               24 23            0
//! +-----------------------------------+---------------+
//! |  check: a hash of address,        |     site      |     site 0: not recorded
//! |  size, site and a secret          |               |
//! +-----------------------------------+---------------+
//! ```
//!
//! The block's address and alignment stay the inner allocator's. A trailer that was written over,
//! or never written, fails its check (but for one in 2^40; in 2^32 where the trailer is `at_end`,
//! at the end of the usable bytes) and is counted, never trusted. The check covers the site: an
//! overrun by one byte changes that first.
//!
//! A block that was reported to a tracker (`crate::tracker`) has another check, so that only such a
//! block's free is reported. A trailer that fails the first check is tried against the second, so
//! that the ordinary free pays nothing for it. A trailer with the block's birth ([`timed`]) is
//! found the same way.

use core::alloc::Layout;

use crate::base::sync::{AtomicU64, Ordering};
use crate::store::ids::SiteId;

/// Bytes of a trailer.
pub(crate) const TRAILER: usize = 8;

const SITE_BITS: u32 = 24;

/// Differs from run to run, so that no constant in memory passes for a trailer.
static SECRET: AtomicU64 = AtomicU64::new(0);

/// Chooses the secret, before the first block.
pub(crate) fn start(seed: u64) {
    SECRET.store(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, Ordering::Relaxed);
}

/// That secret, for others that need one.
#[cfg(feature = "backtraces")]
pub(crate) fn secret() -> u64 {
    SECRET.load(Ordering::Relaxed)
}

/// Bytes added to each block, with its birth if it is `timed`.
pub(crate) const fn len(timed: bool) -> usize {
    if timed { TRAILER + timed::BIRTH } else { TRAILER }
}

/// The layout to ask the inner allocator for: the same alignment, and room for the `trailer`'s
/// bytes. `None`: larger than an object may be.
#[inline(always)]
pub(crate) fn padded(layout: Layout, trailer: usize) -> Option<Layout> {
    // No overflow: a layout's size is less than half of all numbers.
    let size = layout.size().wrapping_add(trailer);
    // The size that is rounded up to the alignment is no larger than this sum.
    let most = layout.size().wrapping_add(layout.align()).wrapping_add(trailer.wrapping_sub(1));
    // SAFETY: the alignment is that of a layout, and rounded up to it the size is no larger than
    // an object may be. `from_size_align` looks at the alignment once more, in each caller.
    (most.cast_signed() >= 0)
        .then(|| unsafe { Layout::from_size_align_unchecked(size, layout.align()) })
}

/// The check of that block's trailer, in the upper bits.
///
/// A place in memory may lie behind two blocks, one of them not ours. Their addresses and eightfold
/// sizes add up to numbers that differ by seven times the difference of the sizes: one product with
/// `K` tells them apart.
#[inline(always)]
fn check(secret: u64, block: *const u8, size: usize, site: SiteId) -> u64 {
    const K: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
    let site = u64::from(site.number()) << 40;
    let sum = secret.wrapping_add(block.addr() as u64).wrapping_add(site);
    sum.wrapping_add((size as u64) << 3).wrapping_mul(K)
}

#[inline(always)]
fn word(block: *const u8, size: usize, site: SiteId) -> u64 {
    let check = check(SECRET.load(Ordering::Relaxed), block, size, site);
    check >> SITE_BITS << SITE_BITS | u64::from(site.number())
}

/// Writes the trailer of the block of `size` bytes at `block`.
///
/// # Safety
///
/// `block` must be valid for writes of `size + TRAILER` bytes.
#[inline(always)]
pub(crate) unsafe fn write(block: *mut u8, size: usize, site: SiteId) {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the write needs no alignment.
    unsafe { trailer.write_unaligned(word(block, size, site)) };
}

/// The site in the block's trailer; `None` if the trailer is not one.
///
/// # Safety
///
/// `block` must be valid for reads of `size + TRAILER` bytes.
#[inline(always)]
pub(crate) unsafe fn read(block: *const u8, size: usize) -> Option<SiteId> {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() };
    let site = SiteId::new((found & ((1 << SITE_BITS) - 1)) as u32);
    ((found ^ check(SECRET.load(Ordering::Relaxed), block, size, site)) >> SITE_BITS == 0)
        .then_some(site)
}

/// Blocks that were reported to a tracker.
#[cfg(feature = "groups")]
pub(crate) mod tracked {
    use super::{SITE_BITS, SiteId, word};

    /// The difference of their check.
    const MARK: u64 = 0x00a5_c396_e17d << SITE_BITS;

    /// Writes the trailer of the block of `size` bytes at `block`.
    ///
    /// # Safety
    ///
    /// As for [`write`](super::write).
    pub(crate) unsafe fn write(block: *mut u8, size: usize, site: SiteId) {
        // SAFETY: in bounds by the caller's promise.
        let trailer = unsafe { block.add(size) }.cast::<u64>();
        // SAFETY: valid for 8 bytes by the caller's promise; the write needs no alignment.
        unsafe { trailer.write_unaligned(word(block, size, site) ^ MARK) };
    }

    /// The site in the block's trailer; `None` if the trailer is not that of a tracked block.
    ///
    /// # Safety
    ///
    /// As for [`read`](super::read).
    pub(crate) unsafe fn read(block: *const u8, size: usize) -> Option<SiteId> {
        // SAFETY: in bounds by the caller's promise.
        let trailer = unsafe { block.add(size) }.cast::<u64>();
        // SAFETY: valid for 8 bytes by the caller's promise; the read needs no alignment.
        let found = unsafe { trailer.read_unaligned() };
        let site = SiteId::new((found & ((1 << SITE_BITS) - 1)) as u32);
        (found == word(block, size, site) ^ MARK).then_some(site)
    }
}

#[cfg(any(feature = "preload", test))]
pub(crate) mod at_end;
pub(crate) mod timed;
pub(crate) mod unsampled;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_says_its_site_until_any_bit_of_it_changes() {
        start(12345);
        let mut block = [0_u8; 21 + TRAILER];
        // SAFETY: 21 bytes and the trailer fit in the array.
        unsafe { write(block.as_mut_ptr(), 21, SiteId::new(0x00ab_cdef)) };
        // SAFETY: as above.
        assert_eq!(unsafe { read(block.as_ptr(), 21) }, Some(SiteId::new(0x00ab_cdef)));
        for bit in 0..64 {
            block[21 + bit / 8] ^= 1 << (bit % 8);
            // SAFETY: as above.
            assert_eq!(unsafe { read(block.as_ptr(), 21) }, None, "bit {bit}");
            block[21 + bit / 8] ^= 1 << (bit % 8);
        }
        // SAFETY: as above; a smaller size stays inside.
        assert_eq!(unsafe { read(block.as_ptr(), 20) }, None, "another size");
    }

    #[test]
    fn blocks_that_end_at_one_place_have_different_trailers() {
        let site = SiteId::new(7);
        for secret in (1..if cfg!(miri) { 2 } else { 40_u64 })
            .map(|seed| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        {
            let check = |address: usize, size| {
                check(secret, core::ptr::without_provenance(address), size, site) >> SITE_BITS
            };
            for (start, size) in [(0x7f12_3456_7000, 64), (0x5555_0000_0fc0, 4096)] {
                for by in (1..4096).chain((12..40).map(|shift| 1 << shift)) {
                    assert_ne!(check(start, size), check(start - by, size + by), "{by} before");
                    let after = size.checked_sub(by).map(|size| check(start + by, size));
                    assert_ne!(Some(check(start, size)), after, "{by} after");
                }
            }
        }
    }

    #[cfg(feature = "groups")]
    #[test]
    fn a_tracked_block_is_told_from_others() {
        start(12345);
        let mut block = [0_u8; 21 + TRAILER];
        // SAFETY: 21 bytes and the trailer fit in the array.
        unsafe { tracked::write(block.as_mut_ptr(), 21, SiteId::new(0x00ab_cdef)) };
        // SAFETY: as above.
        assert_eq!(unsafe { tracked::read(block.as_ptr(), 21) }, Some(SiteId::new(0x00ab_cdef)));
        // SAFETY: as above.
        assert_eq!(unsafe { read(block.as_ptr(), 21) }, None);
        // SAFETY: as above.
        unsafe { write(block.as_mut_ptr(), 21, SiteId::new(0x00ab_cdef)) };
        // SAFETY: as above.
        assert_eq!(unsafe { tracked::read(block.as_ptr(), 21) }, None);
    }

    #[test]
    fn zeroed_memory_is_no_trailer() {
        start(12345);
        let block = [0_u8; 16];
        // SAFETY: 8 bytes and the trailer fit in the array.
        assert_eq!(unsafe { read(block.as_ptr(), 8) }, None);
    }

    #[test]
    fn padding_keeps_the_alignment_and_refuses_what_is_too_large() {
        let layout = Layout::from_size_align(100, 64).expect("valid");
        assert_eq!(padded(layout, TRAILER), Layout::from_size_align(108, 64).ok());
        let huge = Layout::from_size_align(isize::MAX as usize - 4, 1).expect("valid");
        assert_eq!(padded(huge, TRAILER), None);
    }
}
