//! Opening and closing windows, and ceasing to capture stacks.
//!
//! Closing comes first: no thread records while the numbers are set back. A thread that is inside
//! the hook at that moment is waited for, so its event is in the numbers of the closed window, and
//! not in those of the next.

use super::{CLOSED, set};
use crate::base::os;
use crate::base::sync::{Ordering, wait_turn};
use crate::engine::inside::Inside;
use crate::engine::session::Session;
use crate::engine::stretches;

/// Forgets all that was recorded, and records from now on. `exact`: peaks are exact, whatever the
/// number of threads.
pub(crate) fn open(session: &'static Session, exact: bool) {
    register(session);
    let _changing = stretches::lock();
    close_in(session);
    let now = session.clock.now();
    session.used_slots().for_each(|(_, slot)| slot.keep_peak());
    session.heap().restart(exact, now, session.used_slots().map(|(_, slot)| &slot.front));
    session.clear_histograms();
    crate::engine::timeline::restart(session, now);
    crate::store::group::restart(session.used_groups());
    crate::engine::allocator::moments::forget(session);
    let first = session.sites.begin_window(now);
    set(first, first);
}

/// Stops recording; when this returns, the numbers have all events before.
pub(crate) fn close(session: &'static Session) {
    register(session);
    let _changing = stretches::lock();
    close_in(session);
}

/// Counts blocks in the totals alone from now on; when this returns, no event comes to another
/// site.
pub(crate) fn cease_naming(session: &'static Session) {
    register(session);
    let _changing = stretches::lock();
    super::count_only();
    wait_for_events(session);
}

/// Gives the calling thread a slot, which shows if it is the only one.
fn register(session: &'static Session) {
    let inside = Inside::enter(session);
    drop(inside);
}

/// Stops recording, and waits for events that are under way. The caller holds the lock of
/// [`stretches`].
fn close_in(session: &Session) {
    set(CLOSED, CLOSED);
    wait_for_events(session);
}

/// Waits for events that have not seen what was set. The caller holds the lock of [`stretches`].
fn wait_for_events(session: &Session) {
    // A thread that goes inside after this sees it; this waits for threads that are inside already.
    os::barrier_in_all_threads();
    for (_, slot) in session.used_slots() {
        let mut turn = 0;
        // Acquire pairs with the Release when the thread leaves the hook: its event is seen.
        while slot.inside.load(Ordering::Acquire) != 0 {
            wait_turn(&mut turn);
        }
    }
}
