//! The end of a run that failed.

use std::fmt::Display;

use crate::base::exit_status::REFUSED;
use crate::base::say::say;

/// A failure that the user has been told of.
pub(super) struct Failure {
    pub(super) status: u8,
}

/// Tells the user why mod-alloc refuses.
pub(super) fn refused(why: impl Display) -> Failure {
    say!("{why}");
    Failure { status: REFUSED }
}
