//! Distributions of sizes and lifetimes: a row for each power of two that has blocks.
//!
//! ```text
//! Sizes of blocks
//!                range         blocks      bytes
//!          4 B to 7 B             12       60 B
//!        16 B to 31 B          6,000   87.9 KiB  ████████████████████████
//! ```

use std::fmt::Write;

use mod_alloc::recording::model::Histogram;

use crate::base::style::{FAINT, HEADING, NUMBER, Painted};
use crate::report::names;
use crate::units::{Bytes, Count, Micros};

use super::page::{Report, line};

/// More rows are joined at the ends.
const MOST_ROWS: usize = 12;
/// Before a bar.
const GAP: &str = "  ";
/// Columns of the longest bar.
const LONGEST_BAR: usize = 24;

/// Blocks of a range of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    least: u64,
    most: u64,
    blocks: u64,
    bytes: u64,
}

impl Report<'_> {
    pub(super) fn histograms(&mut self) {
        let Some(histograms) = &self.document.extras.histograms else { return };
        let size = |value| Bytes(value).to_string();
        self.histogram("Sizes of blocks", histograms.sizes.as_ref(), size);
        self.histogram("Lifetimes of blocks", histograms.lifetimes.as_ref(), micros);
    }

    fn histogram(&mut self, title: &str, of: Option<&Histogram>, value: fn(u64) -> String) {
        let rows = of.map(rows).unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        line!(self, "\n{}", Painted(HEADING, title));
        let head = format!("{:>22} {:>14} {:>10}", "range", "blocks", "bytes");
        line!(self, "{}", Painted(FAINT, head));
        let numbers: Vec<_> = rows.iter().map(|row| row.numbers(value, self.width)).collect();
        let widest = numbers.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let longest = self.width.saturating_sub(widest + GAP.len()).min(LONGEST_BAR);
        let most = rows.iter().map(|row| row.blocks).max().unwrap_or(0);
        for (row, numbers) in rows.iter().zip(numbers) {
            let bar = bar(row.blocks, most, longest);
            let gap = if bar.is_empty() { "" } else { GAP };
            line!(self, "{numbers}{gap}{}", Painted(NUMBER, bar));
        }
    }
}

/// The powers of two that have blocks. Where they are too many, those at the end that has fewer
/// blocks are joined.
fn rows(histogram: &Histogram) -> Vec<Row> {
    let entries = (0_u32..).zip(histogram.blocks.iter().zip(&histogram.bytes));
    let mut rows: Vec<_> = entries
        .filter(|&(_, (&blocks, _))| blocks > 0)
        .map(|(entry, (&blocks, &bytes))| {
            let (least, most) = range(entry);
            Row { least, most, blocks, bytes }
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

/// A time that is a whole number of µs.
fn micros(value: u64) -> String {
    if value < 1000 { format!("{value} µs") } else { Micros(value as f64).to_string() }
}

impl Row {
    fn numbers(&self, value: fn(u64) -> String, width: usize) -> String {
        let range = match (self.least, self.most) {
            (least, most) if least == most => value(least),
            (least, most) => format!("{} to {}", value(least), value(most)),
        };
        let (blocks, bytes) = (Count(self.blocks), Bytes(self.bytes));
        names::beginning_with(&format!("{range:>22} {blocks:>14} {bytes:>10}"), width)
    }

    /// This row and `next`, the one above.
    fn with(self, next: Self) -> Self {
        Self {
            least: self.least,
            most: next.most,
            blocks: self.blocks.saturating_add(next.blocks),
            bytes: self.bytes.saturating_add(next.bytes),
        }
    }
}

/// The least and the greatest value of a histogram's entry.
fn range(entry: u32) -> (u64, u64) {
    match entry.checked_sub(1) {
        None => (0, 0),
        Some(bit) => {
            let least = 1_u64.checked_shl(bit).unwrap_or(u64::MAX);
            (least, least.saturating_add(least - 1))
        }
    }
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
        let ranges = [(0, 0), (1, 1), (2, 3), (4, 7), (8, 15)];
        assert_eq!([0, 1, 2, 3, 4].map(range), ranges);
        assert_eq!(range(64), (1 << 63, u64::MAX));
        assert_eq!(range(900), (u64::MAX, u64::MAX));
    }

    #[test]
    fn rows_without_blocks_are_left_out() {
        let rows = rows(&histogram(vec![0, 0, 3, 0, 5]));
        let expected = [
            Row { least: 2, most: 3, blocks: 3, bytes: 30 },
            Row { least: 8, most: 15, blocks: 5, bytes: 50 },
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn the_ends_with_fewest_blocks_are_joined() {
        let all = histogram((1..=65).rev().collect());
        let rows = rows(&all);
        assert_eq!(rows.len(), MOST_ROWS);
        assert_eq!((rows[0].least, rows[MOST_ROWS - 1].most), (0, u64::MAX));
        assert!(rows.windows(2).all(|two| two[0].most + 1 == two[1].least), "{rows:?}");
        let blocks: u64 = rows.iter().map(|row| row.blocks).sum();
        assert_eq!(blocks, all.blocks.iter().sum::<u64>());
        let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
        assert_eq!(bytes, blocks * 10);
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
