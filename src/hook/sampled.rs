//! Events where blocks are sampled: most pass, and only the thread's own numbers change.
//!
//! A sampled block has the trailer of its site, and an unsampled one a
//! [trailer](crate::store::trailer::unsampled) with a number which is no site's. The
//! tracker is told of neither.

use crate::base::current;
use crate::capture::registers::with_callers_registers;
use crate::engine::events;
use crate::engine::sampling;
use crate::engine::session;
use crate::store::ids::SiteId;
use crate::store::trailer::unsampled;

/// Records a new block, whose stack begins with the caller, and writes its trailer.
///
/// # Safety
///
/// The block must be valid for writes of `size` bytes and the trailer.
#[inline(always)]
pub(in crate::hook) unsafe fn allocated(block: *mut u8, size: usize) {
    let word = current::word();
    // SAFETY: the word is this thread's.
    match unsafe { sampling::passed(word, size) } {
        // SAFETY: the caller's promise.
        Some(base) => unsafe { unsampled::write(block, size, base) },
        // SAFETY: the caller's promise.
        None => unsafe { super::hand_on(word, block, size) },
    }
}

/// Records that a block is about to be freed, if it was not sampled; `false`: nothing is done.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[inline(always)]
pub(in crate::hook) unsafe fn passes(block: *mut u8, size: usize) -> bool {
    // SAFETY: the word is this thread's, and the caller's promise.
    unsafe { sampling::freed_unsampled(current::word(), block, size) }
}

/// Records that a block is about to be freed, whatever it changes.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
pub(in crate::hook) unsafe fn freed(block: *mut u8, size: usize) {
    // A block of a process that is recorded.
    let Some(session) = session::get() else { return };
    // SAFETY: the caller's promise.
    match unsafe { unsampled::read_either(block, size) } {
        Some(number) => {
            #[cfg(feature = "usdt")]
            super::probes::freed(block, Some(number));
            sampling::freed(session, number, size);
        }
        None => events::damaged(session, size),
    }
}

/// The number in the trailer of a block that is about to be reallocated; `None`: it is damaged.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
pub(in crate::hook) unsafe fn known(block: *mut u8, size: usize) -> Option<SiteId> {
    // SAFETY: the caller's promise.
    unsafe { unsampled::read_either(block, size) }
}

/// Records that a block with that number was resized, and writes its trailer anew. The stack begins
/// with the caller.
///
/// # Safety
///
/// `block` must be valid for writes of `new` bytes and the trailer.
#[inline(always)]
pub(in crate::hook) unsafe fn resized(
    block: *mut u8,
    known: Option<SiteId>,
    old: usize,
    new: usize,
) {
    // No trailer has that number.
    let number = known.map_or(usize::MAX, SiteId::index);
    // SAFETY: no preconditions.
    let number = unsafe { number_of_resized(number, old, new) };
    // SAFETY: the caller's promise.
    unsafe { unsampled::write_either(block, new, number) };
    #[cfg(feature = "usdt")]
    super::probes::allocated(block, new, number);
}

with_callers_registers! {
    /// The number of a resized block, by its number before, and its sizes before and after.
    number_of_resized(usize, usize, usize) -> SiteId => sampling::resize
}
