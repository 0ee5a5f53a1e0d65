//! The choices that a profile is made by.

use crate::dhat_file::Document;
use crate::report::Sort as Metric;

/// The choices that a profile is made by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The number that readers show first.
    pub(crate) metric: Metric,
    /// Sample types of the heap's peak are there. They have no standard name, and scrapers know
    /// Go's four alone.
    pub(crate) has_peak: bool,
    /// When the profile was taken, in nanoseconds since 1970; 0: not said.
    pub(crate) time_nanos: u64,
    /// The time that the totals are of, in nanoseconds; `None`: that of the document.
    pub(crate) duration_nanos: Option<u64>,
}

impl Options {
    /// All that a document says, for a file.
    pub(crate) fn of_file(metric: Metric) -> Self {
        Self { metric, has_peak: true, time_nanos: 0, duration_nanos: None }
    }

    /// The time that the totals are of, in nanoseconds; 0: not known.
    pub(crate) fn duration(&self, document: &Document) -> u64 {
        let nanos = document.micros().map(|micros| document.end as f64 * micros * 1000.0);
        // A cast of a float stays within the bounds.
        self.duration_nanos.unwrap_or(nanos.unwrap_or(0.0) as u64)
    }
}
