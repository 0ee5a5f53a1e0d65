//! The rows of the table: all tests of all processes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::apart::Apart;
use super::numbers::Numbers;
use super::ran::Ran;
use super::results::TestResult;
use super::workspace::{Binary, Kind, Workspace};

/// A test in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) binary: String,
    pub(crate) kind: Kind,
    pub(crate) result: TestResult,
    #[serde(flatten)]
    pub(crate) numbers: Numbers,
}

/// A row's identity from run to run.
pub(crate) type Key = (String, Kind, String);

impl Row {
    pub(crate) fn key(&self) -> Key {
        (self.binary.clone(), self.kind, self.name.clone())
    }
}

/// All of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    /// Blocks of each program that belong to no test, by part.
    pub(crate) apart: Vec<Row>,
    /// Remarks on tests that could not be measured.
    pub(crate) losses: Vec<String>,
}

/// The column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sort {
    Bytes,
    Blocks,
    Peak,
    End,
    Name,
}

impl Rows {
    /// The rows of all processes. Of a test that ran several times, the last attempt counts.
    pub(crate) fn of(ran: &[Ran], workspace: &Workspace) -> Self {
        let mut rows: BTreeMap<Key, (u32, Row)> = BTreeMap::new();
        let mut apart: BTreeMap<Key, Row> = BTreeMap::new();
        let mut losses = Vec::new();
        for ran in ran {
            let binary = binary(ran, workspace);
            for (part, numbers) in &ran.apart {
                let row = Row {
                    name: part.name().to_owned(),
                    binary: binary.name.clone(),
                    kind: binary.kind,
                    result: TestResult::Ok,
                    numbers: Numbers::default(),
                };
                // A program that is started for each test has them each time.
                let all = apart.entry(row.key()).or_insert(row);
                all.numbers = all.numbers.and(*numbers);
            }
            losses.extend(ran.notes.iter().map(|note| format!("{}: {note}", binary.name)));
            for test in &ran.tests {
                let target = binary.name.rsplit("::").next().unwrap_or_default();
                let name = if test.name.is_empty() { target } else { &test.name };
                let row = Row {
                    name: name.to_owned(),
                    binary: binary.name.clone(),
                    kind: binary.kind,
                    result: test.result,
                    numbers: test.numbers,
                };
                let before = rows.get(&row.key()).map_or(0, |(attempt, _)| *attempt);
                if ran.attempt >= before {
                    rows.insert(row.key(), (ran.attempt, row));
                }
            }
        }
        losses.sort();
        losses.dedup();
        let rows = rows.into_values().map(|(_, row)| row).collect();
        Self { rows, apart: apart.into_values().collect(), losses }
    }

    pub(crate) fn sort(&mut self, by: Sort) {
        self.rows.sort_by_key(|row| {
            let numbers = &row.numbers;
            let number = match by {
                Sort::Bytes => numbers.bytes,
                Sort::Blocks => numbers.blocks,
                Sort::Peak => numbers.peak_bytes,
                Sort::End => numbers.end_bytes,
                Sort::Name => 0,
            };
            (Reverse(number), row.name.clone(), row.binary.clone(), row.kind)
        });
    }

    /// The first of several runs, with the least that each number was in any of them.
    pub(crate) fn least_of(runs: &[Self]) -> Self {
        let mut least = runs.first().cloned().unwrap_or_default();
        for run in runs.iter().skip(1) {
            let again: BTreeMap<Key, Numbers> =
                run.compared().map(|row| (row.key(), row.numbers)).collect();
            for row in least.rows.iter_mut().chain(&mut least.apart) {
                let now = again.get(&row.key()).filter(|now| !now.is_unknown);
                if let (Some(now), false) = (now, row.numbers.is_unknown) {
                    row.numbers = row.numbers.least(*now);
                }
            }
        }
        least
    }

    /// The rows that baselines have: those of the tests, and what is set up once for them. The
    /// harness and messages of panics are nobody's budget.
    pub(crate) fn compared(&self) -> impl Iterator<Item = &Row> {
        let once = self.apart.iter().filter(|row| row.name == Apart::Once.name());
        self.rows.iter().chain(once)
    }

    /// Blocks that belong to no test, by part, of all programs together.
    pub(crate) fn apart_by_part(&self) -> BTreeMap<&str, Numbers> {
        let mut parts: BTreeMap<&str, Numbers> = BTreeMap::new();
        for row in &self.apart {
            let all = parts.entry(&row.name).or_default();
            *all = all.and(row.numbers);
        }
        parts
    }

    pub(crate) fn total(&self) -> Numbers {
        self.rows.iter().fold(Numbers::default(), |sum, row| sum.and(row.numbers))
    }
}

fn binary(ran: &Ran, workspace: &Workspace) -> Binary {
    match &ran.doc_tests_of {
        Some(name) => workspace.doc_tests(name, ran.package.as_deref()),
        None => workspace.binary(&ran.program, ran.package.as_deref(), ran.source.as_deref()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::ran::Test;
    use super::*;

    pub(crate) fn row(name: &str, bytes: u64) -> Row {
        let numbers = Numbers { blocks: 1, bytes, peak_bytes: bytes, ..Numbers::default() };
        let result = TestResult::Ok;
        Row { name: name.into(), binary: "b".into(), kind: Kind::Unit, result, numbers }
    }

    fn ran(attempt: u32, bytes: u64, result: TestResult) -> Ran {
        let numbers = row("", bytes).numbers;
        let test = Test { name: "t".into(), result, numbers };
        Ran { program: "/x/b".into(), attempt, tests: vec![test], ..Ran::default() }
    }

    #[test]
    fn the_last_attempt_counts_in_whatever_order_they_are_found() {
        let (first, second) = (ran(1, 5, TestResult::Failed), ran(2, 6, TestResult::Ok));
        for all in [[first.clone(), second.clone()], [second, first]] {
            let rows = Rows::of(&all, &Workspace::default()).rows;
            assert_eq!((rows.len(), rows[0].numbers.bytes), (1, 6));
            assert_eq!(rows[0].result, TestResult::Ok);
        }
    }

    #[test]
    fn a_program_that_is_one_test_is_called_as_itself() {
        let mut whole = ran(1, 5, TestResult::Ok);
        whole.tests[0].name.clear();
        whole.notes.push("why".into());
        let found = Rows::of(&[whole], &Workspace::default());
        assert_eq!((found.rows[0].name.as_str(), found.losses[0].as_str()), ("b", "b: why"));
    }

    #[test]
    fn the_least_of_several_runs_is_of_each_number() {
        let run = |bytes, blocks| {
            let mut row = row("a", bytes);
            row.numbers.blocks = blocks;
            Rows { rows: vec![row], ..Rows::default() }
        };
        let mut unknown = run(0, 0);
        unknown.rows[0].numbers = Numbers::UNKNOWN;
        let least = Rows::least_of(&[run(5, 2), unknown, run(4, 3)]).rows[0].numbers;
        assert_eq!((least.bytes, least.blocks, least.is_unknown), (4, 2, false));
    }

    #[test]
    fn names_go_up_and_numbers_down() {
        let mut rows = Rows {
            rows: vec![row("b", 1), row("c", 3), row("a", 2)],
            losses: vec![],
            ..Rows::default()
        };
        let names = |rows: &Rows| rows.rows.iter().map(|row| row.name.clone()).collect::<String>();
        rows.sort(Sort::Bytes);
        assert_eq!(names(&rows), "cab");
        rows.sort(Sort::Name);
        assert_eq!(names(&rows), "abc");
        rows.rows[2].numbers.end_bytes = 1;
        rows.sort(Sort::End);
        assert_eq!(names(&rows), "cab");
    }
}
