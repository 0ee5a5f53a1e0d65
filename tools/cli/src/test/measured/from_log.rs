//! The tests of a program with libtest's harness, from its log and its recording.

use std::collections::{BTreeMap, BTreeSet};

use mod_alloc::recording::model::Group;

use super::groups;
use super::numbers::Numbers;
use super::ran::{Ran, Test};
use super::results::TestResult;

/// The tests of a program with libtest's harness: those in its log, and, if it ended in the middle
/// of one, those in `listed` that had begun.
pub(crate) fn libtest(
    groups: &[Group],
    results: &BTreeMap<String, TestResult>,
    listed: &BTreeSet<String>,
    success: bool,
) -> Ran {
    let names = results.keys().chain(listed).map(String::as_str).collect();
    let found = groups::matches(groups, &names);
    let mut ran = Ran::default();
    for (name, result) in results {
        let numbers = found.certain.get(name).copied().unwrap_or_else(|| without_group(*result));
        ran.tests.push(Test { name: name.clone(), result: *result, numbers });
    }
    let result = TestResult::of_success(success);
    for (name, numbers) in found.certain.iter().filter(|(name, _)| !results.contains_key(*name)) {
        ran.tests.push(Test { name: name.clone(), result, numbers: *numbers });
    }
    let unseen = listed
        .iter()
        .filter(|name| !results.contains_key(*name) && !found.certain.contains_key(*name));
    match unseen.count() {
        0 => {}
        count => ran.notes.push(format!(
            "{count} tests did not run or left no trace: the test program ended early"
        )),
    }
    ambiguous(&mut ran, &found.ambiguous);
    if !found.strangers.is_empty() {
        let names = found.strangers.join(", ");
        ran.notes
            .push(format!("these threads are no tests, allocated, and are in no row: {names}"));
    }
    ran
}

/// The numbers of a test that no group is known to be of: an ignored one allocated nothing; of
/// others 0 would be a guess.
fn without_group(result: TestResult) -> Numbers {
    if result == TestResult::Ignored { Numbers::default() } else { Numbers::UNKNOWN }
}

/// Numbers that may be of several tests are in no row; a note tells them, unless they are none.
fn ambiguous(ran: &mut Ran, ambiguous: &[(Vec<String>, Numbers)]) {
    for (names, numbers) in ambiguous.iter().filter(|(_, numbers)| numbers.blocks > 0) {
        ran.notes.push(format!(
            "{} bytes in {} blocks (peak {} bytes; at end {} bytes in {} blocks) are of one of these \
             tests, whose threads cannot be told apart, and in none of their rows: {}",
            numbers.bytes,
            numbers.blocks,
            numbers.peak_bytes,
            numbers.end_bytes,
            numbers.end_blocks,
            names.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, bytes: u64) -> Group {
        let mut group = Group::default();
        group.name = name.to_owned();
        group.thread_name = name.chars().take(15).collect();
        group.total_bytes = bytes;
        group.total_blocks = u64::from(bytes > 0);
        group
    }

    fn results(of: &[(&str, TestResult)]) -> BTreeMap<String, TestResult> {
        of.iter().map(|(name, result)| ((*name).to_owned(), *result)).collect()
    }

    #[test]
    fn every_test_in_the_log_is_a_row() {
        let log = [("a", TestResult::Ok), ("b", TestResult::Ignored), ("c", TestResult::Failed)];
        let ran = libtest(&[group("a", 7)], &results(&log), &BTreeSet::new(), false);
        let rows: Vec<_> =
            ran.tests.iter().map(|t| (&*t.name, t.result, t.numbers.bytes)).collect();
        assert_eq!(
            rows,
            [("a", TestResult::Ok, 7), ("b", TestResult::Ignored, 0), ("c", TestResult::Failed, 0)]
        );
        let unknown: Vec<_> = ran.tests.iter().map(|test| test.numbers.is_unknown).collect();
        assert_eq!(unknown, [false, false, true], "no group is known to be of c");
        assert!(ran.notes.is_empty());
    }

    #[test]
    fn a_test_that_took_the_process_with_it_has_failed_and_the_rest_is_said() {
        let listed = ["a", "b", "c"].map(str::to_owned).into();
        let ran = libtest(
            &[group("a", 7), group("b", 8)],
            &results(&[("a", TestResult::Ok)]),
            &listed,
            false,
        );
        let rows: Vec<_> =
            ran.tests.iter().map(|t| (&*t.name, t.result, t.numbers.bytes)).collect();
        assert_eq!(rows, [("a", TestResult::Ok, 7), ("b", TestResult::Failed, 8)]);
        assert_eq!(
            ran.notes,
            ["1 tests did not run or left no trace: the test program ended early"]
        );
    }

    #[test]
    fn numbers_without_a_row_are_said() {
        let mut cut = group("tests::the_same::b", 7);
        cut.name = cut.thread_name.clone();
        let log = [("tests::the_same::a", TestResult::Ok), ("tests::the_same::b", TestResult::Ok)];
        let ran = libtest(&[cut, group("worker", 1)], &results(&log), &BTreeSet::new(), true);
        assert_eq!(ran.notes.len(), 2);
        assert!(
            ran.notes[0].starts_with("7 bytes")
                && ran.notes[0].ends_with("::a, tests::the_same::b")
        );
        assert!(ran.notes[1].ends_with("worker"));
        assert!(ran.tests.iter().all(|test| test.numbers.is_unknown), "{:?}", ran.tests);
    }

    #[test]
    fn no_note_tells_of_tests_that_allocated_nothing() {
        let mut cut = group("tests::the_same::b", 0);
        cut.name = cut.thread_name.clone();
        let log = [("tests::the_same::a", TestResult::Ok), ("tests::the_same::b", TestResult::Ok)];
        let ran = libtest(&[cut], &results(&log), &BTreeSet::new(), true);
        assert!(ran.notes.is_empty(), "{:?}", ran.notes);
    }
}
