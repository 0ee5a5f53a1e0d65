//! Samples: the numbers of stacks are estimates, and those of the whole heap are not.

use mod_alloc::recording::sampling::{has_enough_samples, interval};
use mod_alloc::units::{Bytes, Count};
use serde_json::{Value, json};

use super::{Document, Numbers};

/// The samples of a report, as it tells of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Samples<'d>(&'d Value);

/// The least and the most that estimated bytes and blocks are in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) bytes: [u64; 2],
    pub(crate) blocks: [u64; 2],
}

impl Document {
    /// The samples, if blocks were sampled.
    pub(crate) fn samples(&self) -> Option<Samples<'_>> {
        self.extras.sampling.as_ref().map(Samples).filter(|samples| samples.mean_gap() != 0)
    }
}

/// The value of `x_sampling`, of several processes together.
pub(super) fn sampling(mean_gap: u64, exact: &Numbers) -> Value {
    json!({
        "mean_gap": mean_gap,
        "total_bytes": exact.total_bytes,
        "total_blocks": exact.total_blocks,
        "peak_bytes": exact.peak_bytes,
        "end_bytes": exact.end_bytes,
        "end_blocks": exact.end_blocks,
    })
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
    pub(crate) fn bounds(self, bytes: u64, blocks: u64) -> Option<Bounds> {
        let (least, most) = interval(self.mean_gap(), bytes, blocks).filter(|_| blocks != 0)?;
        let in_blocks = |bound: u64| {
            let share = bound as f64 / bytes.max(1) as f64;
            (blocks as f64 * share).round() as u64
        };
        Some(Bounds { bytes: [least, most], blocks: [least, most].map(in_blocks) })
    }

    /// The remark on numbers that are estimates: `sums` are those of the stacks.
    pub(crate) fn sentence(self, sums: &Numbers) -> String {
        let (gap, exact) = (Bytes(self.mean_gap()), self.instead_of(sums));
        format!(
            "sampled, a block in {gap} on average: all numbers are estimates; exactly, the \
             program allocated {} bytes in {} blocks, and had {} at its peak, {} at its end",
            Count(exact.total_bytes),
            Count(exact.total_blocks),
            Count(exact.peak_bytes),
            Count(exact.end_bytes),
        )
    }

    /// True if the sums of the stacks are right to a factor of two or so.
    pub(crate) fn are_enough(self, sums: &Numbers) -> bool {
        has_enough_samples(self.mean_gap(), sums.total_bytes, sums.total_blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhat_file::merge;

    fn document(total: u64, sampling: Option<Value>) -> Document {
        let mut document = Document::default();
        let numbers = Numbers { total_bytes: total, total_blocks: 1, ..Numbers::default() };
        document.frames = vec!["[root]".into(), "0x1: f".into()];
        let stack = vec![1];
        document.sites =
            vec![crate::dhat_file::Site { numbers, stack, merged: 1, moments: vec![] }];
        document.extras.sampling = sampling;
        document
    }

    #[test]
    fn a_sum_has_the_longest_gap_and_exact_numbers_of_all() {
        let sampled = document(1000, Some(json!({"mean_gap": 4096, "total_bytes": 900})));
        let number = document(70, Some(json!(65_536)));
        let sum = merge([&sampled, &number, &document(5, None)]);
        let samples = sum.samples().expect("there are some");
        assert_eq!(samples.mean_gap(), 65_536);
        assert_eq!(samples.instead_of(&sum.totals()).total_bytes, 900 + 70 + 5);
        assert_eq!(sum.totals().total_bytes, 1075);
        assert!(merge([&document(5, None)]).samples().is_none());
        assert_eq!(number.samples().and_then(|samples| samples.bounds(0, 0)), None);
    }
}
