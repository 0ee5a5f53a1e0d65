//! The processes that an endpoint serves, and who may ask.

use std::sync::{Mutex, PoisonError};

use super::access::Access;
use super::http::Answer;
use super::sources::{Known, Subjects};

/// What requests are answered from.
#[derive(Debug)]
pub(super) struct Served {
    known: Mutex<Known>,
    pub(super) access: Access,
}

impl Served {
    pub(super) fn new(known: Known, access: Access) -> Self {
        Self { known: Mutex::new(known), access }
    }

    /// The processes of now; the answer if there are none.
    pub(super) fn subjects(&self) -> Result<Subjects, Answer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_off() {
            return Err(Answer::text(403, "MOD_ALLOC=off: nothing is recorded"));
        }
        known.all().map_err(|why| Answer::text(503, &why).with("Retry-After", "1"))
    }
}
