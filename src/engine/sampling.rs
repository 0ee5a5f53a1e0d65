//! Events where blocks are sampled: see [`crate::store::sampling`].
//!
//! ```text
//!  allocated ─▶ the countdown passes ─▶ front                  unsampled: no stack, no clock
//!           └─▶ it has ended ─────────▶ stack_site ─▶ ledger   sampled: estimates at the site
//!  freed ─────▶ unsampled ────────────▶ front
//!           └─▶ sampled ──────────────▶ ledger
//!  resized ───▶ front; freed at its site if it was sampled; the countdown anew
//! ```
//!
//! The hook comes here by ways that it has for other things already: an event of a process without
//! sampling does not ask. The ledger finds the due time of the timeline at 0, so each event that
//! reaches it takes its slow way, where sites get estimates.
//!
//! Events of unsampled blocks look at the count of changes and at the limits of the front, as the
//! [quick way](crate::engine::quick) does, and read no clock. So a sample of the heap over time is
//! taken by the next event that does: a sampled one, or one that the heap has to be told of. The
//! peak's time is that of the first event that leaves it.

use crate::base::changes;
use crate::base::current::add_profiler_bytes;
use crate::base::settings::SAMPLE;
use crate::base::sync::Ordering;
use crate::base::sync::amount::Amount;
use crate::capture::registers::Registers;
use crate::engine::events::{self, freed_unrecorded, lost};
use crate::engine::inside::{Inside, Outside};
use crate::engine::ledger::{self, Allocated, Estimated, Event, Freed, Resized};
use crate::engine::quick::Quick;
use crate::engine::session::{self, Session};
use crate::engine::stack_site;
use crate::engine::thread::Thread;
use crate::engine::windows;
use crate::store::ids::{SHARED, SiteId};
use crate::store::peak::EXACT;
use crate::store::rates::{EACH, Rates};
use crate::store::sampling::{Countdown, Rate, rate_of, sampled, site_of, unsampled, window_of};
use crate::store::sites::NO_SITE;
use crate::store::trailer::unsampled as passing;

/// A thread's part.
#[derive(Debug)]
pub(crate) struct Sampling {
    countdown: Countdown,
    /// The count of changes that the thread has looked at, as far as unsampled blocks need it; 0:
    /// none.
    pub(super) seen: u32,
    /// Of the trailers of the window's unsampled blocks, as of then.
    base: passing::Base,
    /// The number of the rate of which the countdown's gap is.
    rate: u32,
}

impl Sampling {
    /// Begins with a new thread.
    pub(crate) fn begin(&mut self, seed: u64, rates: &Rates) {
        self.seen = 0;
        self.rate = rates.present();
        if let Some(rate) = Rate::new(rates.gap(self.rate)) {
            self.countdown.begin(seed, rate);
        }
    }
}

/// Enters an allocated block if it is not sampled. Returns what its trailer is made of; `None`:
/// nothing is done.
///
/// # Safety
///
/// `word` must be the calling thread's word.
#[inline(always)]
pub(crate) unsafe fn passed(word: *mut (), size: usize) -> Option<passing::Base> {
    // SAFETY: the caller's promise.
    let mut quick = unsafe { Quick::enter_by(word, |thread| thread.sampling.seen) }?;
    let slot = quick.slot();
    let thread = quick.thread();
    let bytes = size as u64;
    let live = slot.front.with_allocated_bytes(bytes)?;
    if !thread.sampling.countdown.pass(size) {
        return None;
    }
    let block = Amount::block(bytes);
    slot.pass_allocated(block, live);
    thread.place.histograms.sizes.add(bytes, block);
    Some(thread.sampling.base)
}

/// Enters the free of a block, just before it happens, if it was not sampled. `false`: nothing is
/// done.
///
/// # Safety
///
/// `word` must be the calling thread's word, and `block` valid for reads of `size` bytes and the
/// trailer.
#[inline(always)]
pub(crate) unsafe fn freed_unsampled(word: *mut (), block: *const u8, size: usize) -> bool {
    // SAFETY: the caller's promise.
    let quick = unsafe { Quick::enter_by(word, |thread| thread.sampling.seen) };
    let Some(mut quick) = quick else { return false };
    let slot = quick.slot();
    // SAFETY: the caller's promise.
    if !unsafe { passing::is(block, size, quick.thread().sampling.base) } {
        return false;
    }
    let Some(live) = slot.front.with_freed_bytes(size as u64) else { return false };
    slot.pass_freed(Amount::block(size as u64), live);
    true
}

/// Enters an allocated block, whose stack's innermost frame has the registers `at`. Returns the
/// number for its trailer.
#[cold]
#[inline(never)]
pub(crate) fn allocated(session: &'static Session, size: usize, at: Registers) -> SiteId {
    let now = session.clock.now();
    let mut inside = match Inside::enter(session) {
        Ok(inside) => inside,
        Err(why) => {
            if why == Outside::Profiler {
                add_profiler_bytes(size as i64);
            }
            lost(session, why, size);
            return NO_SITE;
        }
    };
    let thread = inside.thread();
    let seen = changes::count();
    let site = number_of_new(thread, session, size, at);
    if site != NO_SITE {
        ledger::enter(thread, session, site, Allocated { bytes: size as u64 }, now);
    }
    note_seen(thread, session, seen);
    site
}

/// Draws for a new block: its site if it is sampled, or the number of unsampled ones.
fn number_of_new(
    thread: &mut Thread,
    session: &'static Session,
    size: usize,
    at: Registers,
) -> SiteId {
    let first = windows::first_named();
    if !windows::names(first) && windows::site_without_stack(first) == NO_SITE {
        return NO_SITE;
    }
    let rate = follow_rate(thread, session);
    match rate.is_some_and(|rate| thread.sampling.countdown.count(size, rate)) {
        true => {
            let site = stack_site::of(thread, session, at).unwrap_or(NO_SITE);
            sampled(site, thread.sampling.rate)
        }
        false => unsampled(windows::first_known()),
    }
}

/// The present rate. A thread that has counted down at another one draws a gap of it.
fn follow_rate(thread: &mut Thread, session: &'static Session) -> Option<Rate> {
    let rates = &session.header.rates;
    if rates.is_wanted() {
        take_wanted(rates);
    }
    let present = rates.present();
    let rate = Rate::new(rates.gap(present))?;
    if thread.sampling.rate != present {
        thread.sampling.rate = present;
        thread.sampling.countdown.change(rate);
    }
    Some(rate)
}

/// Changes the rate as another process has asked for. A request out of range is none.
#[cold]
fn take_wanted(rates: &Rates) {
    let wanted = rates.take_wanted();
    if wanted == EACH || SAMPLE.0 <= wanted && wanted <= SAMPLE.1 {
        if rates.set(wanted) {
            changes::announce();
        } else {
            rates.count_refused();
        }
    }
}

/// Changes the rate for all threads, each from its next event on. `false`: there have been as many
/// rates as there are numbers for.
pub(crate) fn change_rate(session: &'static Session, mean_gap: u64) -> bool {
    let is_changed = session.header.rates.set(mean_gap);
    changes::announce();
    is_changed
}

/// The rate at which a block was sampled whose trailer has that number; `None`: it was not.
pub(super) fn rate_of_block(session: &Session, number: SiteId) -> Option<Rate> {
    rate_of(number).and_then(|rate| Rate::new(session.header.rates.gap(rate)))
}

/// The bytes that a sampled block of `size` bytes stands for; `None`: it was not sampled.
#[cfg(feature = "usdt")]
pub(crate) fn stands_for(session: &Session, number: SiteId, size: usize) -> Option<u64> {
    let rate = rate_of_block(session, number).filter(|_| number != NO_SITE);
    rate.map(|rate| rate.estimate(size as u64).bytes)
}

/// Enters the free of a block whose trailer has that number, just before it happens.
#[cold]
#[inline(never)]
pub(crate) fn freed(session: &'static Session, number: SiteId, size: usize) {
    if number == NO_SITE {
        return freed_unrecorded(size);
    }
    match Inside::enter(session) {
        Ok(mut inside) => {
            let thread = inside.thread();
            let seen = changes::count();
            if is_known(number) {
                let freed = Freed { bytes: size as u64 };
                ledger::enter(thread, session, number, freed, session.clock.now());
            }
            note_seen(thread, session, seen);
        }
        Err(why) => lost(session, why, size),
    }
}

/// Enters a resized block, whose trailer had that number, or was damaged (`None`). Returns its
/// number from now on. The stack that resizes it begins with a frame of the registers `at`.
#[cold]
#[inline(never)]
pub(crate) fn resized(
    session: &'static Session,
    number: Option<SiteId>,
    (old, new): (usize, usize),
    at: Registers,
) -> SiteId {
    let Some(number) = number.filter(|number| *number != NO_SITE && is_known(*number)) else {
        events::forgotten(session, number, old);
        return allocated(session, new, at);
    };
    let now = session.clock.now();
    let mut inside = match Inside::enter(session) {
        Ok(inside) => inside,
        Err(why) => {
            lost(session, why, new);
            // The books keep the old size, so they can no longer follow the block.
            return NO_SITE;
        }
    };
    let thread = inside.thread();
    let seen = changes::count();
    // A window may have been closed since.
    if !is_known(number) {
        return NO_SITE;
    }
    let event = Resized { old: old as u64, new: new as u64 };
    ledger::enter(thread, session, unsampled(windows::first_known()), event, now);
    let later = number_of_new(thread, session, new, at);
    let freed =
        rate_of_block(session, number).and_then(|rate| Freed { bytes: event.old }.estimate(rate));
    let allocated = rate_of_block(session, later)
        .and_then(|rate| Allocated { bytes: event.new }.estimate(rate));
    for (number, estimate) in [(number, freed), (later, allocated)] {
        enter_estimate(thread, session, site_of(number), estimate, now);
    }
    note_seen(thread, session, seen);
    later
}

/// [`resized`], with all as the processor hands it on. The number of a damaged trailer is none that
/// a trailer has.
///
/// # Safety
///
/// The registers must be those of a frame of this thread that calls us.
pub(crate) unsafe extern "C" fn resize(
    number: usize,
    old: usize,
    new: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) -> SiteId {
    // A block of a process that is recorded.
    let Some(session) = session::get() else { return NO_SITE };
    let number = u32::try_from(number).ok().map(SiteId::new);
    resized(session, number, (old, new), Registers { pc, sp, bp })
}

/// Enters a sampled block's part at its site; does nothing for an unsampled one.
fn enter_estimate(
    thread: &mut Thread,
    session: &'static Session,
    site: SiteId,
    estimate: Option<Estimated>,
    now: u64,
) {
    if let Some(estimate) = estimate.filter(|_| site != NO_SITE) {
        ledger::enter_estimate(thread, session, site, estimate, now);
    }
}

/// True if a block whose trailer has that number is of the present window.
pub(super) fn is_known(number: SiteId) -> bool {
    windows::knows(window_of(number).unwrap_or_else(|| site_of(number)))
}

/// Notes that the thread has looked at all changes up to the count `seen`.
fn note_seen(thread: &mut Thread, session: &'static Session, seen: u32) {
    if thread.sampling.seen == seen {
        return;
    }
    // A free may be the first event after a change.
    follow_rate(thread, session);
    let (heap, first) = (session.heap(), windows::first_known());
    thread.sampling.base = passing::Base::of(unsampled(first));
    let is_ordinary = thread.place.index != SHARED
        && thread.place.slot.front.is_current(heap)
        && heap.mode.load(Ordering::Relaxed) != EXACT
        && windows::window_is_open(first);
    thread.sampling.seen = if is_ordinary { seen } else { 0 };
}
