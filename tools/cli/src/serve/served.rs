//! The processes that an endpoint serves, and who may ask.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::access::Access;
use super::collectors::Collector;
use super::http::Answer;
use super::sources::{Ended, Known, Subjects};

/// The processes that requests are answered from.
#[derive(Debug)]
pub(super) struct Served {
    known: Mutex<Known>,
    pub(super) access: Access,
}

impl Served {
    pub(super) fn new(known: Known, access: Access) -> Self {
        Self { known: Mutex::new(known), access }
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

    /// The processes of now; the answer if there are none.
    pub(super) fn subjects(&self) -> Result<Subjects, Answer> {
        let mut known = self.known();
        if known.is_off() {
            return Err(Answer::text(403, "MOD_ALLOC=off: nothing is recorded"));
        }
        known.all().map_err(|why| Answer::text(503, &why).with("Retry-After", "1"))
    }
}
