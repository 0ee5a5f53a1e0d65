//! Growth since a baseline.

use std::collections::BTreeMap;

use crate::test::measured::numbers::Numbers;
use crate::test::measured::rows::{Key, Row, Rows};
use crate::units::Percent;

/// A number that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its test; `None`: all tests that are in both.
    pub(crate) test: Option<Row>,
    pub(crate) number: Number,
    pub(crate) before: u64,
    pub(crate) now: u64,
}

/// The numbers that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    Blocks,
    Bytes,
    Peak,
    End,
}

impl Number {
    const ALL: [Self; 4] = [Self::Blocks, Self::Bytes, Self::Peak, Self::End];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Bytes => "bytes",
            Self::Peak => "peak",
            Self::End => "at end",
        }
    }

    fn of(self, numbers: Numbers) -> u64 {
        match self {
            Self::Blocks => numbers.blocks,
            Self::Bytes => numbers.bytes,
            Self::Peak => numbers.peak_bytes,
            Self::End => numbers.end_bytes,
        }
    }
}

impl Change {
    /// The growth in percent; infinite if the number was 0.
    pub(crate) fn percent(&self) -> f64 {
        match (self.before, self.now) {
            (before, now) if now <= before => 0.0,
            (0, _) => f64::INFINITY,
            (before, now) => (now - before) as f64 * 100.0 / before as f64,
        }
    }
}

/// Two runs, compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The numbers that grew: totals first, then the largest growth.
    pub(crate) grown: Vec<Change>,
    /// Tests that are only in one of them.
    pub(crate) new: Vec<Row>,
    pub(crate) gone: Vec<Row>,
    /// Tests without numbers.
    pub(crate) unknown: Vec<Row>,
    /// The number of tests that are in both.
    pub(crate) compared: usize,
}

/// The growth of `rows` over `baseline`. The totals are of the tests
/// that are in both: a new test is no growth of another.
pub(crate) fn compare(rows: &Rows, baseline: &Rows) -> Comparison {
    let by_key = |rows: &Rows| -> BTreeMap<Key, Row> {
        rows.rows.iter().map(|row| (row.key(), row.clone())).collect()
    };
    let (now, before) = (by_key(rows), by_key(baseline));
    let mut comparison = Comparison::default();
    let (mut total_before, mut total_now) = (Numbers::default(), Numbers::default());
    for (key, row) in &now {
        if row.numbers.is_unknown {
            comparison.unknown.push(row.clone());
            continue;
        }
        let Some(old) = before.get(key) else {
            comparison.new.push(row.clone());
            continue;
        };
        comparison.compared += 1;
        total_before = total_before.and(old.numbers);
        total_now = total_now.and(row.numbers);
        comparison.grown.extend(changes(Some(row), old.numbers, row.numbers));
    }
    comparison.grown.extend(changes(None, total_before, total_now));
    comparison.grown.sort_by(|a, b| {
        let is_test = |change: &Change| change.test.is_some();
        is_test(a).cmp(&is_test(b)).then(b.percent().total_cmp(&a.percent()))
    });
    let gone = before.into_iter().filter(|(key, _)| !now.contains_key(key));
    comparison.gone = gone.map(|(_, row)| row).collect();
    comparison
}

fn changes(test: Option<&Row>, before: Numbers, now: Numbers) -> Vec<Change> {
    let change = |number: Number| Change {
        test: test.cloned(),
        number,
        before: number.of(before),
        now: number.of(now),
    };
    let changes = Number::ALL.into_iter().map(change);
    changes.filter(|change| change.now > change.before).collect()
}

impl Comparison {
    /// The changes above the budget.
    pub(crate) fn above(&self, budget: Percent) -> Vec<&Change> {
        self.grown.iter().filter(|change| change.percent() > budget.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::tests::row;

    fn rows(of: &[(&str, u64)]) -> Rows {
        Rows { rows: of.iter().map(|(name, bytes)| row(name, *bytes)).collect(), losses: vec![] }
    }

    fn above(now: &[(&str, u64)], before: &[(&str, u64)], budget: f64) -> Vec<String> {
        let comparison = compare(&rows(now), &rows(before));
        let name = |change: &&Change| {
            let test = change.test.as_ref().map_or("total", |row| row.name.as_str());
            format!("{test} {}", change.number.name())
        };
        comparison.above(Percent(budget)).iter().map(name).collect()
    }

    #[test]
    fn the_budget_itself_is_within_it() {
        let before = [("a", 1000)];
        assert!(above(&[("a", 1050)], &before, 5.0).is_empty());
        assert_eq!(
            above(&[("a", 1051)], &before, 5.0),
            ["total bytes", "total peak", "a bytes", "a peak"]
        );
        assert!(above(&[("a", 900)], &before, 0.0).is_empty());
        assert_eq!(above(&[("a", 1001)], &before, 0.0).len(), 4);
    }

    #[test]
    fn a_test_fails_alone_where_the_total_does_not() {
        let (before, now) = ([("a", 100), ("b", 100_000)], [("a", 200), ("b", 100_000)]);
        assert_eq!(above(&now, &before, 5.0), ["a bytes", "a peak"]);
    }

    #[test]
    fn something_from_nothing_is_above_any_percentage() {
        assert_eq!(above(&[("a", 1)], &[("a", 0)], 1e9).len(), 4);
        let comparison = compare(&rows(&[("a", 1)]), &rows(&[("a", 0)]));
        assert!(comparison.grown[0].percent().is_infinite());
    }

    #[test]
    fn tests_without_numbers_are_told_and_neither_shrank_nor_are_new() {
        let mut now = rows(&[("a", 10), ("b", 0), ("c", 0)]);
        now.rows[1].numbers = Numbers::UNKNOWN;
        now.rows[2].numbers = Numbers::UNKNOWN;
        let comparison = compare(&now, &rows(&[("a", 10), ("b", 1000)]));
        let names: Vec<_> = comparison.unknown.iter().map(|row| row.name.as_str()).collect();
        assert_eq!((names, comparison.compared), (vec!["b", "c"], 1));
        assert!(comparison.new.is_empty() && comparison.gone.is_empty());
    }

    #[test]
    fn new_and_gone_tests_are_told_and_are_no_growth() {
        let comparison =
            compare(&rows(&[("a", 10), ("new", 1000)]), &rows(&[("a", 10), ("gone", 1)]));
        assert!(comparison.above(Percent(0.0)).is_empty());
        assert_eq!((comparison.new.len(), comparison.gone.len()), (1, 1));
        assert_eq!((comparison.new[0].name.as_str(), comparison.compared), ("new", 1));
    }
}
