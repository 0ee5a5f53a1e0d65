//! In the place of the tracker, in a build in which no program can set one: no block is ever
//! reported, so a trailer that is not the usual one is damaged.

use crate::engine::events;
use crate::engine::session::Session;
use crate::store::ids::SiteId;

/// No tracker is ever set.
#[inline(always)]
pub(crate) fn is_watched() -> bool {
    false
}

/// Never called, because nothing is watched.
///
/// # Safety
///
/// None.
#[cold]
pub(crate) unsafe extern "C" fn record(
    _session: &'static Session,
    _block: *mut u8,
    _size: usize,
    _pc: u64,
    _sp: u64,
    _bp: u64,
) {
}

/// Never called, because nothing is watched.
///
/// # Safety
///
/// None.
#[cold]
pub(crate) unsafe fn report_new(
    _session: &'static Session,
    _block: *mut u8,
    _size: usize,
    _site: SiteId,
) {
}

/// Never called, because no trailer says that its block was reported.
#[cold]
pub(crate) fn report_gone(_session: &Session, _block: *mut u8, _size: usize, _site: SiteId) {}

/// Called when a block with a damaged trailer is about to be freed.
///
/// # Safety
///
/// None.
#[cold]
pub(crate) unsafe fn freed(session: &'static Session, _block: *mut u8, size: usize) {
    events::damaged(session, size);
}

/// The trailer is damaged: there is no site.
///
/// # Safety
///
/// None.
#[inline(always)]
pub(crate) unsafe fn take_site(
    _session: &'static Session,
    _block: *mut u8,
    _size: usize,
) -> Option<SiteId> {
    None
}

/// Called when a block could not be reallocated; nothing was taken from it.
///
/// # Safety
///
/// None.
#[cold]
pub(crate) unsafe fn kept(_session: &'static Session, _block: *mut u8, _size: usize) {}
