//! The tests that a process ran, once it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::{Command, ExitStatus, Stdio};

use mod_alloc::recording::model::Recording;

use crate::test::measured::apart::{self, Apart, Deciding};
use crate::test::measured::from_log;
use crate::test::measured::numbers::{Functions, Numbers, Ranges, allocates_by_malloc};
use crate::test::measured::ran::{self, DocRun, Ran, Test};
use crate::test::measured::results::{self, TestResult};
use crate::test::shared::options;
use crate::units::Counted;

use super::executable::Facts;
use super::files::Files;
use super::program::TestProgram;

/// A process that has ended.
pub(crate) struct Outcome<'r> {
    pub(crate) test: &'r TestProgram,
    pub(crate) status: ExitStatus,
    pub(crate) files: &'r Files,
}

impl Outcome<'_> {
    pub(crate) fn ran(&self) -> Ran {
        let test = self.test;
        let recording = match &test.facts.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => self.files.recordings_of(&test.program),
        };
        let (recording, more) = match recording {
            Ok((first, more)) => (Ok(first), more),
            Err(why) => (Err(why), Vec::new()),
        };
        let mut ran = match &test.doc_tests {
            Some(_) => self.doc_test(recording.as_ref().ok()),
            None if test.facts.libtest => self.libtest(recording.as_ref().ok()),
            None => {
                let all = recording.iter().chain(more.iter().filter(|_| test.starts_itself()));
                whole(all, self.status.success(), &test.arguments)
            }
        };
        match recording {
            Ok(recording) if self.is_measured(&recording) => {
                if test.doc_tests.is_none() && test.facts.libtest {
                    ran.apart = self.apart(&recording);
                }
                ran.notes.extend(ran::losses(&recording));
                ran.notes.extend(test.facts.allocator.as_deref().map(partly_measured));
            }
            // Its notes would be of the C library's blocks.
            Ok(_) => ran = self.unmeasured(ran),
            Err(why) => {
                ran.forget_numbers();
                ran.notes.push(format!("it ran and was not measured: {why}"));
            }
        }
        ran
    }

    /// The program's own code allocates by `malloc`.
    fn is_measured(&self, recording: &Recording) -> bool {
        let facts = &self.test.facts;
        let none = Ranges::new();
        let start = if facts.libtest { &facts.start } else { &none };
        let functions = Functions { start, begin: &facts.begin, threads: &facts.threads };
        allocates_by_malloc(recording, &functions)
    }

    fn apart(&self, recording: &Recording) -> BTreeMap<Apart, Numbers> {
        let Facts { begin, start, apart, .. } = &self.test.facts;
        apart::of(recording, &Deciding { begin, start, apart })
    }

    fn unmeasured(&self, mut ran: Ran) -> Ran {
        ran.forget_numbers();
        let allocator = match &self.test.facts.allocator {
            Some(allocator) => format!("it brings {allocator} and allocates from it directly"),
            None => "its own code did not call malloc, so it has an allocator of its own".into(),
        };
        ran.notes = vec![format!(
            "it ran and was not measured: {allocator}. Leave that allocator out of tests, or use the \
             crate `mod-alloc` in them, which wraps any allocator"
        )];
        ran
    }

    fn doc_test(&self, recording: Option<&Recording>) -> Ran {
        let run = doc_runs(self.test, recording, self.status.success());
        Ran { doc_runs: run, ..Ran::default() }
    }

    fn libtest(&self, recording: Option<&Recording>) -> Ran {
        let log = self.files.log();
        let results = results::of_log(log.as_deref().unwrap_or_default());
        let groups = recording.map_or(&[][..], |recording| &recording.groups);
        let listed = match self.status.code() {
            Some(0 | 101) if log.is_some() => BTreeSet::new(),
            // It ended in the middle of a test, or keeps no log.
            _ => self.listed(),
        };
        from_log::libtest(groups, &results, &listed, self.status.success())
    }

    /// The names of the tests that were asked for.
    fn listed(&self) -> BTreeSet<String> {
        let mut command = Command::new(&self.test.program);
        command.args(["--list", "--format", "terse"]);
        command.args(self.test.arguments.iter().filter(|word| *word != "--nocapture"));
        let output = command.stdin(Stdio::null()).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect()
    }
}

fn partly_measured(allocator: &str) -> String {
    format!("it brings {allocator}: blocks that it allocates from that directly are in no row")
}

/// The doc tests that a process ran.
fn doc_runs(test: &TestProgram, recording: Option<&Recording>, success: bool) -> Vec<DocRun> {
    let of_groups = |recording: &Recording| {
        recording.groups.iter().map(|group| DocRun::of_group(group, success)).collect()
    };
    if test.merged.is_none() && test.facts.libtest {
        // Many in one process, on threads with their names.
        return recording.map(of_groups).unwrap_or_default();
    }
    vec![alone(test, recording, success)]
}

fn alone(test: &TestProgram, recording: Option<&Recording>, success: bool) -> DocRun {
    let facts = &test.facts;
    let function = facts.doc_tests.iter().map(|(name, _)| name);
    let function = function.into_iter().find(|name| name.starts_with("_doctest_main_"));
    let ranges = test.doc_test_mains();
    let name = test.merged.as_deref().and_then(|merged| merged.split_once('\n'));
    DocRun {
        name: name.map(|(_, name)| name.to_owned()),
        function: function.filter(|_| test.merged.is_none()).cloned(),
        program: test.program.clone(),
        success,
        numbers: recording.map_or_else(Numbers::default, |recording| {
            Numbers::of_main(recording, &facts.start, &ranges)
        }),
    }
}

/// A program whose harness is not libtest's: one test, or the one that nextest asked it for.
/// A program that is one test: all its processes together. A forked child has its parent's numbers,
/// and only those.
fn whole<'r>(
    recordings: impl Iterator<Item = &'r Recording>,
    success: bool,
    arguments: &[OsString],
) -> Ran {
    let (forked, all): (Vec<_>, Vec<_>) = recordings.partition(|recording| recording.is_fork);
    let numbers = all.iter().map(|recording| Numbers::of_process(recording));
    let notes = match forked.len() {
        0 => Vec::new(),
        count => {
            let processes = Counted { count: count as u64, one: "process", many: "processes" };
            vec![format!("what {processes} allocated after a fork is in no row")]
        }
    };
    let exact = options::values_of(arguments, "--exact");
    let asked = std::env::var_os("NEXTEST").and(exact.first());
    let test = Test {
        name: asked.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        result: TestResult::of_success(success),
        numbers: numbers.fold(Numbers::default(), Numbers::and),
    };
    Ran { tests: vec![test], notes, ..Ran::default() }
}
