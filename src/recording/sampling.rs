//! Samples, and what is exact beside them.

use crate::recording::model::Counters;
use crate::store::sampling::Rate;

/// The sampling of a recording: its call sites and groups have estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sampling {
    /// Bytes between two samples, on average. Where the rate has changed, the largest gap: bounds
    /// that are made of it are rather too wide. 1: each block was recorded.
    pub mean_gap: u64,
    /// The mean gaps of all rates, in the order in which they came first; zeros behind them.
    pub gaps: [u64; 8],
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

/// True if an estimate is right to a factor of two or so: `bytes` in `blocks`, at that mean gap.
/// With fewer samples, a number of blocks tells nothing.
#[must_use]
pub fn has_enough_samples(mean_gap: u64, bytes: u64, blocks: u64) -> bool {
    let bounds = interval(mean_gap, bytes, blocks).filter(|_| blocks != 0);
    bounds.is_some_and(|(least, most)| most <= least.saturating_mul(4))
}

/// The bytes between which the true number is in 95 of 100 cases: `bytes` in `blocks` is the
/// estimate, at that mean gap.
#[must_use]
pub fn interval(mean_gap: u64, bytes: u64, blocks: u64) -> Option<(u64, u64)> {
    let (least, most) = Rate::new(mean_gap)?.interval(bytes as f64, blocks as f64);
    Some((least as u64, most as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_are_not_enough_unless_blocks_are_large() {
        const GAP: u64 = 512 << 10;
        assert!(!has_enough_samples(GAP, 0, 0));
        assert!(!has_enough_samples(GAP, 100_000, 0), "none");
        assert!(!has_enough_samples(GAP, GAP, 65_536), "one of 8 bytes");
        assert!(has_enough_samples(GAP, 20 * GAP, 20 * 65_536), "twenty");
        assert!(has_enough_samples(GAP, 8 << 20, 1), "one of 16 gaps is always sampled");
    }
}
