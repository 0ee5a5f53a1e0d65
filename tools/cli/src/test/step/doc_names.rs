//! The doc test of a program.
//!
//! Up to edition 2021 each is a program of its own, without a name. Names are known from
//! rustdoc's log: `src/lib.rs - add (line 7)`. A program tells file and line by the function that
//! rustdoc puts the test into, unless the test has a `main` itself; then what rustdoc told the
//! compiler has to do: the file, and a line that is a few above the test's, because rustdoc puts
//! lines before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::test::measured::numbers::Numbers;
use crate::test::measured::ran::{DocRun, Ran, Test};
use crate::test::measured::results::TestResult;

/// For each program, the file and line that rustdoc told the compiler.
pub(crate) type Notes = BTreeMap<PathBuf, (String, i64)>;

/// The rows of a crate's doc tests.
pub(crate) fn rows(
    runs: Vec<DocRun>,
    notes: &Notes,
    results: &BTreeMap<String, TestResult>,
) -> Ran {
    let mut found: BTreeMap<String, Numbers> = BTreeMap::new();
    let mut open = Vec::new();
    for run in runs {
        let name = run.name.as_deref().and_then(|name| longest(name, results));
        match name.or_else(|| by_function(run.function.as_deref()?, results)) {
            Some(name) => {
                found.insert(name.to_owned(), run.numbers);
            }
            None => open.push(run),
        }
    }
    let mut ran = Ran::default();
    for run in by_note(open, notes, results, &mut found) {
        let numbers = run.numbers;
        ran.notes.push(format!(
            "{} bytes in {} blocks are of a doc test whose name could not be found, and in no row",
            numbers.bytes, numbers.blocks
        ));
    }
    for (name, result) in results {
        let numbers = found.get(name).copied().unwrap_or_default();
        ran.tests.push(Test { name: name.clone(), result: *result, numbers });
    }
    ran
}

/// The name that `text` is, or begins with.
fn longest<'n>(text: &str, results: &'n BTreeMap<String, TestResult>) -> Option<&'n str> {
    let names = results.keys().filter(|name| text.starts_with(name.as_str()));
    names.max_by_key(|name| name.len()).map(String::as_str)
}

/// File and line of a name.
fn place(name: &str) -> Option<(&str, i64)> {
    let (file, _) = name.split_once(" - ")?;
    let (_, line) = name.rsplit_once("(line ")?;
    Some((file, line.strip_suffix(')')?.parse().ok()?))
}

fn by_function<'n>(function: &str, results: &'n BTreeMap<String, TestResult>) -> Option<&'n str> {
    let place_in_function = function.strip_prefix("_doctest_main_")?;
    // The last number counts the tests of a line.
    let (of_place, _) = place_in_function.rsplit_once('_')?;
    let is_it = |name: &&String| {
        place(name).is_some_and(|(file, line)| {
            let file: String =
                file.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            of_place == format!("{file}_{line}")
        })
    };
    let mut names = results.keys().filter(is_it);
    // Two files whose names differ in a sign.
    names.next().filter(|_| names.next().is_none()).map(String::as_str)
}

/// Names those of `open` that the compiler was told of; the rest comes back. Of each file's tests,
/// the next below the line that has no program yet; from the last to the first, so that no test
/// takes the name of one further down.
fn by_note(
    open: Vec<DocRun>,
    notes: &Notes,
    results: &BTreeMap<String, TestResult>,
    found: &mut BTreeMap<String, Numbers>,
) -> Vec<DocRun> {
    let (mut noted, mut rest) = (Vec::new(), Vec::new());
    for run in open {
        match notes.get(&run.program) {
            Some((file, line)) => noted.push((file.as_str(), *line, run)),
            None => rest.push(run),
        }
    }
    noted.sort_by_key(|(file, line, _)| (*file, std::cmp::Reverse(*line)));
    let mut free: BTreeSet<_> = results
        .iter()
        .filter(|(name, result)| **result != TestResult::Ignored && !found.contains_key(*name))
        .filter_map(|(name, _)| place(name).map(|(file, line)| (file, line, name.as_str())))
        .collect();
    for (file, line, run) in noted {
        let next = free.range((file, line + 1, "")..).next().copied();
        match next.filter(|(found, ..)| *found == file) {
            Some(place) => {
                free.remove(&place);
                found.insert(place.2.to_owned(), run.numbers);
            }
            None => rest.push(run),
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> BTreeMap<String, TestResult> {
        crate::test::measured::results::of_log(
            "ok src/lib.rs - (line 2)\nok src/lib.rs - add (line 12)\nignored src/lib.rs - add (line 28)\n\
             ok src/lib.rs - add (line 22)\nok src/my-mod.rs - x (line 12)\nok src/lib.rs - add (line 33)\n",
        )
    }

    fn run(bytes: u64) -> DocRun {
        DocRun { numbers: Numbers { bytes, ..Numbers::default() }, ..DocRun::default() }
    }

    fn bytes(ran: &Ran) -> Vec<(&str, u64)> {
        let rows = ran.tests.iter().map(|test| (test.name.as_str(), test.numbers.bytes));
        rows.filter(|(_, bytes)| *bytes > 0).collect()
    }

    #[test]
    fn the_function_tells_file_and_line() {
        let function = |name: &str, bytes| DocRun { function: Some(name.into()), ..run(bytes) };
        let runs = vec![
            function("_doctest_main_src_my_mod_rs_12_0", 5),
            function("_doctest_main_src_lib_rs_2_0", 6),
        ];
        let ran = rows(runs, &Notes::new(), &log());
        assert_eq!(bytes(&ran), [("src/lib.rs - (line 2)", 6), ("src/my-mod.rs - x (line 12)", 5)]);
        assert_eq!(ran.tests.len(), 6, "every test of the log is a row");
        assert!(ran.notes.is_empty());
    }

    #[test]
    fn one_with_its_own_main_is_the_next_below_the_compiler_s_line() {
        let program = |name: &str, bytes| DocRun { program: name.into(), ..run(bytes) };
        let notes = Notes::from([
            ("/t/a".into(), ("src/lib.rs".to_owned(), 9)),
            ("/t/b".into(), ("src/lib.rs".to_owned(), 19)),
            // The one in line 28 did not run.
            ("/t/c".into(), ("src/lib.rs".to_owned(), 26)),
        ]);
        let runs = vec![program("/t/a", 1), program("/t/b", 2), program("/t/c", 3)];
        assert_eq!(
            bytes(&rows(runs, &notes, &log())),
            [
                ("src/lib.rs - add (line 12)", 1),
                ("src/lib.rs - add (line 22)", 2),
                ("src/lib.rs - add (line 33)", 3)
            ]
        );
    }

    #[test]
    fn a_name_may_be_followed_by_text() {
        let named = DocRun { name: Some("src/lib.rs - add (line 12)\u{1}rest".into()), ..run(4) };
        assert_eq!(
            bytes(&rows(vec![named], &Notes::new(), &log())),
            [("src/lib.rs - add (line 12)", 4)]
        );
    }

    #[test]
    fn what_has_no_name_is_said() {
        let ran = rows(vec![run(9)], &Notes::new(), &log());
        assert_eq!(bytes(&ran), []);
        assert_eq!(ran.notes.len(), 1);
        assert!(ran.notes[0].starts_with("9 bytes"));
    }
}
