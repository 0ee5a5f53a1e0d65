//! Events of blocks, entered in the books. Each hook calls these functions, and keeps the site in
//! its kind of trailer.
//!
//! | event | entered | totals | live |
//! |---|---|---|---|
//! | allocated | after the allocator has succeeded | +1 block, + its bytes | the same |
//! | freed | before the block is given back | | −1 block, − its bytes |
//! | resized | after the allocator has succeeded | +1 block, + its new size | + the difference |
//!
//! The stack of the allocation names the site. A block keeps its site and its time of birth when it
//! is resized; a resized block that is not known is a new one.
//!
//! Each event has a fast path, inlined into the hook, and a cold one: the thread's first event, an
//! event of a thread without a slot, one that interrupts the hook (a signal handler that
//! allocates), and one of the profiler. Events that interrupt the hook are not recorded; they are
//! counted as `reentrant`.

use crate::base::changes;
use crate::base::current::{add_profiler_bytes, is_profiler};
use crate::capture::registers::Registers;
use crate::engine::inside::{Inside, Outside};
use crate::engine::ledger::{Allocated, Event, Freed, FreedTimed, Resized, enter};
use crate::engine::quick;
use crate::engine::session::Session;
use crate::engine::stack_site;
use crate::engine::thread::Thread;
use crate::engine::windows;
use crate::store::ids::SiteId;
use crate::store::sites::NO_SITE;

/// Enters an allocated block, whose stack's innermost frame has the registers `at`. Returns its
/// site; [`NO_SITE`] if it is not recorded.
#[inline(always)]
pub(crate) fn allocated(session: &'static Session, size: usize, at: Registers) -> SiteId {
    // The clock is read first: the processor reads its counter while it does the rest.
    allocated_at(session, size, at, session.clock.now())
}

/// Enters a block that was allocated at the time `now`, in clock units.
#[inline(always)]
pub(crate) fn allocated_at(
    session: &'static Session,
    size: usize,
    at: Registers,
    now: u64,
) -> SiteId {
    match Inside::enter_fast(session) {
        Some(mut inside) => enter_allocated(&mut inside, session, size, at, now),
        None => allocated_slowly(session, size, at.pc, at.sp, at.bp, now),
    }
}

/// The rest of [`allocated`], inside the hook.
#[inline(always)]
fn enter_allocated(
    inside: &mut Inside,
    session: &'static Session,
    size: usize,
    at: Registers,
    now: u64,
) -> SiteId {
    let thread = inside.thread();
    let seen = changes::count();
    let site = stack_site::of(thread, session, at);
    if let Some(site) = site {
        enter(thread, session, site, Allocated { bytes: size as u64 }, now);
    }
    note_seen(thread, session, seen);
    site.unwrap_or(NO_SITE)
}

/// Enters an allocated block of a thread that has no slot yet, or is inside already. The registers
/// are single arguments: the fast path keeps them in the processor's registers then.
#[cold]
#[inline(never)]
fn allocated_slowly(
    session: &'static Session,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
    now: u64,
) -> SiteId {
    let at = Registers { pc, sp, bp };
    match Inside::enter_slowly(session) {
        Ok(mut inside) => enter_allocated(&mut inside, session, size, at, now),
        Err(why) => {
            if why == Outside::Profiler {
                add_profiler_bytes(size as i64);
            }
            lost(session, why, size);
            NO_SITE
        }
    }
}

/// Enters the free of a block of `site`, just before it happens.
///
/// Not after: another thread may be given the memory at once, and its event would come first.
#[inline(always)]
pub(crate) fn freed(session: &'static Session, site: SiteId, size: usize) {
    if site != NO_SITE {
        enter_known(session, site, Freed { bytes: size as u64 }, size);
    } else {
        freed_unrecorded(size);
    }
}

/// Enters the free of a block of `site` that was born at `born`, just before it happens.
#[cold]
pub(crate) fn freed_timed(session: &'static Session, site: SiteId, size: usize, born: u64) {
    if site != NO_SITE {
        let freed = Freed { bytes: size as u64 };
        enter_known(session, site, FreedTimed { freed, born }, size);
    } else {
        freed_unrecorded(size);
    }
}

/// Called when a block that is not recorded is about to be freed, or is taken for a new one.
#[cold]
#[inline(never)]
pub(crate) fn freed_unrecorded(size: usize) {
    if is_profiler() {
        add_profiler_bytes(-(size as i64));
    }
}

/// Enters a resized block, whose trailer said `site`, or was damaged. Returns its present site;
/// `None`: the block is not known, and is to be taken for a new one.
#[inline(always)]
pub(crate) fn resized(
    session: &'static Session,
    site: Option<SiteId>,
    old: usize,
    new: usize,
) -> Option<SiteId> {
    let Some(site) = site.filter(|site| windows::knows(*site)) else {
        forgotten(session, site, old);
        return None;
    };
    let event = Resized { old: old as u64, new: new as u64 };
    // If the event is lost, the books keep the old size, so they can no longer follow the block.
    Some(if enter_known(session, site, event, new) { site } else { NO_SITE })
}

/// Called when a block that is not known is about to be taken for a new one.
#[cold]
pub(crate) fn forgotten(session: &Session, site: Option<SiteId>, size: usize) {
    match site {
        None => damaged(session, size),
        Some(NO_SITE) => freed_unrecorded(size),
        Some(_) => {}
    }
}

/// Notes that the thread has looked at all changes up to the count `seen`.
#[inline(always)]
fn note_seen(thread: &mut Thread, session: &'static Session, seen: u32) {
    if thread.seen != seen {
        quick::note_seen(thread, session, seen);
    }
}

/// Enters an event of a known block; `false` if it is lost, or the block is of an older window.
#[inline(always)]
fn enter_known(session: &'static Session, site: SiteId, event: impl Event, bytes: usize) -> bool {
    let now = session.clock.now();
    match Inside::enter_fast(session) {
        Some(mut inside) => enter_known_inside(&mut inside, session, site, event, now),
        None => enter_slowly(session, site, event, bytes, now),
    }
}

/// The rest of [`enter_known`], inside the hook: a window may have been closed since the caller
/// looked.
#[inline(always)]
fn enter_known_inside(
    inside: &mut Inside,
    session: &'static Session,
    site: SiteId,
    event: impl Event,
    now: u64,
) -> bool {
    let is_known = windows::knows(site);
    let thread = inside.thread();
    let seen = changes::count();
    if is_known {
        enter(thread, session, site, event, now);
    }
    note_seen(thread, session, seen);
    is_known
}

/// Enters an event of a thread that has no slot yet, or is inside already.
#[cold]
#[inline(never)]
fn enter_slowly(
    session: &'static Session,
    site: SiteId,
    event: impl Event,
    bytes: usize,
    now: u64,
) -> bool {
    match Inside::enter_slowly(session) {
        Ok(mut inside) => enter_known_inside(&mut inside, session, site, event, now),
        Err(why) => {
            lost(session, why, bytes);
            false
        }
    }
}

/// Counts an event that is not recorded; the profiler's events are no loss.
///
/// The words are shared by all threads: the event has interrupted the hook, and the thread's own
/// words may be half changed.
#[cold]
pub(crate) fn lost(session: &Session, why: Outside, bytes: usize) {
    if why == Outside::Reentrant {
        session.header.losses.reentrant.add_shared(1);
        session.header.losses.reentrant_bytes.add_shared(bytes as u64);
    }
}

/// Counts a damaged trailer: the block's site is not known, so the block stays live in the report.
/// If the address is no block's, the size is what lies before it; one that no block has counts as
/// 0.
#[cold]
pub(crate) fn damaged(session: &Session, size: usize) {
    let size = if isize::try_from(size).is_ok() { size } else { 0 };
    session.header.losses.damaged_trailers.add_shared(1);
    session.header.losses.damaged_bytes.add_shared(size as u64);
}

/// Counts a block that was written to past its end, but not as far as its trailer.
#[cfg(feature = "preload")]
#[cold]
pub(crate) fn overrun(session: &Session) {
    session.header.late.losses.overruns.add_shared(1);
}
