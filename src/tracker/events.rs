//! The events of blocks, as a tracker is told of them.

use super::{IN_TRACKER, SUSPENDED, active, call};
use crate::api::groups::token::AllocationGroupId;
use crate::capture::registers::Registers;
use crate::engine::events;
use crate::engine::session::Session;
use crate::store::group::{NO_GROUP, named};
use crate::store::ids::SiteId;
use crate::store::sites::{NO_SITE, Owner};
use crate::store::trailer;
use crate::store::trailer::timed::Timed;
use crate::store::trailer::{timed, tracked};

/// The group that blocks of a site count for.
fn group_of(session: &Session, site: SiteId) -> AllocationGroupId {
    let owner = session.sites.owners.get(site.index());
    AllocationGroupId::of(named(session.groups, owner.map_or(NO_GROUP, Owner::group)))
}

/// Records a new block, writes its trailer and reports it. `pc`, `sp` and `bp` are the registers of
/// the innermost frame to record.
///
/// # Safety
///
/// `block` must be valid for writes of `size` bytes and the trailer.
#[cold]
#[inline(never)]
pub(crate) unsafe extern "C" fn record(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let is_own = SUSPENDED.get() == IN_TRACKER;
    let (now, at) = (session.clock.now(), Registers { pc, sp, bp });
    let site = if is_own { NO_SITE } else { events::allocated_at(session, size, at, now) };
    if session.is_timed() {
        // SAFETY: the caller's promise.
        unsafe { timed::write(block, size, Timed { site, born: now, is_tracked: false }) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { trailer::write(block, size, site) };
    }
    // SAFETY: the caller's promise.
    unsafe { report_new(session, block, size, site) };
}

/// Makes the trailer of a block of `site` that of a reported block.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `size` bytes and the trailer.
unsafe fn mark(session: &Session, block: *mut u8, size: usize, site: SiteId) {
    if !session.is_timed() {
        // SAFETY: the caller's promise.
        return unsafe { tracked::write(block, size, site) };
    }
    // SAFETY: the caller's promise.
    if let Some(content) = unsafe { timed::read(block, size) } {
        // SAFETY: the caller's promise.
        unsafe { timed::write(block, size, Timed { is_tracked: true, ..content }) };
    }
}

/// Reports a block of `site`, if it is recorded. Its trailer is written.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `size` bytes and the trailer.
#[cold]
pub(crate) unsafe fn report_new(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    site: SiteId,
) {
    let Some(tracker) = active().filter(|_| site != NO_SITE) else { return };
    // SAFETY: the caller's promise.
    unsafe { mark(session, block, size, site) };
    let group = group_of(session, site);
    call(|| tracker.allocated(block.addr(), size, size + session.trailer, group));
}

/// Reports that a block of `site` is about to be freed.
pub(crate) fn report_gone(session: &Session, block: *mut u8, size: usize, site: SiteId) {
    let Some(tracker) = active() else { return };
    let current = named(session.groups, crate::engine::member::entered().group);
    let (source, current) = (group_of(session, site), AllocationGroupId::of(current));
    call(|| tracker.deallocated(block.addr(), size, size + session.trailer, source, current));
}

/// Called when a block is about to be freed whose trailer is not the usual one: it was reported, or
/// it is damaged.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[cold]
#[inline(never)]
pub(crate) unsafe fn freed(session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    match unsafe { tracked::read(block, size) } {
        Some(site) => {
            report_gone(session, block, size, site);
            events::freed(session, site, size);
        }
        None => events::damaged(session, size),
    }
}

/// The site of a block that is about to be reallocated, whose trailer is not the usual one; `None`
/// if it is damaged.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[cold]
#[inline(never)]
pub(crate) unsafe fn take_site(
    session: &'static Session,
    block: *mut u8,
    size: usize,
) -> Option<SiteId> {
    // SAFETY: the caller's promise.
    let site = unsafe { tracked::read(block, size) }?;
    report_gone(session, block, size, site);
    Some(site)
}

/// Called when a block could not be reallocated: it is still there.
///
/// # Safety
///
/// `block` must be valid for writes of `size` bytes and the trailer.
#[cold]
#[inline(never)]
pub(crate) unsafe fn kept(session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    if let Some(site) = unsafe { tracked::read(block, size) } {
        // SAFETY: the caller's promise.
        unsafe { report_new(session, block, size, site) };
    }
}
