//! What one process ran, as a file for those who come after.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mod_alloc::recording::model::{Group, Recording};
use serde::{Deserialize, Serialize};

use super::groups;
use super::numbers::Numbers;
use super::results::TestResult;
use super::runner::TestProgram;
use super::state::{State, unique};
use super::step::Context;

/// What one process ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ran {
    /// The test program, or the crate that doc tests are of.
    pub(super) program: PathBuf,
    /// The package's folder, as cargo tells it.
    pub(super) package: Option<PathBuf>,
    /// The source file that the program was compiled of, as its dep-info names it.
    pub(super) source: Option<PathBuf>,
    /// Which attempt of nextest it was, from 1.
    pub(super) attempt: u32,
    /// The crate whose doc tests these are.
    pub(super) doc_tests_of: Option<String>,
    pub(super) tests: Vec<Test>,
    /// Programs of doc tests; which tests they are is found when rustdoc has ended.
    pub(super) doc_runs: Vec<DocRun>,
    /// What could not be measured.
    pub(super) notes: Vec<String>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Test {
    /// Empty: the whole program is the test, and is called as its target.
    pub(super) name: String,
    pub(super) result: TestResult,
    pub(super) numbers: Numbers,
}

/// A program that ran one doc test, and what it tells of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DocRun {
    /// Its name, where it was found.
    pub(super) name: Option<String>,
    /// The function that rustdoc puts a doc test into: `_doctest_main_src_lib_rs_7_0`.
    pub(super) function: Option<String>,
    /// The file that the compiler wrote.
    pub(super) program: PathBuf,
    pub(super) success: bool,
    pub(super) numbers: Numbers,
}

impl DocRun {
    pub(super) fn of(
        test: &TestProgram,
        recording: Option<&Recording>,
        success: bool,
    ) -> Vec<Self> {
        let of_groups = |recording: &Recording| {
            recording.groups.iter().map(|group| Self::of_group(group, success)).collect()
        };
        if test.merged.is_none() && test.facts.libtest {
            // Many in one process, on threads with their names.
            return recording.map(of_groups).unwrap_or_default();
        }
        vec![Self::alone(test, recording, success)]
    }

    fn of_group(group: &Group, success: bool) -> Self {
        Self {
            name: Some(group.name.clone()),
            success,
            numbers: Numbers::of_group(group),
            ..Self::default()
        }
    }

    fn alone(test: &TestProgram, recording: Option<&Recording>, success: bool) -> Self {
        let facts = &test.facts;
        let function = facts.doc_tests.iter().map(|(name, _)| name);
        let function = function.into_iter().find(|name| name.starts_with("_doctest_main_"));
        let ranges = test.doc_test_mains();
        let name = test.merged.as_deref().and_then(|merged| merged.split_once('\n'));
        Self {
            name: name.map(|(_, name)| name.to_owned()),
            function: function.filter(|_| test.merged.is_none()).cloned(),
            program: test.program.clone(),
            success,
            numbers: recording.map_or_else(Numbers::default, |recording| {
                Numbers::of_main(recording, &facts.start, &ranges)
            }),
        }
    }
}

/// A program whose harness is not libtest's: one test, or the one that nextest asked it for.
pub(super) fn whole(recording: Option<&Recording>, success: bool, arguments: &[OsString]) -> Ran {
    let exact = super::words::values_of(arguments, "--exact");
    let asked = std::env::var_os("NEXTEST").and(exact.first());
    let test = Test {
        name: asked.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        result: TestResult::of_success(success),
        numbers: recording.map(Numbers::of_process).unwrap_or_default(),
    };
    Ran { tests: vec![test], ..Ran::default() }
}

/// The tests of a program with libtest's harness: those in its log, and, if it ended in the middle
/// of one, those in `listed` that had begun.
pub(super) fn libtest(
    groups: &[Group],
    results: &BTreeMap<String, TestResult>,
    listed: &BTreeSet<String>,
    success: bool,
) -> Ran {
    let names = results.keys().chain(listed).map(String::as_str).collect();
    let found = groups::matches(groups, &names);
    let mut ran = Ran::default();
    for (name, result) in results {
        let numbers = found.certain.get(name).copied().unwrap_or_default();
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
        count => {
            ran.notes.push(format!("{count} tests did not run, or left no trace: it ended early"))
        }
    }
    ambiguous(&mut ran, &found.ambiguous);
    if !found.strangers.is_empty() {
        let names = found.strangers.join(", ");
        ran.notes.push(format!("threads that are no tests allocated, and are in no row: {names}"));
    }
    ran
}

/// What may be of several tests is in none of their rows, and said.
fn ambiguous(ran: &mut Ran, ambiguous: &[(Vec<String>, Numbers)]) {
    for (names, numbers) in ambiguous {
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

/// What the recording of a test program could not hold.
pub(super) fn losses(recording: &Recording) -> Vec<String> {
    let losses = &recording.losses;
    let all = [
        (losses.reentrant, "allocations inside the profiler were not recorded"),
        (losses.damaged_trailers, "frees of damaged blocks were not seen: they count as live"),
        (losses.threads_overflowed, "events of threads beyond the registry are in no row"),
    ];
    let mut texts: Vec<_> = all
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if recording.sites.is_empty() {
        texts.push("no allocation was seen: does it bring an allocator of its own?".into());
    }
    texts
}

impl Ran {
    /// Into the folder of the run, or, of doc tests, into that of their rustdoc.
    pub(super) fn write(mut self, context: &Context, test: &TestProgram) -> io::Result<()> {
        self.program = test.program.clone();
        self.package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        self.source = source(&test.program);
        let attempt =
            std::env::var("NEXTEST_ATTEMPT").ok().and_then(|attempt| attempt.parse().ok());
        self.attempt = attempt.unwrap_or(1);
        match &test.doc_tests {
            Some(folder) => self.write_to(&folder.join("ran")),
            None => self.keep(&context.state),
        }
    }

    /// For the table.
    pub(super) fn keep(&self, state: &State) -> io::Result<()> {
        self.write_to(&state.path("ran"))
    }

    fn write_to(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(unique()), serde_json::to_vec(self)?)
    }
}

/// All that is in `folder`.
pub(super) fn read_all(folder: &Path) -> io::Result<Vec<Ran>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        all.push(serde_json::from_slice(&fs::read(entry?.path())?)?);
    }
    Ok(all)
}

/// The first source in the dep-info beside a program: `PROGRAM: SOURCE …`.
fn source(program: &Path) -> Option<PathBuf> {
    let mut path = program.as_os_str().to_owned();
    path.push(".d");
    let text = fs::read_to_string(path).ok()?;
    let (_, sources) = text.lines().next()?.split_once(": ")?;
    // Blanks in a path have a backslash.
    let mut source = String::new();
    for word in sources.split(' ') {
        source.push_str(word);
        match source.strip_suffix('\\') {
            Some(start) => source = format!("{start} "),
            None => break,
        }
    }
    Some(PathBuf::from(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, bytes: u64) -> Group {
        let mut group = Group::default();
        group.name = name.to_owned();
        group.thread_name = name.chars().take(15).collect();
        group.total_bytes = bytes;
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
        assert_eq!(ran.notes, ["1 tests did not run, or left no trace: it ended early"]);
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
    }

    #[test]
    fn dep_info_names_the_source_with_its_blanks() {
        let folder = std::env::temp_dir().join(format!("mod-alloc-{}", unique()));
        fs::create_dir(&folder).unwrap();
        for (text, expected) in [
            ("/t/x-1: src/lib.rs src/a.rs\n\nsrc/lib.rs:\n", Some("src/lib.rs")),
            ("/t/x-1: my\\ src/lib.rs b.rs\n", Some("my src/lib.rs")),
            ("nothing", None),
        ] {
            fs::write(folder.join("x-1.d"), text).unwrap();
            assert_eq!(source(&folder.join("x-1")), expected.map(PathBuf::from));
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
