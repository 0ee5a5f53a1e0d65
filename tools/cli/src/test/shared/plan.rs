//! The plan of a run, for its steps.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The plan of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The library that records.
    pub(crate) library: PathBuf,
    /// The folder of recordings.
    pub(crate) recordings: PathBuf,
    /// Runners that were configured before, with their targets.
    pub(crate) runners: Vec<(String, Vec<OsString>)>,
    /// The variables that are set for cargo, with their values before: tests see those.
    pub(crate) before: Vec<(OsString, Option<OsString>)>,
    /// The rustdoc that cargo would start.
    pub(crate) rustdoc: OsString,
}

impl Plan {
    pub(crate) fn runner(&self, target: &str) -> &[OsString] {
        let found = self.runners.iter().find(|(name, _)| name == target);
        found.map_or(&[], |(_, words)| words)
    }
}
