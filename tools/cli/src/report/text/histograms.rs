//! Distributions of sizes and lifetimes: a row for each power of two that has blocks.
//!
//! ```text
//! Sizes of blocks
//!         from – below         blocks                    bytes
//!            4 B – 8 B             12                     60 B
//!          16 B – 32 B          6,000  ████████████   87.9 KiB  ████████████
//! ```
//!
//! All ranges are half-open, as in the page of `report --html`: the second value is in the next row.

use std::fmt::Write;

use mod_alloc::recording::model::Histogram;

use crate::base::style::{FAINT, HEADING, NUMBER, Painted};
use crate::report::names;
use crate::units::{Bytes, Count, Micros};

use super::page::{Report, line};

/// More rows are joined at the ends. Sizes of less than a terabyte fit.
const MOST_ROWS: usize = 40;
/// Before a bar.
const GAP: &str = "  ";
/// Columns of the longest bar.
const LONGEST_BAR: usize = 12;

/// Blocks of a range of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    from: u128,
    below: u128,
    blocks: u64,
    bytes: u64,
    /// Powers of two with blocks in it.
    ranges: u32,
}

/// The lengths of the longest bars, and the numbers that they stand for.
struct Bars {
    longest: usize,
    blocks: u64,
    bytes: u64,
}

impl Report<'_> {
    pub(super) fn histograms(&mut self) {
        let Some(histograms) = &self.document.extras.histograms else { return };
        self.histogram("Sizes of blocks", histograms.sizes.as_ref(), size);
        self.histogram("Lifetimes of blocks", histograms.lifetimes.as_ref(), micros);
    }

    fn histogram(&mut self, title: &str, of: Option<&Histogram>, value: fn(u128) -> String) {
        let rows = of.map(rows).unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        line!(self, "\n{}", Painted(HEADING, title));
        let (blocks, bytes) =
            rows.iter().map(|row| row.numbers(value)).max_by_key(width_of).unwrap_or_default();
        let used = blocks.chars().count() + bytes.chars().count() + 2 * GAP.len();
        let most = |number: fn(&Row) -> u64| rows.iter().map(number).max().unwrap_or(0);
        let bars = Bars {
            longest: (self.width.saturating_sub(used) / 2).min(LONGEST_BAR),
            blocks: most(|row| row.blocks),
            bytes: most(|row| row.bytes),
        };
        let to_bytes = GAP.len() + bars.longest;
        let head =
            format!("{:>20} {:>14}{:to_bytes$}{:>11}", "from – below", "blocks", "", "bytes");
        line!(self, "{}", Painted(FAINT, names::beginning_with(&head, self.width)));
        for row in &rows {
            self.histogram_row(row, &bars, value);
        }
    }

    fn histogram_row(&mut self, row: &Row, bars: &Bars, value: fn(u128) -> String) {
        let longest = bars.longest;
        let (blocks, bytes) = row.numbers(value);
        if longest == 0 {
            return line!(self, "{}", names::beginning_with(&(blocks + &bytes), self.width));
        }
        let of_blocks = bar(row.blocks, bars.blocks, longest);
        let of_bytes = bar(row.bytes, bars.bytes, longest);
        let gap = if of_bytes.is_empty() { "" } else { GAP };
        let padded = format!("{GAP}{of_blocks:longest$}");
        let (of_blocks, of_bytes) = (Painted(NUMBER, padded), Painted(NUMBER, of_bytes));
        line!(self, "{blocks}{of_blocks}{bytes}{gap}{of_bytes}");
        if row.ranges > 1 {
            let remark = format!("({} ranges joined)", row.ranges);
            line!(self, "{}", Painted(FAINT, format_args!("{remark:>20}")));
        }
    }
}

fn width_of((blocks, bytes): &(String, String)) -> usize {
    blocks.chars().count() + bytes.chars().count()
}

/// The powers of two that have blocks. Where they are too many, those at the end that has fewer
/// blocks are joined.
fn rows(histogram: &Histogram) -> Vec<Row> {
    let entries = (0_u32..).zip(histogram.blocks.iter().zip(&histogram.bytes));
    let mut rows: Vec<_> = entries
        .filter(|&(_, (&blocks, _))| blocks > 0)
        .map(|(entry, (&blocks, &bytes))| {
            let (from, below) = range(entry);
            Row { from, below, blocks, bytes, ranges: 1 }
        })
        .collect();
    while let [first, second, .., last_but_one, last] = *rows
        && rows.len() > MOST_ROWS
    {
        let (low, high) = (first.with(second), last_but_one.with(last));
        if low.blocks <= high.blocks {
            rows.splice(..2, [low]);
        } else {
            rows.splice(rows.len() - 2.., [high]);
        }
    }
    rows
}

/// A size that is a power of two, without decimals: `512 B`, `1 KiB`.
fn size(value: u128) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut number, mut unit) = (value, 0);
    while number >= 1024 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1024, unit + 1);
    }
    format!("{number} {}", UNITS[unit])
}

/// A time that is a whole number of µs.
fn micros(value: u128) -> String {
    if value < 1000 { format!("{value} µs") } else { Micros(value as f64).to_string() }
}

impl Row {
    /// Range and blocks, and the bytes.
    fn numbers(&self, value: fn(u128) -> String) -> (String, String) {
        let range = match self.below {
            1 => value(0),
            below => format!("{} – {}", value(self.from), value(below)),
        };
        let (blocks, bytes) = (Count(self.blocks), Bytes(self.bytes));
        (format!("{range:>20} {blocks:>14}"), format!(" {bytes:>10}"))
    }

    /// This row and `next`, the one above.
    fn with(self, next: Self) -> Self {
        Self {
            from: self.from,
            below: next.below,
            blocks: self.blocks.saturating_add(next.blocks),
            bytes: self.bytes.saturating_add(next.bytes),
            ranges: self.ranges.saturating_add(next.ranges),
        }
    }
}

/// The least value of a histogram's entry, and that of the next.
fn range(entry: u32) -> (u128, u128) {
    let below = 1_u128.checked_shl(entry).unwrap_or(u128::MAX);
    (if entry == 0 { 0 } else { below / 2 }, below)
}

/// A bar of `part`, of which `whole` would have `longest` columns. In eighths of a column.
fn bar(part: u64, whole: u64, longest: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = part as f64 / whole.max(1) as f64;
    let eighths = (share * (longest * 8) as f64).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(blocks: Vec<u64>) -> Histogram {
        let bytes = blocks.iter().map(|&blocks| blocks.saturating_mul(10)).collect();
        Histogram { blocks, bytes }
    }

    #[test]
    fn entries_are_powers_of_two() {
        let ranges = [(0, 1), (1, 2), (2, 4), (4, 8), (8, 16)];
        assert_eq!([0, 1, 2, 3, 4].map(range), ranges);
        assert_eq!(range(64), (1 << 63, 1 << 64));
        assert_eq!(range(900).1, u128::MAX);
    }

    #[test]
    fn sizes_have_no_decimals() {
        let sizes = [0, 1, 512, 1024, 1 << 19, 1 << 20, 1 << 64].map(size);
        assert_eq!(sizes, ["0 B", "1 B", "512 B", "1 KiB", "512 KiB", "1 MiB", "16 EiB"]);
    }

    #[test]
    fn rows_without_blocks_are_left_out() {
        let rows = rows(&histogram(vec![0, 0, 3, 0, 5]));
        let expected = [
            Row { from: 2, below: 4, blocks: 3, bytes: 30, ranges: 1 },
            Row { from: 8, below: 16, blocks: 5, bytes: 50, ranges: 1 },
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_program_with_blocks_of_all_sizes_up_to_a_gigabyte_has_a_row_for_each() {
        let rows = rows(&histogram(vec![1; 32]));
        assert_eq!(rows.len(), 32);
        assert!(rows.iter().all(|row| row.ranges == 1));
    }

    #[test]
    fn the_ends_with_fewest_blocks_are_joined() {
        let all = histogram((1..=65).rev().collect());
        let rows = rows(&all);
        assert_eq!(rows.len(), MOST_ROWS);
        assert_eq!((rows[0].from, rows[MOST_ROWS - 1].below), (0, 1 << 64));
        assert!(rows.windows(2).all(|two| two[0].below == two[1].from), "{rows:?}");
        assert_eq!(rows.iter().map(|row| row.ranges).sum::<u32>(), 65);
        let blocks: u64 = rows.iter().map(|row| row.blocks).sum();
        assert_eq!(blocks, all.blocks.iter().sum::<u64>());
        let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
        assert_eq!(bytes, blocks * 10);
        let ends = |blocks: [u64; 2]| {
            let middle = [9; MOST_ROWS - 2];
            let rows =
                super::rows(&histogram([&[blocks[0]; 2], &middle[..], &[blocks[1]; 2]].concat()));
            assert_eq!(rows.len(), MOST_ROWS);
            (rows[0].blocks, rows[MOST_ROWS - 1].blocks)
        };
        assert_eq!((ends([1, 1]), ends([9, 1]), ends([1, 9])), ((2, 2), (9, 11), (11, 9)));
    }

    #[test]
    fn a_bar_is_as_long_as_its_part() {
        assert_eq!(bar(100, 100, 4), "████");
        assert_eq!(bar(50, 100, 4), "██");
        assert_eq!(bar(3, 100, 4), "▏");
        assert_eq!(bar(0, 0, 4), "");
        assert_eq!(bar(u64::MAX, u64::MAX, 2), "██");
    }
}
