//! Samples: the numbers of stacks are estimates, and those of the whole heap are not.

use mod_alloc::recording::sampling::interval;
use serde_json::Value;

use super::{Document, Numbers};

/// What a report says of its samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Samples<'d>(&'d Value);

impl Document {
    /// The samples, if blocks were sampled.
    pub(crate) fn samples(&self) -> Option<Samples<'_>> {
        self.extras.sampling.as_ref().map(Samples).filter(|samples| samples.mean_gap() != 0)
    }
}

impl Samples<'_> {
    /// Bytes between two samples, on average; 0: the file does not tell.
    pub(crate) fn mean_gap(self) -> u64 {
        let gap = self.0.get("mean_gap").unwrap_or(self.0);
        gap.as_u64().unwrap_or(0)
    }

    /// The sums of the stacks, with the heap's exact numbers where the report has them.
    pub(crate) fn instead_of(self, sums: &Numbers) -> Numbers {
        let exact = |key, sum| self.0.get(key).and_then(Value::as_u64).unwrap_or(sum);
        Numbers {
            total_bytes: exact("total_bytes", sums.total_bytes),
            total_blocks: exact("total_blocks", sums.total_blocks),
            peak_bytes: exact("peak_bytes", sums.peak_bytes),
            end_bytes: exact("end_bytes", sums.end_bytes),
            end_blocks: exact("end_blocks", sums.end_blocks),
            ..*sums
        }
    }

    /// The bounds of `bytes` in `blocks` that hold in 95 of 100 cases.
    pub(crate) fn interval(self, bytes: u64, blocks: u64) -> Option<(u64, u64)> {
        interval(self.mean_gap(), bytes, blocks).filter(|_| blocks != 0)
    }
}
