//! Why a run of tests was refused.

use std::process::ExitCode;

use crate::base::exit_status::{REFUSED, USAGE};
use crate::base::say::say;

/// Why nothing could be run, and with which status to say so.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u8,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn usage(text: String) -> Self {
        Self { status: USAGE, text }
    }

    /// The exit status of `outcome`; a refusal is told to the user.
    pub(crate) fn conclude(outcome: Result<ExitCode, Self>) -> ExitCode {
        outcome.unwrap_or_else(|refused| {
            for line in refused.text.lines().filter(|line| !line.trim().is_empty()) {
                say!("{line}");
            }
            ExitCode::from(refused.status)
        })
    }
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self { status: REFUSED, text }
    }
}
