//! From readings of a recording to the rows of a table: the numbers and the rates of each site.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use mod_alloc::recording::model::{Counters, Recording};

/// The number that rows are sorted by, the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Sort {
    /// Bytes live now
    #[default]
    Live,
    /// Blocks live now
    LiveBlocks,
    /// Bytes allocated per second
    Rate,
    /// Blocks allocated per second
    RateBlocks,
    /// Bytes ever allocated
    Total,
    /// Blocks ever allocated
    TotalBlocks,
    /// Bytes live when the whole heap was largest
    Peak,
}

impl Sort {
    /// In the order of the table's columns.
    pub(super) const ALL: [Self; 7] = [
        Self::Live,
        Self::LiveBlocks,
        Self::Rate,
        Self::RateBlocks,
        Self::Total,
        Self::TotalBlocks,
        Self::Peak,
    ];

    /// The one that many columns to the right; from the last to the first.
    pub(super) fn moved(self, columns: isize) -> Self {
        let at = Self::ALL.iter().position(|&sort| sort == self).unwrap_or(0);
        let count = Self::ALL.len().cast_signed();
        Self::ALL[(at.cast_signed() + columns).rem_euclid(count).cast_unsigned()]
    }
}

/// The numbers of one site, or of all together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Numbers {
    pub(super) counters: Counters,
    /// Bytes allocated per second since the reading before.
    pub(super) bytes_per_second: f64,
    /// Blocks allocated per second since the reading before.
    pub(super) blocks_per_second: f64,
}

/// A rate, rounded to a whole number. What is above zero is never shown as zero.
pub(super) fn whole(rate: f64) -> u64 {
    rate.ceil() as u64
}

impl Numbers {
    /// The number for `sort`; rates in thousandths, so that they are ordered as finely.
    pub(super) fn by(&self, sort: Sort) -> u64 {
        match sort {
            Sort::Live => self.counters.end_bytes,
            Sort::LiveBlocks => self.counters.end_blocks,
            Sort::Rate => (self.bytes_per_second * 1000.0) as u64,
            Sort::RateBlocks => (self.blocks_per_second * 1000.0) as u64,
            Sort::Total => self.counters.total_bytes,
            Sort::TotalBlocks => self.counters.total_blocks,
            Sort::Peak => self.counters.peak_bytes,
        }
    }

    /// Adds what another site has. Numbers of a damaged recording may not fit: the largest stands
    /// for all that are larger.
    pub(super) fn add(&mut self, more: &Self) {
        let (sum, other) = (&mut self.counters, &more.counters);
        for (number, added) in [
            (&mut sum.total_bytes, other.total_bytes),
            (&mut sum.total_blocks, other.total_blocks),
            (&mut sum.lifetimes_micros, other.lifetimes_micros),
            (&mut sum.max_bytes, other.max_bytes),
            (&mut sum.max_blocks, other.max_blocks),
            (&mut sum.peak_bytes, other.peak_bytes),
            (&mut sum.peak_blocks, other.peak_blocks),
            (&mut sum.end_bytes, other.end_bytes),
            (&mut sum.end_blocks, other.end_blocks),
        ] {
            *number = number.saturating_add(added);
        }
        self.bytes_per_second += more.bytes_per_second;
        self.blocks_per_second += more.blocks_per_second;
    }
}

/// One site.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Index of the stack's innermost frame: the site's name in all readings of a recording.
    pub(super) frame: u32,
    pub(super) numbers: Numbers,
}

/// The totals of the reading before.
#[derive(Debug, Default)]
pub(super) struct Rates {
    before: Option<Before>,
}

#[derive(Debug)]
struct Before {
    at: Duration,
    /// Total bytes and blocks, by [`Row::frame`].
    totals: HashMap<u32, (u64, u64)>,
}

impl Rates {
    /// The rows of a reading that was taken `at` that time on any one clock. Rates of the first
    /// reading are averages over the whole time that was recorded.
    pub(super) fn rows(&mut self, recording: &Recording, at: Duration) -> Vec<Row> {
        let before = self.before.take();
        let seconds = match &before {
            Some(before) => at.saturating_sub(before.at).as_secs_f64(),
            None => recording.end_micros as f64 / 1e6,
        };
        let known = before.as_ref().map(|before| &before.totals);
        let rows = recording.sites.iter().map(|site| {
            let (bytes, blocks) =
                known.and_then(|totals| totals.get(&site.frame)).copied().unwrap_or_default();
            let counters = site.counters;
            let numbers = Numbers {
                counters,
                bytes_per_second: rate(counters.total_bytes, bytes, seconds),
                blocks_per_second: rate(counters.total_blocks, blocks, seconds),
            };
            Row { frame: site.frame, numbers }
        });
        let rows = rows.collect();
        self.before = Some(Before { at, totals: totals(recording) });
        rows
    }
}

fn rate(now: u64, before: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { now.saturating_sub(before) as f64 / seconds } else { 0.0 }
}

fn totals(recording: &Recording) -> HashMap<u32, (u64, u64)> {
    let total = |counters: &Counters| (counters.total_bytes, counters.total_blocks);
    recording.sites.iter().map(|site| (site.frame, total(&site.counters))).collect()
}

/// The sums over all rows.
pub(super) fn sum(rows: &[Row]) -> Numbers {
    let mut sum = Numbers::default();
    for row in rows {
        sum.add(&row.numbers);
    }
    sum
}

/// Sorts rows, the greatest first; equal ones as they were recorded.
pub(super) fn sort(rows: &mut [Row], by: Sort) {
    rows.sort_by_key(|row| (Reverse(row.numbers.by(by)), row.frame));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{counters, recording, with_sites};
    use super::*;

    #[test]
    fn little_is_not_nothing() {
        assert_eq!((whole(0.0), whole(0.01), whole(1.5)), (0, 1, 2));
    }

    fn rates(rows: &[Row]) -> Vec<(f64, f64)> {
        let rate = |row: &Row| (row.numbers.bytes_per_second, row.numbers.blocks_per_second);
        rows.iter().map(rate).collect()
    }

    #[test]
    fn the_first_rates_are_averages_and_later_ones_are_since_the_reading_before() {
        let mut rates_of = Rates::default();
        let mut first = with_sites(&[(1000, 10), (400, 4)]);
        first.end_micros = 2_000_000;
        let at = Duration::from_secs(100);
        assert_eq!(rates(&rates_of.rows(&first, at)), [(500.0, 5.0), (200.0, 2.0)]);
        let mut second = with_sites(&[(1000, 10), (1400, 24), (50, 5)]);
        second.end_micros = 3_000_000;
        let rows = rates_of.rows(&second, at + Duration::from_millis(500));
        assert_eq!(rates(&rows), [(0.0, 0.0), (2000.0, 40.0), (100.0, 10.0)]);
    }

    #[test]
    fn numbers_that_do_not_fit_give_no_nonsense() {
        let mut rates_of = Rates::default();
        let mut torn = with_sites(&[(10, 1)]);
        torn.end_micros = 0;
        assert_eq!(rates(&rates_of.rows(&torn, Duration::ZERO)), [(0.0, 0.0)]);
        let fewer = with_sites(&[(5, 1)]);
        assert_eq!(rates(&rates_of.rows(&fewer, Duration::from_secs(1))), [(0.0, 0.0)]);
        let huge = Row {
            frame: 4,
            numbers: Numbers { counters: counters(u64::MAX, 1), ..Numbers::default() },
        };
        assert_eq!(sum(&[huge, huge]).counters.total_bytes, u64::MAX);
    }

    #[test]
    fn every_order_puts_its_own_greatest_first() {
        let mut recording = recording();
        for (index, site) in recording.sites.iter_mut().enumerate() {
            site.counters = Counters::default();
            let large = 1_000_000;
            match index {
                0 => site.counters.end_bytes = large,
                1 => site.counters.end_blocks = large,
                2 => site.counters.peak_bytes = large,
                _ => {}
            }
        }
        let mut rows = Rates::default().rows(&recording, Duration::ZERO);
        rows[3].numbers.bytes_per_second = 0.5;
        rows[4].numbers.blocks_per_second = 0.5;
        rows[5].numbers.counters.total_bytes = 1;
        rows[6].numbers.counters.total_blocks = 1;
        let in_order: Vec<u32> = rows.iter().map(|row| row.frame).collect();
        for (by, first) in [
            (Sort::Live, 0),
            (Sort::LiveBlocks, 1),
            (Sort::Peak, 2),
            (Sort::Rate, 3),
            (Sort::RateBlocks, 4),
            (Sort::Total, 5),
            (Sort::TotalBlocks, 6),
        ] {
            sort(&mut rows, by);
            assert_eq!(rows[0].frame, in_order[first], "{by:?}");
            assert!(
                rows[1..].is_sorted_by_key(|row| row.frame),
                "{by:?}: equal rows stay in order"
            );
        }
    }

    #[test]
    fn orders_follow_the_columns_around() {
        assert_eq!(Sort::Live.moved(1), Sort::LiveBlocks);
        assert_eq!(Sort::Live.moved(-1), Sort::Peak);
        assert_eq!(Sort::Peak.moved(1), Sort::Live);
    }
}
