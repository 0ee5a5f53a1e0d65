//! The measurement of an `assert_allocs!`, which also knows the call sites.

use core::marker::PhantomData;
use std::vec::Vec;

use super::polled::{Measurement, Polled};
use super::sites::{self, SiteNumbers};
use super::{Measured, Measuring, message};
use crate::api::stay::Stay;

/// One limit, after measuring.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The field of [`Measured`] that it limits.
    pub field: &'static str,
    /// The limit's text in the program.
    pub text: &'static str,
    /// True if it is kept.
    pub is_kept: bool,
}

/// A measurement of the code that follows. Code that leaves early drops it, which ends the stay in
/// its group.
#[doc(hidden)]
#[must_use]
pub struct Asserting {
    stay: Option<Stay>,
    assertion: Assertion,
    /// The stay is the calling thread's.
    not_send: PhantomData<*const ()>,
}

impl core::fmt::Debug for Asserting {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Asserting").field(&self.assertion).finish()
    }
}

impl Asserting {
    /// Begins to measure.
    #[track_caller]
    pub fn begin() -> Self {
        let assertion = Assertion::begin();
        Asserting { stay: assertion.measuring.stay(), assertion, not_send: PhantomData }
    }

    /// Ends the measurement.
    ///
    /// # Panics
    ///
    /// If the code has waited (`.await`) while another measurement began on this thread.
    #[track_caller]
    pub fn end(self) -> Asserted {
        let Asserting { stay, assertion, .. } = self;
        let is_latest = stay.as_ref().is_none_or(Stay::is_latest);
        drop(stay);
        assert!(
            is_latest,
            "mod_alloc::assert_allocs: the code has waited, and another measurement began \
             meanwhile: use assert_allocs!(async {{ … }}, …).await"
        );
        assertion.end()
    }
}

/// Measures a future's polls for an assertion.
#[doc(hidden)]
pub fn asserting<F: Future>(future: F) -> impl Future<Output = (F::Output, Asserted)> {
    Polled::<F, Assertion>::new(future)
}

/// A measurement, with the sites' numbers before it.
#[derive(Debug)]
struct Assertion {
    measuring: Measuring,
    before: Vec<SiteNumbers>,
}

impl Measurement for Assertion {
    type Outcome = Asserted;

    #[track_caller]
    fn begin() -> Self {
        let measuring = Measuring::begin(false);
        // A group that was used before has sites with numbers already.
        let before = sites::of_group(super::session(), measuring.lease.group());
        Assertion { measuring, before }
    }

    fn measuring(&self) -> &Measuring {
        &self.measuring
    }

    fn end(self) -> Asserted {
        Asserted { measured: self.measuring.lease.measured(), assertion: self }
    }
}

/// The numbers of code that has come to its end.
#[doc(hidden)]
#[derive(Debug)]
#[must_use]
pub struct Asserted {
    assertion: Assertion,
    measured: Measured,
}

impl Asserted {
    /// The numbers.
    #[must_use]
    pub fn measured(&self) -> Measured {
        self.measured
    }

    /// Looks for a limit that is not kept.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[track_caller]
    pub fn check(&self, limits: &[Limit]) {
        let Some(broken) = limits.iter().find(|limit| !limit.is_kept) else { return };
        let Assertion { measuring, before } = &self.assertion;
        let session = super::session();
        let sites = sites::since(sites::of_group(session, measuring.lease.group()), before);
        panic!("{}", message::of(session, broken, &self.measured, sites));
    }
}
