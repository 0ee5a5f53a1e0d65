//! Trailers at the end of a block's usable bytes, for hooks that do not learn a block's size when
//! it is freed.
//!
//! ```text
//!  63          32 31         24 23            0
//! +--------------+-------------+---------------+   slack: usable bytes between the block and
//! |    check     |    slack    |     site      |   the trailer; 0xff: the word before has the size
//! +--------------+-------------+---------------+
//! ```
//!
//! The slack begins with the bytes of [`FENCE`], as far as there is room: a write past the block's
//! end changes them. The trailer is not the first that it meets, and the block stays known. When
//! the program asks how many bytes it may use, the block is [opened](open): all of them are its
//! own.
//!
//! With `MOD_ALLOC_LIFETIMES=on` the block's birth lies before the trailer, whose check covers it.
//! One bit of that check differs from every ordinary trailer's.

use super::timed::{BIRTH, hash};
use super::{SECRET, SITE_BITS, SiteId, TRAILER};
use crate::base::sync::Ordering;

const SLACK_BITS: u32 = 8;
const CHECK_SHIFT: u32 = SITE_BITS + SLACK_BITS;
/// The slack value that stands for itself and all larger ones.
const LARGE: usize = (1 << SLACK_BITS) - 1;
/// The first bytes of the slack. No two are alike, and none is what programs often write.
const FENCE: u64 = 0x9dc3_f18b_e5a7_d9bb;
/// The difference of the trailer of a block that is open: the program has asked how many bytes it
/// may use, and may use them. There is no fence.
const OPEN: u64 = 0x00a5_3c96 << CHECK_SHIFT;
/// The bit that no ordinary trailer has so.
const TIMED: u64 = 1 << CHECK_SHIFT;

#[inline(always)]
fn word(block: *const u8, low: u64) -> u64 {
    const K: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
    let secret = SECRET.load(Ordering::Relaxed);
    let mixed = (block.addr() as u64 ^ secret).wrapping_mul(K) ^ low;
    mixed.wrapping_mul(K) >> CHECK_SHIFT << CHECK_SHIFT | low
}

/// The difference of the trailer of a block with a birth to an ordinary one.
fn difference(born: u64) -> u64 {
    hash(born, CHECK_SHIFT + 1) | TIMED
}

/// Writes the trailer of a block of `size` bytes, of `usable`.
///
/// # Safety
///
/// `block` must be valid for writes of `usable` bytes, at least `size + TRAILER`.
#[inline(always)]
pub(crate) unsafe fn write(block: *mut u8, usable: usize, size: usize, site: SiteId) {
    // SAFETY: the caller's promise.
    unsafe { write_fence(block, size) };
    // SAFETY: the caller's promise.
    unsafe { put(block, usable - TRAILER, size, site, usable - TRAILER, 0) };
}

/// Writes the trailer of a block of `size` bytes, of `usable`, that was born at `born`.
///
/// # Safety
///
/// `block` must be valid for writes of `usable` bytes, at least `size + TRAILER + BIRTH`.
#[cold]
pub(crate) unsafe fn write_timed(
    block: *mut u8,
    usable: usize,
    size: usize,
    site: SiteId,
    born: u64,
) {
    let end = usable - TRAILER - BIRTH;
    // SAFETY: the caller's promise.
    unsafe { write_fence(block, size) };
    // SAFETY: in bounds by the caller's promise.
    let birth = unsafe { block.add(end) }.cast::<u64>();
    // SAFETY: in bounds by the caller's promise; the write needs no alignment.
    unsafe { birth.write_unaligned(born) };
    // SAFETY: the caller's promise.
    unsafe { put(block, end, size, site, end + BIRTH, difference(born)) };
}

/// Writes the fence behind a block of `size` bytes. What follows the slack is to be written later:
/// it takes the bytes that the slack has not.
///
/// # Safety
///
/// `block` must be valid for writes of `size + TRAILER` bytes.
#[inline(always)]
unsafe fn write_fence(block: *mut u8, size: usize) {
    // SAFETY: in bounds by the caller's promise.
    let fence = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: see above; the write needs no alignment.
    unsafe { fence.write_unaligned(FENCE.to_le()) };
}

/// Writes the trailer at offset `place` of a block of `size` bytes, whose slack ends at `end`.
///
/// # Safety
///
/// `block` must be valid for writes of `place + TRAILER` bytes, and `size <= end <= place`.
#[inline(always)]
unsafe fn put(
    block: *mut u8,
    end: usize,
    size: usize,
    site: SiteId,
    place: usize,
    difference: u64,
) {
    let mut slack = end - size;
    if slack >= LARGE {
        slack = LARGE;
        // SAFETY: the slack has room for the word.
        let word = unsafe { block.add(end - size_of::<u64>()) }.cast::<u64>();
        // SAFETY: see above; the write needs no alignment.
        unsafe { word.write_unaligned(size as u64) };
    }
    let word = word(block, (slack as u64) << SITE_BITS | u64::from(site.number()));
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(place) }.cast::<u64>();
    // SAFETY: in bounds by the caller's promise; the write needs no alignment.
    unsafe { trailer.write_unaligned(word ^ difference) };
}

/// Site and size in the block's trailer, which is erased, and whether its slack is as it was;
/// `None` if the trailer is not an ordinary one.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `usable` bytes.
#[inline(always)]
pub(crate) unsafe fn take(block: *mut u8, usable: usize) -> Option<(SiteId, usize, bool)> {
    // SAFETY: the caller's promise.
    let ((site, size), trailer) = unsafe { read(block, usable) }?;
    // SAFETY: `read` has found the trailer, and so the size, in bounds.
    let is_whole = unsafe { is_whole(block, size, usable - TRAILER - size) };
    // A block that is freed twice is known once. SAFETY: `read` has found it in bounds.
    unsafe { trailer.write_unaligned(0) };
    Some((site, size, is_whole))
}

/// True if the slack of a block of `size` bytes begins as it was written.
///
/// # Safety
///
/// `block` must be valid for reads of `size + slack + TRAILER` bytes.
#[inline(always)]
unsafe fn is_whole(block: *mut u8, size: usize, slack: usize) -> bool {
    // SAFETY: in bounds by the caller's promise.
    let fence = unsafe { block.add(size) }.cast::<u64>();
    // SAFETY: see above; the read needs no alignment.
    let found = u64::from_le(unsafe { fence.read_unaligned() });
    // The bytes that are the trailer's go: in two steps, as they may be all.
    let half = 4 * (8 - slack.min(8));
    (found ^ FENCE) << half << half == 0
}

/// Site and size of a block whose trailer's first byte was overwritten, and no other: a write past
/// the block's end changes that first. To try more bytes would find a trailer in any bytes now and
/// then. The trailer is erased.
///
/// # Safety
///
/// As for [`take`].
#[cold]
pub(crate) unsafe fn repair(block: *mut u8, usable: usize) -> Option<(SiteId, usize)> {
    let place = usable.checked_sub(TRAILER)?;
    // SAFETY: in bounds, as just seen.
    let trailer = unsafe { block.add(place) }.cast::<u64>();
    // SAFETY: see above; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() };
    // The first byte is the low one of the word, as in all recorded machines.
    let overwritten = 0xff;
    let is_right = |tried: &u64| *tried == word(block, tried & ((1 << CHECK_SHIFT) - 1));
    let right = (0..=overwritten).map(|low| found & !overwritten | low).find(is_right)?;
    // SAFETY: see above; the write needs no alignment.
    unsafe { trailer.write_unaligned(right) };
    // SAFETY: the caller's promise.
    let (site, size, _) = unsafe { take(block, usable) }?;
    Some((site, size))
}

/// Site, size and birth in the block's trailer, which is erased, and whether its slack is as it
/// was; `None` if the trailer is not one with a birth.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `usable` bytes.
#[cold]
pub(crate) unsafe fn take_timed(block: *mut u8, usable: usize) -> Option<(Trailer, bool)> {
    // SAFETY: the caller's promise.
    let Seen { site, size, born, trailer, is_open, end } = unsafe { see(block, usable, true) }?;
    // SAFETY: `see` has found the trailer, and so the size, in bounds.
    let is_whole = is_open || unsafe { is_whole(block, size, end - size) };
    // SAFETY: `see` has found it in bounds.
    unsafe { trailer.write_unaligned(0) };
    Some((Trailer { site, size, born, is_open }, is_whole))
}

/// Site and size in the trailer of an open block, which is erased; `None` if it is not one. The
/// trailer has no birth.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `usable` bytes.
#[cold]
pub(crate) unsafe fn take_open(block: *mut u8, usable: usize) -> Option<(SiteId, usize)> {
    // SAFETY: the caller's promise.
    let seen = unsafe { see(block, usable, false) }.filter(|seen| seen.is_open)?;
    // SAFETY: `see` has found it in bounds.
    unsafe { seen.trailer.write_unaligned(0) };
    Some((seen.site, seen.size))
}

/// Writes the trailer of an open block anew, and no fence. `born`: its birth, if it has one.
///
/// # Safety
///
/// As for [`write`] and [`write_timed`].
#[cold]
pub(crate) unsafe fn write_open(
    block: *mut u8,
    usable: usize,
    size: usize,
    site: SiteId,
    born: Option<u64>,
) {
    let place = usable - TRAILER;
    let Some(born) = born else {
        // SAFETY: the caller's promise.
        return unsafe { put(block, place, size, site, place, OPEN) };
    };
    // SAFETY: in bounds by the caller's promise.
    let birth = unsafe { block.add(place - BIRTH) }.cast::<u64>();
    // SAFETY: see above; the write needs no alignment.
    unsafe { birth.write_unaligned(born) };
    // SAFETY: the caller's promise.
    unsafe { put(block, place - BIRTH, size, site, place, difference(born) ^ OPEN) };
}

/// The bytes of a block that are the program's: as many as it has asked for, or all before the
/// trailer if it is open. All, if there is no trailer. `timed`: the trailer has a birth.
///
/// # Safety
///
/// `block` must be valid for reads of `usable` bytes.
pub(crate) unsafe fn size(block: *mut u8, usable: usize, timed: bool) -> usize {
    // SAFETY: the caller's promise.
    match unsafe { see(block, usable, timed) } {
        Some(Seen { size, is_open: false, .. }) => size,
        Some(Seen { size, end, .. }) => usable_before(end, size),
        None => usable,
    }
}

/// Opens a block: gives the bytes that the program may use from now on, all before the trailer.
/// All, if there is no trailer.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `usable` bytes.
pub(crate) unsafe fn open(block: *mut u8, usable: usize, timed: bool) -> usize {
    // SAFETY: the caller's promise.
    let Some(seen) = (unsafe { see(block, usable, timed) }) else { return usable };
    if !seen.is_open {
        let slack = seen.end - seen.size;
        // SAFETY: `see` has found the trailer, and so the size, in bounds.
        if unsafe { is_whole(block, seen.size, slack) } {
            // Of a zeroed block all is zero that the program may use.
            // SAFETY: as above.
            let fence = unsafe { block.add(seen.size) };
            // SAFETY: as above.
            unsafe { fence.write_bytes(0, slack.min(size_of_val(&FENCE))) };
        }
        // SAFETY: `see` has found it in bounds.
        let word = unsafe { seen.trailer.read_unaligned() };
        // SAFETY: as above.
        unsafe { seen.trailer.write_unaligned(word ^ OPEN) };
    }
    usable_before(seen.end, seen.size)
}

/// The bytes that the program may use of an open block of `size` bytes, of `usable`. `timed`: its
/// trailer has a birth.
pub(crate) fn usable_of(usable: usize, size: usize, timed: bool) -> usize {
    usable_before(usable.saturating_sub(super::len(timed)), size)
}

/// The usable bytes of a block of `size` bytes whose slack ends at `end`.
fn usable_before(end: usize, size: usize) -> usize {
    // The word before the end holds the size.
    if end.saturating_sub(size) >= LARGE { end - size_of::<u64>() } else { end }
}

/// The content of a trailer with a birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) site: SiteId,
    pub(crate) size: usize,
    pub(crate) born: u64,
    pub(crate) is_open: bool,
}

/// A trailer of any kind.
struct Seen {
    site: SiteId,
    size: usize,
    /// 0 without one.
    born: u64,
    trailer: *mut u64,
    is_open: bool,
    /// The slack's end.
    end: usize,
}

/// The block's trailer. `timed`: it has a birth.
///
/// # Safety
///
/// `block` must be valid for reads of `usable` bytes.
unsafe fn see(block: *mut u8, usable: usize, timed: bool) -> Option<Seen> {
    let end = usable.checked_sub(super::len(timed))?;
    let (mut born, mut ordinary) = (0, 0);
    if timed {
        // SAFETY: in bounds, as just seen.
        let birth = unsafe { block.add(end) }.cast::<u64>();
        // SAFETY: see above; the read needs no alignment.
        born = unsafe { birth.read_unaligned() };
        ordinary = difference(born);
    }
    [false, true].into_iter().find_map(|is_open| {
        let difference = ordinary ^ if is_open { OPEN } else { 0 };
        // SAFETY: in bounds, as just seen.
        let found = unsafe { find(block, end, usable - TRAILER, difference) };
        let ((site, size), trailer) = found?;
        Some(Seen { site, size, born, trailer, is_open, end })
    })
}

/// The content of a trailer, and its place.
type Found = ((SiteId, usize), *mut u64);

#[inline(always)]
unsafe fn read(block: *mut u8, usable: usize) -> Option<Found> {
    let end = usable.checked_sub(TRAILER)?;
    // SAFETY: the caller's promise.
    unsafe { find(block, end, end, 0) }
}

/// The trailer at offset `place` of a block whose slack ends at `end`.
///
/// # Safety
///
/// `block` must be valid for reads of `place + TRAILER` bytes, and `end <= place`.
#[inline(always)]
unsafe fn find(block: *mut u8, end: usize, place: usize, difference: u64) -> Option<Found> {
    // SAFETY: in bounds by the caller's promise.
    let trailer = unsafe { block.add(place) }.cast::<u64>();
    // SAFETY: see above; the read needs no alignment.
    let found = unsafe { trailer.read_unaligned() } ^ difference;
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
mod tests;
