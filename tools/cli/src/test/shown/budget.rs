//! Growth since a baseline.

use std::collections::BTreeMap;

use super::spread::{Baseline, Spread, keyed};
use crate::test::measured::numbers::Numbers;
use crate::test::measured::rows::{Key, Row, Rows};
use crate::units::Percent;

/// A number that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its test; `None`: all tests that are in both.
    pub(crate) test: Option<Row>,
    pub(crate) number: Number,
    /// The most of all runs of the baseline.
    pub(crate) before: u64,
    pub(crate) now: u64,
}

/// The growth that makes a run fail.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Budget {
    pub(crate) percent: Percent,
    /// Bytes that may be added to any number of bytes.
    pub(crate) floor: u64,
    /// The numbers that count; empty: all.
    pub(crate) on: Vec<Number>,
}

/// The tests that are compared, by parts of their names.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Choice<'p> {
    /// Empty: all.
    pub(crate) only: &'p [String],
    pub(crate) ignore: &'p [String],
}

impl<'p> Choice<'p> {
    /// The parts that no test of `rows` or `baseline` has in its name.
    pub(crate) fn unmet(self, rows: &Rows, baseline: &Baseline) -> Vec<&'p str> {
        let names = || {
            let now = rows.compared().map(|row| row.name.as_str());
            now.chain(baseline.tests.keys().map(|key| key.2.as_str()))
        };
        let parts = self.only.iter().chain(self.ignore).map(String::as_str);
        parts.filter(|part| !names().any(|name| name.contains(part))).collect()
    }

    fn has(self, name: &str) -> bool {
        let is_named = |by: &[String]| by.iter().any(|part| name.contains(part.as_str()));
        (self.only.is_empty() || is_named(self.only)) && !is_named(self.ignore)
    }
}

/// The numbers that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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
    pub(crate) gone: Vec<Key>,
    /// Tests without numbers.
    pub(crate) unknown: Vec<Row>,
    /// The number of tests that are in both.
    pub(crate) compared: usize,
}

/// The growth of the chosen `rows` over `baseline`. The totals are of the tests that are in both: a
/// new test is no growth of another.
pub(crate) fn compare(rows: &Rows, baseline: &Baseline, choice: Choice<'_>) -> Comparison {
    let chosen = keyed(rows).into_iter().filter(|(_, row)| choice.has(&row.name));
    let now: BTreeMap<Key, &Row> = chosen.collect();
    let mut comparison = Comparison::default();
    let none = Numbers::default();
    let (mut total, mut total_now) = (Spread { least: none, most: none }, none);
    for (key, row) in &now {
        if row.numbers.is_unknown {
            comparison.unknown.push((*row).clone());
            continue;
        }
        let Some(old) = baseline.tests.get(key) else {
            comparison.new.push((*row).clone());
            continue;
        };
        comparison.compared += 1;
        total = Spread { least: total.least.and(old.least), most: total.most.and(old.most) };
        total_now = total_now.and(row.numbers);
        comparison.grown.extend(changes(Some(row), *old, row.numbers));
    }
    comparison.grown.extend(changes(None, total, total_now));
    comparison.grown.sort_by(|a, b| {
        let is_test = |change: &Change| change.test.is_some();
        is_test(a).cmp(&is_test(b)).then(b.percent().total_cmp(&a.percent()))
    });
    let gone = baseline.tests.keys().filter(|key| choice.has(&key.2) && !now.contains_key(*key));
    comparison.gone = gone.cloned().collect();
    comparison
}

/// The numbers that are above all of the baseline by more than its runs differ: a few runs have
/// not seen the most that a test can reach.
fn changes(test: Option<&Row>, before: Spread, now: Numbers) -> Vec<Change> {
    let change = |number: Number| {
        let (least, most) = (number.of(before.least), number.of(before.most));
        let now = number.of(now);
        let beyond = now.saturating_sub(most) > most.saturating_sub(least);
        beyond.then(|| Change { test: test.cloned(), number, before: most, now })
    };
    Number::ALL.into_iter().filter_map(change).collect()
}

impl Budget {
    fn is_exceeded(&self, change: &Change) -> bool {
        // A number that was 0 has no noise of its size.
        let is_exempt = change.number == Number::Blocks || change.before == 0;
        let floor = if is_exempt { 0 } else { self.floor };
        (self.on.is_empty() || self.on.contains(&change.number))
            && change.percent() > self.percent.0
            && change.now.saturating_sub(change.before) > floor
    }
}

impl Comparison {
    /// The changes above the budget.
    pub(crate) fn above(&self, budget: &Budget) -> Vec<&Change> {
        self.grown.iter().filter(|change| budget.is_exceeded(change)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::tests::row;

    fn rows(of: &[(&str, u64)]) -> Rows {
        Rows {
            rows: of.iter().map(|(name, bytes)| row(name, *bytes)).collect(),
            losses: vec![],
            ..Rows::default()
        }
    }

    fn baseline(of: &[(&str, u64)]) -> Baseline {
        Baseline::of(&[rows(of)])
    }

    fn budget_of(percent: f64) -> Budget {
        Budget { percent: Percent(percent), floor: 0, on: vec![] }
    }

    fn above(now: &[(&str, u64)], before: &[(&str, u64)], budget: f64) -> Vec<String> {
        let comparison = compare(&rows(now), &baseline(before), Choice::default());
        let name = |change: &&Change| {
            let test = change.test.as_ref().map_or("total", |row| row.name.as_str());
            format!("{test} {}", change.number.name())
        };
        comparison.above(&budget_of(budget)).iter().map(name).collect()
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
        let comparison = compare(&rows(&[("a", 1)]), &baseline(&[("a", 0)]), Choice::default());
        assert!(comparison.grown[0].percent().is_infinite());
    }

    #[test]
    fn tests_without_numbers_are_told_and_neither_shrank_nor_are_new() {
        let mut now = rows(&[("a", 10), ("b", 0), ("c", 0)]);
        now.rows[1].numbers = Numbers::UNKNOWN;
        now.rows[2].numbers = Numbers::UNKNOWN;
        let comparison = compare(&now, &baseline(&[("a", 10), ("b", 1000)]), Choice::default());
        let names: Vec<_> = comparison.unknown.iter().map(|row| row.name.as_str()).collect();
        assert_eq!((names, comparison.compared), (vec!["b", "c"], 1));
        assert!(comparison.new.is_empty() && comparison.gone.is_empty());
    }

    #[test]
    fn new_and_gone_tests_are_told_and_are_no_growth() {
        let comparison = compare(
            &rows(&[("a", 10), ("new", 1000)]),
            &baseline(&[("a", 10), ("gone", 1)]),
            Choice::default(),
        );
        assert!(comparison.above(&budget_of(0.0)).is_empty());
        assert_eq!((comparison.new.len(), comparison.gone.len()), (1, 1));
        assert_eq!((comparison.new[0].name.as_str(), comparison.compared), ("new", 1));
    }

    #[test]
    fn growth_counts_beyond_the_spread_of_the_runs_only() {
        let before = Baseline::of(&[rows(&[("a", 1000)]), rows(&[("a", 1100)])]);
        let grown = |bytes| compare(&rows(&[("a", bytes)]), &before, Choice::default()).grown.len();
        assert_eq!((grown(1200), grown(1201)), (0, 4));
    }

    #[test]
    fn a_floor_is_of_bytes_and_one_more_block_counts() {
        let before = baseline(&[("a", 10)]);
        let mut now = rows(&[("a", 110)]);
        now.rows[0].numbers.blocks = 2;
        let found = compare(&now, &before, Choice::default());
        let names = |floor, on| {
            let budget = Budget { percent: Percent(5.0), floor, on };
            found.above(&budget).iter().map(|change| change.number.name()).collect::<Vec<_>>()
        };
        assert_eq!(names(100, vec![]), ["blocks", "blocks"], "the total's and the test's");
        assert_eq!(names(99, vec![]).len(), 6);
        assert_eq!(names(99, vec![Number::Peak]), ["peak", "peak"]);
        assert!(names(0, vec![Number::End]).is_empty());
    }

    #[test]
    fn tests_that_are_not_chosen_are_not_compared() {
        let parts = |of: &str| vec![of.to_owned()];
        let (now, before) = (rows(&[("a_x", 9), ("b_x", 9)]), baseline(&[("a_x", 1), ("c", 1)]));
        let compared = |only: &[String], ignore: &[String]| {
            let found = compare(&now, &before, Choice { only, ignore });
            (found.compared, found.new.len(), found.gone.len())
        };
        assert_eq!(compared(&[], &[]), (1, 1, 1));
        assert_eq!(compared(&parts("b"), &[]), (0, 1, 0));
        assert_eq!(compared(&[], &parts("_x")), (0, 0, 1));
        assert_eq!(compared(&parts("x"), &parts("a")), (0, 1, 0));
        let (only, ignore) = (parts("b_x"), parts("nothing"));
        let choice = Choice { only: &only, ignore: &ignore };
        assert_eq!(choice.unmet(&now, &before), ["nothing"]);
    }
}
