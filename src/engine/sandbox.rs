//! A program that forbids itself calls of the system, or to read the clock. Whatever needs a call
//! is done before.

use crate::base::os::{self, sandbox};
use crate::base::sync::{Ordering, wait_turn};
use crate::engine::inside::Interrupted;
use crate::engine::registration;
use crate::engine::session::Session;
use crate::store::space::SPACE;

/// Things that a program is about to forbid itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbids {
    /// Calls of the system, or some of them.
    Calls,
    /// To read clocks, as the processor's counter is what they are made of.
    Clocks,
    /// Both.
    CallsAndClocks,
}

impl Forbids {
    fn calls(self) -> bool {
        self != Forbids::Clocks
    }

    fn clocks(self) -> bool {
        self != Forbids::Calls
    }
}

/// The part of it that is new: what a refusal takes back.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Prepared {
    calls: bool,
    clocks: bool,
}

/// Makes the profiler ready for a process that is about to do so.
///
/// A signal handler may ask for it in the middle of the hook, whose locks the thread may hold. Then
/// no room is made: whatever finds none is counted.
pub(crate) fn prepare(session: &'static Session, forbids: Forbids, here: Interrupted) -> Prepared {
    let losses = &session.header.late.losses;
    let clocks = forbids.clocks() && losses.stopped_clock.get() == 0;
    if clocks {
        losses.stopped_clock.set(1);
        session.clock.stop();
    }
    let calls = forbids.calls() && !os::is_sealed();
    if calls {
        if here == Interrupted::Nothing {
            SPACE.reserve_ahead();
            registration::prepare_threads(session);
        }
        // An event that begins from here on sees that the clock has stopped.
        os::barrier_in_all_threads();
        sandbox::seal();
        wait_for_calls(session, here);
    }
    Prepared { calls, clocks }
}

/// Waits until all other threads are outside the hook once: their calls are over.
fn wait_for_calls(session: &'static Session, here: Interrupted) {
    for (index, slot) in session.used_slots() {
        let mut turn = 0;
        // Acquire pairs with the Release when the thread leaves the hook.
        while here != Interrupted::Hook(index) && slot.inside.load(Ordering::Acquire) != 0 {
            wait_turn(&mut turn);
        }
    }
}

/// The kernel has refused it: all is as before.
pub(crate) fn take_back(session: &Session, prepared: Prepared) {
    if prepared.calls {
        sandbox::unseal();
    }
    if prepared.clocks {
        session.header.late.losses.stopped_clock.set(0);
        session.clock.go_on(os::is_sealed() || session.is_timed());
    }
}
