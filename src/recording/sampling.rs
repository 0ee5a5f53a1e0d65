//! Samples, and what is exact beside them.

use crate::recording::model::Counters;
use crate::store::sampling::Rate;

/// The sampling of a recording: its call sites and groups have estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sampling {
    /// Bytes between two samples, on average.
    pub mean_gap: u64,
    /// The exact numbers of the whole heap: totals, at the peak, and at the end. Only the blocks at
    /// the peak are estimated, unless the heap ended there.
    pub exact: Counters,
}

impl Sampling {
    /// The sums over all sites, with the exact numbers where there are any.
    #[must_use]
    pub fn instead_of(&self, sums: &Counters) -> Counters {
        Counters {
            lifetimes_micros: sums.lifetimes_micros,
            max_bytes: sums.max_bytes,
            max_blocks: sums.max_blocks,
            ..self.exact
        }
    }
}

/// The bytes between which the true number is in 95 of 100 cases: `bytes` in `blocks` is the
/// estimate, at that mean gap.
#[must_use]
pub fn interval(mean_gap: u64, bytes: u64, blocks: u64) -> Option<(u64, u64)> {
    let (least, most) = Rate::new(mean_gap)?.interval(bytes as f64, blocks as f64);
    Some((least as u64, most as u64))
}
