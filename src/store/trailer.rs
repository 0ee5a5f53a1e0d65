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
//! that the ordinary free pays nothing for it.

use core::alloc::Layout;

use crate::base::sync::{AtomicU64, Ordering};
use crate::store::ids::SiteId;

/// Bytes added to each block.
pub(crate) const TRAILER: usize = 8;

const SITE_BITS: u32 = 24;

/// Differs from run to run, so that no constant in memory passes for a trailer.
static SECRET: AtomicU64 = AtomicU64::new(0);

/// Chooses the secret, before the first block.
pub(crate) fn start(seed: u64) {
    SECRET.store(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, Ordering::Relaxed);
}

/// The layout to ask the inner allocator for: the same alignment, room for the trailer.
/// `None`: larger than an object may be.
#[inline(always)]
pub(crate) fn padded(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_add(TRAILER)?;
    Layout::from_size_align(size, layout.align()).ok()
}

#[inline(always)]
fn word(block: *const u8, size: usize, site: SiteId) -> u64 {
    const K: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
    let secret = SECRET.load(Ordering::Relaxed);
    let mixed = (block.addr() as u64 ^ secret).wrapping_add(u64::from(site.number()) << 40);
    let mixed = (mixed.wrapping_mul(K) ^ size as u64).wrapping_mul(K);
    mixed >> SITE_BITS << SITE_BITS | u64::from(site.number())
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
    (found == word(block, size, site)).then_some(site)
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

/// Trailers at the end of a block's usable bytes, for hooks that do not learn a block's size when
/// it is freed.
///
/// ```text
///  63          32 31         24 23            0
/// +--------------+-------------+---------------+   slack: usable bytes between the block and
/// |    check     |    slack    |     site      |   the trailer; 0xff: the word before has the size
/// +--------------+-------------+---------------+
/// ```
#[cfg(any(feature = "preload", test))]
pub(crate) mod at_end {
    use super::{SECRET, SITE_BITS, SiteId, TRAILER};
    use crate::base::sync::Ordering;

    const SLACK_BITS: u32 = 8;
    const CHECK_SHIFT: u32 = SITE_BITS + SLACK_BITS;
    /// The slack value that stands for itself and all larger ones.
    const LARGE: usize = (1 << SLACK_BITS) - 1;

    #[inline(always)]
    fn word(block: *const u8, low: u64) -> u64 {
        const K: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
        let secret = SECRET.load(Ordering::Relaxed);
        let mixed = (block.addr() as u64 ^ secret).wrapping_mul(K) ^ low;
        mixed.wrapping_mul(K) >> CHECK_SHIFT << CHECK_SHIFT | low
    }

    /// Writes the trailer of a block of `size` bytes, of `usable`.
    ///
    /// # Safety
    ///
    /// `block` must be valid for writes of `usable` bytes, at least `size + TRAILER`.
    #[inline(always)]
    pub(crate) unsafe fn write(block: *mut u8, usable: usize, size: usize, site: SiteId) {
        // SAFETY: in bounds by the caller's promise.
        let trailer = unsafe { block.add(usable - TRAILER) }.cast::<u64>();
        let mut slack = usable - TRAILER - size;
        if slack >= LARGE {
            slack = LARGE;
            // SAFETY: the slack has room for the word; the write needs no alignment.
            unsafe { trailer.wrapping_sub(1).write_unaligned(size as u64) };
        }
        let word = word(block, (slack as u64) << SITE_BITS | u64::from(site.number()));
        // SAFETY: in bounds by the caller's promise; the write needs no alignment.
        unsafe { trailer.write_unaligned(word) };
    }

    /// Site and size in the block's trailer, which is erased; `None` if the trailer is not one.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads and writes of `usable` bytes.
    #[inline(always)]
    pub(crate) unsafe fn take(block: *mut u8, usable: usize) -> Option<(SiteId, usize)> {
        // SAFETY: the caller's promise.
        let (known, trailer) = unsafe { read(block, usable) }?;
        // A block that is freed twice is known once. SAFETY: `read` has found it in bounds.
        unsafe { trailer.write_unaligned(0) };
        Some(known)
    }

    /// The usable bytes without the trailer's; all, if there is none.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads of `usable` bytes.
    pub(crate) unsafe fn usable(block: *mut u8, usable: usize) -> usize {
        // SAFETY: the caller's promise.
        match unsafe { read(block, usable) } {
            // The word before the trailer holds the size.
            Some(((_, size), _)) if usable - TRAILER - size >= LARGE => usable - TRAILER - 8,
            Some(_) => usable - TRAILER,
            None => usable,
        }
    }

    #[inline(always)]
    unsafe fn read(block: *mut u8, usable: usize) -> Option<((SiteId, usize), *mut u64)> {
        let end = usable.checked_sub(TRAILER)?;
        // SAFETY: in bounds by the caller's promise.
        let trailer = unsafe { block.add(end) }.cast::<u64>();
        // SAFETY: see above; the read needs no alignment.
        let found = unsafe { trailer.read_unaligned() };
        let low = found & ((1 << CHECK_SHIFT) - 1);
        if found != word(block, low) {
            return None;
        }
        let slack = (low >> SITE_BITS) as usize;
        let size = if slack < LARGE {
            end.checked_sub(slack)?
        } else {
            // A forged trailer may claim a word for which there is no room.
            let place = end.checked_sub(size_of::<u64>())?;
            // SAFETY: in bounds, as just seen.
            let word = unsafe { block.add(place) }.cast::<u64>();
            // SAFETY: see above; the read needs no alignment.
            let size = unsafe { word.read_unaligned() };
            usize::try_from(size).ok().filter(|size| size.checked_add(LARGE) <= Some(end))?
        };
        let site = SiteId::new((low & ((1 << SITE_BITS) - 1)) as u32);
        Some(((site, size), trailer))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn sizes_and_sites_come_back_once_whatever_the_slack() {
            super::super::start(12345);
            let mut memory = std::vec![0_u8; 80_000];
            let block = memory.as_mut_ptr();
            for (usable, size) in [(8, 0), (24, 16), (24, 3), (70_000, 1), (263, 0), (262, 0)] {
                // SAFETY: the memory is longer than that.
                unsafe { write(block, usable, size, SiteId::new(0x00ab_cdef)) };
                // SAFETY: as above.
                let room = unsafe { self::usable(block, usable) };
                assert!((size..=usable - TRAILER).contains(&room), "{room} of {usable}");
                // SAFETY: as above.
                assert_eq!(unsafe { take(block, usable) }, Some((SiteId::new(0x00ab_cdef), size)));
                // SAFETY: as above.
                assert_eq!(unsafe { take(block, usable) }, None, "taken");
            }
        }

        #[test]
        fn a_forged_trailer_is_read_no_further_than_the_block_goes() {
            super::super::start(12345);
            for usable in 8..264 {
                let mut memory = std::vec![0_u8; usable].into_boxed_slice();
                let block = memory.as_mut_ptr();
                let forged = word(block, (LARGE as u64) << SITE_BITS | 7);
                memory[usable - 8..].copy_from_slice(&forged.to_ne_bytes());
                // SAFETY: the memory has so many bytes.
                let known = unsafe { take(memory.as_mut_ptr(), usable) };
                // The word before the trailer says 0, which is a size that 263 bytes have room for.
                assert_eq!(known, (usable == 263).then_some((SiteId::new(7), 0)), "{usable}");
            }
        }

        #[test]
        fn a_changed_trailer_is_none() {
            super::super::start(12345);
            let mut memory = [0_u8; 64];
            // SAFETY: in the array.
            unsafe { write(memory.as_mut_ptr(), 64, 50, SiteId::new(7)) };
            for bit in 0..64 {
                memory[56 + bit / 8] ^= 1 << (bit % 8);
                // SAFETY: in the array.
                assert_eq!(unsafe { usable(memory.as_mut_ptr(), 64) }, 64, "bit {bit}");
                memory[56 + bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

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
        assert_eq!(padded(layout), Layout::from_size_align(108, 64).ok());
        let huge = Layout::from_size_align(isize::MAX as usize - 4, 1).expect("valid");
        assert_eq!(padded(huge), None);
    }
}
