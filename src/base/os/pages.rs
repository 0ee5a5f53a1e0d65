//! Pages of memory: the kernel maps, backs and takes back whole pages.
//!
//! Their size is the kernel's choice: 4 KiB on x86-64; 4, 16 or 64 KiB on aarch64. If a call is
//! given a part of a page, the kernel takes the whole page. So this file rounds a range first:
//! inward if its contents are lost, outward if its contents are needed.

#[cfg(feature = "backtraces")]
use core::ops::Range;

use crate::base::sync::{AtomicU32, Ordering};

/// The size of a page, as a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageSize {
    bits: u32,
}

/// The kernel's answer; 0: it was not asked yet.
static BITS: AtomicU32 = AtomicU32::new(0);

/// The size of this machine's pages. The kernel is asked once.
pub(crate) fn page_size() -> PageSize {
    match BITS.load(Ordering::Relaxed) {
        0 => ask(),
        bits => PageSize { bits },
    }
}

/// Asks the kernel, and notes its answer for all threads.
///
/// Two threads may ask at once: both store one and the same answer. If the kernel gives none, the
/// largest size is used, which rounds to whole pages of every size.
#[cold]
fn ask() -> PageSize {
    // SAFETY: the call takes a number and touches no memory of ours.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let bytes = usize::try_from(bytes).ok().filter(|bytes| bytes.is_power_of_two());
    let size = bytes.map_or(PageSize::LARGEST, PageSize::of);
    BITS.store(size.bits, Ordering::Relaxed);
    size
}

impl PageSize {
    /// The largest page size of Linux on the known processors: such pages are also whole pages of
    /// any smaller size.
    const LARGEST: PageSize = PageSize { bits: 16 };

    /// `bytes` is a power of two.
    const fn of(bytes: usize) -> Self {
        PageSize { bits: bytes.trailing_zeros() }
    }

    /// Bytes of one page.
    pub(crate) const fn bytes(self) -> usize {
        1 << self.bits
    }
}

#[cfg(feature = "backtraces")]
impl PageSize {
    /// The number of the page that holds `address`.
    pub(crate) const fn number_of(self, address: u64) -> u64 {
        address >> self.bits
    }

    /// The beginning of the page that holds `address`.
    pub(crate) const fn start_of(self, address: u64) -> u64 {
        address >> self.bits << self.bits
    }

    /// The first beginning of a page at `address` or later. In the last page it is that page's
    /// beginning: there is no later one.
    pub(crate) const fn next_start(self, address: u64) -> u64 {
        self.start_of(address.saturating_add(self.bytes() as u64 - 1))
    }

    /// The whole pages in a range; an empty range if there is none.
    ///
    /// For calls that lose the contents, such as `madvise(MADV_DONTNEED)`: the kernel would round
    /// the length up and take bytes beyond the range.
    pub(crate) fn inside(self, range: &Range<usize>) -> Range<usize> {
        let start = self.next_start(range.start as u64) as usize;
        let end = self.start_of(range.end as u64) as usize;
        start..end.max(start)
    }

    /// The pages that hold some of a range; an empty range if that is empty.
    ///
    /// For calls that make memory usable: each byte of the range has to be backed afterwards.
    pub(crate) fn around(self, range: &Range<usize>) -> Range<usize> {
        let start = self.start_of(range.start as u64) as usize;
        let end = self.next_start(range.end as u64) as usize;
        if range.is_empty() { start..start } else { start..end }
    }
}

#[cfg(all(test, feature = "backtraces"))]
mod tests {
    use super::*;

    const KIB: usize = 1024;
    const SIZES: [usize; 3] = [4 * KIB, 16 * KIB, 64 * KIB];

    #[test]
    fn whole_pages_are_those_that_lie_in_the_range_entirely() {
        for (size, range, expected) in [
            (4 * KIB, 0..2048, 0..0),
            (4 * KIB, 0..4 * KIB, 0..4 * KIB),
            (4 * KIB, 1..12 * KIB - 1, 4 * KIB..8 * KIB),
            (4 * KIB, 32 * KIB..96 * KIB, 32 * KIB..96 * KIB),
            (16 * KIB, 32 * KIB..96 * KIB, 32 * KIB..96 * KIB),
            (16 * KIB, 4 * KIB..40 * KIB, 16 * KIB..32 * KIB),
            // The first level of the frame table, and the second, which begins in the middle of a
            // page.
            (64 * KIB, 0..32 * KIB, 0..0),
            (64 * KIB, 32 * KIB..96 * KIB, 64 * KIB..64 * KIB),
            (64 * KIB, 96 * KIB..224 * KIB, 128 * KIB..192 * KIB),
        ] {
            let found = PageSize::of(size).inside(&range);
            assert_eq!(found, expected, "{range:?} in pages of {size}");
        }
    }

    #[test]
    fn pages_around_a_range_hold_all_of_it() {
        for (size, range, expected) in [
            (4 * KIB, 0..1, 0..4 * KIB),
            (4 * KIB, 4095..4097, 0..8 * KIB),
            (4 * KIB, 4096..8192, 4096..8192),
            (4 * KIB, 5000..5000, 4096..4096),
            (16 * KIB, 4 * KIB..5 * KIB, 0..16 * KIB),
            (64 * KIB, 4 * KIB..65 * KIB, 0..128 * KIB),
        ] {
            let found = PageSize::of(size).around(&range);
            assert_eq!(found, expected, "{range:?} in pages of {size}");
        }
    }

    #[test]
    fn no_page_size_takes_what_is_outside_or_leaves_out_what_is_inside() {
        for size in SIZES {
            let pages = PageSize::of(size);
            let points = [0, 1, size / 2, size - 1, size, size + 1, 2 * size, 3 * size - 1];
            for start in points {
                for end in points.into_iter().filter(|end| *end >= start) {
                    let (inside, around) =
                        (pages.inside(&(start..end)), pages.around(&(start..end)));
                    assert!(inside.is_empty() || start <= inside.start && inside.end <= end);
                    assert!(around.start <= start && (end <= around.end || start == end));
                    assert!(inside.len() + 2 * size > end - start, "{start}..{end} of {size}");
                    assert!(around.len() < end - start + 2 * size, "{start}..{end} of {size}");
                    for edge in [inside.start, inside.end, around.start, around.end] {
                        assert_eq!(edge % size, 0, "{start}..{end} of {size}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_address_space_are_no_overflow() {
        let pages = PageSize::of(4 * KIB);
        assert_eq!(pages.next_start(u64::MAX), u64::MAX - 4095);
        assert_eq!(pages.inside(&(usize::MAX - 1..usize::MAX)).len(), 0);
    }

    #[test]
    fn the_kernel_says_a_power_of_two() {
        let bytes = page_size().bytes();
        assert!(bytes.is_power_of_two() && (4 * KIB..=64 * KIB).contains(&bytes), "{bytes}");
        assert_eq!(page_size(), ask());
    }
}
