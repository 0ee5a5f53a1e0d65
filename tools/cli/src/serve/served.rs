//! The processes that requests and pushes tell of.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::collectors::Collector;
use super::http::Answer;
use super::push::{Cause, Figures};
use super::sources::{Ended, Known, Subjects};

/// The processes that requests are answered from, and pushes are made of.
#[derive(Debug)]
pub(super) struct Served {
    known: Mutex<Known>,
    /// Counts of pushes.
    pub(super) pushed: Figures,
    /// There is a collector that is pushed to.
    pub(super) is_pushed: bool,
}

impl Served {
    pub(super) fn new(known: Known, is_pushed: bool) -> Self {
        Self { known: Mutex::new(known), pushed: Figures::default(), is_pushed }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The processes that ended and are no longer served.
    pub(super) fn ended(&self) -> Ended {
        self.known().ended()
    }

    /// Says that this collector asks for differences.
    pub(super) fn expect_deltas(&self, collector: &Collector) {
        self.known().expect_deltas(collector);
    }

    /// Opens the recording of the only process, which has ended.
    pub(super) fn find_ended(&self, recording: &Path) {
        self.known().find_ended(recording);
    }

    /// True if no process is left that may allocate.
    pub(super) fn have_all_ended(&self) -> bool {
        self.known().have_all_ended()
    }

    /// The processes of now; the answer if there are none.
    pub(super) fn subjects(&self) -> Result<Subjects, Answer> {
        let mut known = self.known();
        if known.is_off() {
            return Err(Answer::text(403, "MOD_ALLOC=off: nothing is recorded"));
        }
        let all = known.all();
        if self.is_pushed {
            self.pushed.dropped(Cause::Crowded, known.take_crowded());
        }
        all.map_err(|why| Answer::text(503, &why).with("Retry-After", "1"))
    }
}
