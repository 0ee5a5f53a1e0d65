//! Events with stacks: a site, a trailer behind the block, and numbers per site.

use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::events;
use crate::engine::session::Session;
use crate::store::ids::SiteId;
use crate::store::trailer;
pub(super) use crate::store::trailer::padded;
use crate::tracker;

with_callers_registers! {
    /// Records a new block, whose stack begins with the caller, and writes its trailer.
    ///
    /// # Safety
    ///
    /// The block must be valid for writes of its size (the last argument) and the trailer.
    pub(super) allocated(&'static Session, *mut u8, usize) => record_or_report
}

/// Records a new block like `record`, and tells a tracker if there is one. The two functions
/// are apart, so that neither has to keep registers for the other.
unsafe extern "C" fn record_or_report(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    if tracker::is_watched() {
        // SAFETY: the caller's promise.
        unsafe { tracker::record(session, block, size, pc, sp, bp) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { record(session, block, size, pc, sp, bp) };
    }
}

/// Records a new block and writes its trailer. `pc`, `sp` and `bp` are the registers of the
/// innermost frame to record.
#[cfg_attr(feature = "groups", inline(never))]
unsafe extern "C" fn record(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let site = events::allocated(session, size, Registers { pc, sp, bp });
    // SAFETY: the caller's promise.
    unsafe { trailer::write(block, size, site) };
}

/// Records that a block is about to be freed.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[inline]
pub(super) unsafe fn freed(session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    match unsafe { trailer::read(block, size) } {
        Some(site) => events::freed(session, site, size),
        // SAFETY: the caller's promise.
        None => unsafe { tracker::freed(session, block, size) },
    }
}

/// The site of a block that is about to be reallocated; `None` if its trailer is damaged.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[inline(always)]
pub(super) unsafe fn site_of(
    session: &'static Session,
    block: *mut u8,
    size: usize,
) -> Option<SiteId> {
    // SAFETY: the caller's promise.
    let site = unsafe { trailer::read(block, size) };
    // SAFETY: the caller's promise.
    site.or_else(|| unsafe { tracker::take_site(session, block, size) })
}

/// Called when a block could not be reallocated.
///
/// # Safety
///
/// `block` must be valid for writes of `size` bytes and the trailer.
#[cold]
pub(super) unsafe fn kept(session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { tracker::kept(session, block, size) };
}

/// Records that a block of `site` was resized, and writes its trailer anew. A block that is not
/// known is a new block.
///
/// # Safety
///
/// `block` must be valid for writes of `new` bytes and the trailer.
#[inline]
pub(super) unsafe fn resized(
    session: &'static Session,
    block: *mut u8,
    site: Option<SiteId>,
    old: usize,
    new: usize,
) {
    let Some(site) = events::resized(session, site, old, new) else {
        // SAFETY: the caller's promise.
        return unsafe { allocated(session, block, new) };
    };
    // SAFETY: the caller's promise.
    unsafe { trailer::write(block, new, site) };
    if tracker::is_watched() {
        // SAFETY: the caller's promise.
        unsafe { tracker::report_new(session, block, new, site) };
    }
}
