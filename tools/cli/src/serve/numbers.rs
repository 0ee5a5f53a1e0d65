//! Numbers of a reading.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mod_alloc::recording::model::{Counters, Recording};

use super::push::Amount;

/// The heap's numbers: exact ones where sites are estimates.
pub(super) fn sums(recording: &Recording) -> Counters {
    let mut sums = Counters::default();
    for site in &recording.sites {
        let Counters { total_bytes, total_blocks, peak_bytes, end_bytes, end_blocks, .. } =
            site.counters;
        for (sum, number) in [
            (&mut sums.total_bytes, total_bytes),
            (&mut sums.total_blocks, total_blocks),
            (&mut sums.peak_bytes, peak_bytes),
            (&mut sums.end_bytes, end_bytes),
            (&mut sums.end_blocks, end_blocks),
        ] {
            *sum = sum.saturating_add(number);
        }
    }
    recording.sampling.map_or(sums, |sampling| sampling.instead_of(&sums))
}

/// The sites' totals at one moment.
#[derive(Debug, Default, Clone)]
pub(super) struct Totals {
    /// Of several programs that a process runs one after the other.
    pub(super) program: u64,
    /// Since recording began.
    end_micros: u64,
    /// Bytes and blocks, by the site's name in all readings: its innermost frame.
    sites: HashMap<u32, (u64, u64)>,
}

impl Totals {
    pub(super) fn of(recording: &Recording, program: u64) -> Self {
        let sites = recording
            .sites
            .iter()
            .map(|site| (site.frame, (site.counters.total_bytes, site.counters.total_blocks)));
        Self { program, end_micros: recording.end_micros, sites: sites.collect() }
    }

    /// Bytes and blocks of all sites.
    pub(super) fn amount(&self) -> Amount {
        let mut amount = Amount::default();
        for &(bytes, blocks) in self.sites.values() {
            amount.add(Amount { bytes, blocks });
        }
        amount
    }

    /// True if the reading has no others.
    pub(super) fn are_those_of(&self, recording: &Recording) -> bool {
        self.sites == Self::of(recording, self.program).sites
    }

    /// Takes these totals away from those of a later reading; returns the time in between, in
    /// microseconds.
    pub(super) fn take_from(&self, recording: &mut Recording) -> u64 {
        for site in &mut recording.sites {
            let (bytes, blocks) = self.sites.get(&site.frame).copied().unwrap_or_default();
            let counters = &mut site.counters;
            counters.total_bytes = counters.total_bytes.saturating_sub(bytes);
            counters.total_blocks = counters.total_blocks.saturating_sub(blocks);
        }
        recording.end_micros.saturating_sub(self.end_micros)
    }
}

/// The bytes that are allocated per second, as an average over the last second or more.
#[derive(Debug, Default)]
pub(super) struct Rate {
    before: Option<(Instant, u64)>,
    bytes_per_second: f64,
}

impl Rate {
    /// Takes note of a reading of that time; the first is averaged over all that was recorded.
    pub(super) fn update(&mut self, now: Instant, total_bytes: u64, recorded: Duration) -> f64 {
        const LEAST: Duration = Duration::from_secs(1);
        let (bytes, time) = match self.before {
            None => (total_bytes, recorded),
            Some((at, before)) => (total_bytes.saturating_sub(before), now.duration_since(at)),
        };
        if self.before.is_none() || time >= LEAST {
            self.before = Some((now, total_bytes));
            self.bytes_per_second = bytes as f64 / time.as_secs_f64().max(1e-6);
        }
        self.bytes_per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_a_second_or_more() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let mut at = |millis, total| {
            rate.update(start + Duration::from_millis(millis), total, Duration::from_secs(4))
        };
        assert_eq!(at(0, 400), 100.0, "since the start");
        assert_eq!(at(999, 9_000), 100.0, "too short");
        assert_eq!(at(2_000, 1_400), 500.0);
        assert_eq!(at(4_000, 1_400), 0.0);
    }
}
