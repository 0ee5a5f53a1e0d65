//! A program that forbids itself calls of the system, or to read the clock. Whatever needs a call
//! is done before.

use crate::base::os::{self, sandbox};
use crate::base::sync::{Ordering, wait_turn};
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

/// Makes the profiler ready for a process that is about to do so. The calling thread is outside the
/// hook.
pub(crate) fn prepare(session: &'static Session, forbids: Forbids) {
    if forbids.clocks() {
        session.header.late.losses.stopped_clock.set(1);
        session.clock.stop();
    }
    if !forbids.calls() {
        return;
    }
    SPACE.reserve_ahead();
    registration::prepare_threads(session);
    sandbox::seal();
    for (_, slot) in session.used_slots() {
        let mut turn = 0;
        // Acquire pairs with the Release when the thread leaves the hook: its calls are over.
        while slot.inside.load(Ordering::Acquire) != 0 {
            wait_turn(&mut turn);
        }
    }
}

/// The kernel has refused it: all is as before.
pub(crate) fn take_back(session: &Session, forbids: Forbids) {
    if forbids.calls() {
        sandbox::unseal();
    }
    if forbids.clocks() {
        session.header.late.losses.stopped_clock.set(0);
        session.clock.go_on(os::is_sealed() || session.is_timed());
    }
}
