//! The tests that one process ran, as a file for the table.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mod_alloc::recording::model::{Counters, Group, Recording};
use mod_alloc::report::Coverage;
use serde::{Deserialize, Serialize};

use super::apart::Apart;
use super::numbers::Numbers;
use super::results::TestResult;
use crate::test::shared::state::{State, unique};

/// The tests that one process ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ran {
    /// The test program, or the crate that doc tests are of.
    pub(crate) program: PathBuf,
    /// The package's folder, as cargo tells it.
    pub(crate) package: Option<PathBuf>,
    /// The source file that the program was compiled of, as its dep-info names it.
    pub(crate) source: Option<PathBuf>,
    /// The number of nextest's attempt, from 1.
    pub(crate) attempt: u32,
    /// The crate whose doc tests these are.
    pub(crate) doc_tests_of: Option<String>,
    pub(crate) tests: Vec<Test>,
    /// Blocks that belong to none of them.
    #[serde(default)]
    pub(crate) apart: BTreeMap<Apart, Numbers>,
    /// Programs of doc tests; which tests they are is found when rustdoc has ended.
    pub(crate) doc_runs: Vec<DocRun>,
    /// Remarks on tests that could not be measured.
    pub(crate) notes: Vec<String>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Test {
    /// Empty: the whole program is the test, and is called as its target.
    pub(crate) name: String,
    pub(crate) result: TestResult,
    pub(crate) numbers: Numbers,
}

/// A program that ran one doc test, and what it tells of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocRun {
    /// Its name, where it was found.
    pub(crate) name: Option<String>,
    /// The function that rustdoc puts a doc test into: `_doctest_main_src_lib_rs_7_0`.
    pub(crate) function: Option<String>,
    /// The file that the compiler wrote.
    pub(crate) program: PathBuf,
    pub(crate) success: bool,
    pub(crate) numbers: Numbers,
}

impl DocRun {
    /// One doc test of many in one process, on a thread with its name.
    pub(crate) fn of_group(group: &Group, success: bool) -> Self {
        Self {
            name: Some(group.name.clone()),
            success,
            numbers: Numbers::of_group(group),
            ..Self::default()
        }
    }
}

/// The losses of a test program's recording.
pub(crate) fn losses(recording: &Recording) -> Vec<String> {
    let losses = &recording.losses;
    let all = [
        (losses.reentrant, "allocations inside the profiler were not recorded"),
        (losses.damaged_trailers, "frees of damaged blocks were not seen: they count as live"),
        (losses.threads_overflowed, "events of threads beyond the registry are in no row"),
    ];
    all.into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .chain(unseen(recording).map(|unseen| format!("not seen: {unseen}")))
        .collect()
}

/// Memory of the test program that is in no block.
fn unseen(recording: &Recording) -> Option<String> {
    let mut totals = Counters::default();
    for site in &recording.sites {
        totals.peak_bytes = totals.peak_bytes.saturating_add(site.counters.peak_bytes);
        totals.peak_blocks = totals.peak_blocks.saturating_add(site.counters.peak_blocks);
    }
    Coverage::of(recording, &totals)?.sentence()
}

impl Ran {
    /// Takes the numbers of all tests back: they were not measured.
    pub(crate) fn forget_numbers(&mut self) {
        for test in self.tests.iter_mut().filter(|test| test.result != TestResult::Ignored) {
            test.numbers = Numbers::UNKNOWN;
        }
        self.apart.clear();
        self.doc_runs.iter_mut().for_each(|run| run.numbers = Numbers::UNKNOWN);
    }

    /// For the table.
    pub(crate) fn keep(&self, state: &State) -> io::Result<()> {
        self.write_to(&state.path("ran"))
    }

    /// Writes it into `folder`.
    pub(crate) fn write_to(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(unique()), serde_json::to_vec(self)?)
    }
}

/// All that is in `folder`.
pub(crate) fn read_all(folder: &Path) -> io::Result<Vec<Ran>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        all.push(serde_json::from_slice(&fs::read(entry?.path())?)?);
    }
    Ok(all)
}
