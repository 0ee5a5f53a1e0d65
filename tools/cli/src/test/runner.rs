//! Runs a test program with the library that records in it, and writes down what its tests
//! allocated.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;

use super::executable::Facts;
use super::numbers::MAIN;
use super::ran::{DocRun, Ran};
use super::state::unique;
use super::step::{Context, restore};
use super::{Refused, hush, merged, ran, supervise};
use crate::say::say;

/// A test program that is to be run.
pub(super) struct TestProgram {
    /// Runner that was configured before.
    pub(super) chain: Vec<OsString>,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// The folder for notes, if it is a doc test.
    pub(super) doc_tests: Option<PathBuf>,
    /// Of doc tests that were compiled together, the one that is to be run.
    pub(super) merged: Option<String>,
    pub(super) facts: Facts,
}

/// `__test runner STATE TARGET PROGRAM ARGUMENTS…`
pub(super) fn run(context: &Context, words: Vec<OsString>) -> Result<ExitCode, Refused> {
    let mut words = words.into_iter();
    let target = words.next().unwrap_or_default();
    let Some(program) = words.next().map(PathBuf::from) else {
        return Err(Refused::from("the runner was given no program".to_owned()));
    };
    let test = TestProgram {
        chain: context.plan.runner(&target.to_string_lossy()).to_vec(),
        facts: Facts::of(&program, &context.state),
        program,
        arguments: words.collect(),
        doc_tests: std::env::var_os(hush::NOTES).map(PathBuf::from),
        merged: None,
    };
    if test.only_asks() {
        return Err(exec(&mut test.command(context)));
    }
    if test.doc_tests.is_some() && test.chain.is_empty() && merged::is_one(&test.program) {
        return merged::start(context, &test);
    }
    measure(context, &test)
}

/// Becomes `command`; comes back only with why that failed.
pub(super) fn exec(command: &mut Command) -> Refused {
    let error = command.exec();
    let program = Path::new(command.get_program()).display();
    Refused::from(format!("{program} cannot be started: {error}"))
}

impl TestProgram {
    /// Whether it runs no tests.
    fn only_asks(&self) -> bool {
        let before_names = self.arguments.iter().take_while(|word| *word != "--");
        before_names.into_iter().any(|word| word == "--list" || word == "--help" || word == "-h")
    }

    /// As it is run without us.
    pub(super) fn command(&self, context: &Context) -> Command {
        let mut words =
            self.chain.iter().map(OsString::as_os_str).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).args(&self.arguments);
        restore(&mut command, &context.plan);
        command
    }

    /// Where its tests begin, for the library: on threads that name themselves, or on the main one.
    fn starts(&self) -> String {
        let words = |ranges: &[(u64, u64)]| {
            ranges.iter().map(|(start, end)| format!("{start:x}-{end:x}")).collect::<Vec<_>>()
        };
        let is_alone = self.merged.is_some() || !self.facts.libtest;
        if self.doc_tests.is_some() && is_alone {
            let main = std::iter::once(MAIN.to_owned());
            return main.chain(words(&self.doc_test_mains())).collect::<Vec<_>>().join(",");
        }
        words(&self.facts.begin).join(",")
    }

    /// The functions that a doc test begins with.
    pub(super) fn doc_test_mains(&self) -> Vec<(u64, u64)> {
        let of_module = self.merged.as_deref().and_then(|merged| merged.split_once('\n'));
        let is_it = |name: &str| of_module.is_none_or(|(module, _)| name.ends_with(module));
        let of_test = self.facts.doc_tests.iter().filter(|(name, _)| is_it(name));
        of_test.map(|(_, range)| *range).collect()
    }

    /// The file that the user had libtest write its log to.
    fn users_log(&self) -> Option<PathBuf> {
        super::words::values_of(&self.arguments, "--logfile").last().map(PathBuf::from)
    }
}

/// Runs it, recording, and writes down what came of it.
pub(super) fn measure(context: &Context, test: &TestProgram) -> Result<ExitCode, Refused> {
    let mut files = Files::new(context, test);
    let status = supervise::run(&mut files.command(context, test), |_| ())
        .map_err(|error| cannot_start(test, &error))?;
    let ran = Outcome { test, status, files: &files }.ran();
    files.remove();
    if let Err(error) = ran.write(context, test) {
        say!("what {} allocated cannot be kept: {error}", test.program.display());
    }
    Ok(supervise::end_as(status))
}

fn cannot_start(test: &TestProgram, error: &io::Error) -> Refused {
    Refused::from(format!("{} cannot be started: {error}", test.program.display()))
}

/// The files of one process.
struct Files {
    /// Begin of the names of recordings.
    recording: PathBuf,
    log: Option<PathBuf>,
    log_is_ours: bool,
}

impl Files {
    fn new(context: &Context, test: &TestProgram) -> Self {
        let name = unique();
        let users = test.users_log();
        // Doc tests have no harness of their own; with merged ones in one process, rustdoc has
        // given them our log already.
        let wants_log = test.facts.log && test.facts.refusal.is_none() && test.doc_tests.is_none();
        Self {
            recording: context.plan.recordings.join(&name),
            log_is_ours: users.is_none(),
            log: wants_log
                .then(|| users.unwrap_or_else(|| context.state.path(&format!("log-{name}")))),
        }
    }

    fn command(&self, context: &Context, test: &TestProgram) -> Command {
        let mut command = Command::new("");
        let chained = !test.chain.is_empty();
        let mut words: Vec<&OsStr> = test.chain.iter().map(OsString::as_os_str).collect();
        words.push(test.program.as_os_str());
        if let Some(log) = self.log.as_deref().filter(|_| self.log_is_ours) {
            // In front: behind a `--` it would be the name of a test.
            words.extend([OsStr::new("--logfile"), log.as_os_str()]);
        }
        words.extend(test.arguments.iter().map(OsString::as_os_str));
        if let [first, rest @ ..] = words.as_slice() {
            command = Command::new(first);
            command.args(rest);
        }
        restore(&mut command, &context.plan);
        if test.facts.refusal.is_none() {
            self.preload(&mut command, context, test, chained);
        }
        command
    }

    /// With a configured runner in front, the traces have to survive until the test program.
    fn preload(&self, command: &mut Command, context: &Context, test: &TestProgram, chained: bool) {
        let mut libraries = context.plan.library.clone().into_os_string();
        if test.facts.log {
            libraries.push(":");
            libraries.push(context.state.hush());
            command.env(hush::PROGRAM, fs::canonicalize(&test.program).unwrap_or_default());
        }
        if let Some(before) = std::env::var_os("LD_PRELOAD").filter(|before| !before.is_empty()) {
            libraries.push(":");
            libraries.push(before);
        }
        let mut recording = self.recording.clone().into_os_string();
        recording.push(if chained { ".%p" } else { "" });
        command
            .env("LD_PRELOAD", libraries)
            .env("MOD_ALLOC_RECORD", recording)
            .env("MOD_ALLOC_CHILDREN", if chained { "yes" } else { "no" })
            .env("MOD_ALLOC_TESTS", test.starts());
    }

    /// All recordings that are there.
    fn recordings(&self) -> Vec<PathBuf> {
        let (Some(folder), Some(name)) = (self.recording.parent(), self.recording.file_name())
        else {
            return Vec::new();
        };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_ours = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|found| found.as_encoded_bytes().starts_with(name.as_encoded_bytes()))
        };
        let mut found: Vec<_> = entries.map(|entry| entry.path()).filter(is_ours).collect();
        found.sort();
        found
    }

    /// The recording of `program`: of several processes that ran it, the one that had most tests,
    /// then the one that allocated most.
    fn recording_of(&self, program: &Path) -> Result<Recording, String> {
        let program = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
        let mut failure = "no recording was written".to_owned();
        let mut best: Option<Recording> = None;
        for path in self.recordings() {
            match read(&path) {
                Ok(recording) if recording.executable == program => {
                    if best.as_ref().is_none_or(|best| rank(&recording) > rank(best)) {
                        best = Some(recording);
                    }
                }
                // Another program on the way.
                Ok(_) => {}
                Err(error) => failure = format!("its recording cannot be read: {error}"),
            }
        }
        best.ok_or(failure)
    }

    fn log(&self) -> Option<String> {
        let bytes = fs::read(self.log.as_deref()?).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn remove(&mut self) {
        let log = self.log.take().filter(|_| self.log_is_ours);
        for path in self.recordings().into_iter().chain(log) {
            // The whole folder goes when cargo has ended.
            let _ = fs::remove_file(path);
        }
    }
}

fn read(path: &Path) -> Result<Recording, mod_alloc::recording::file::Error> {
    let file = RecordingFile::open(path)?;
    file.mark_ended()?;
    file.read()
}

fn rank(recording: &Recording) -> (usize, u64) {
    let total =
        recording.sites.iter().map(|site| site.counters.total_blocks).fold(0, u64::saturating_add);
    (recording.groups.len(), total)
}

/// A process that has ended.
struct Outcome<'r> {
    test: &'r TestProgram,
    status: ExitStatus,
    files: &'r Files,
}

impl Outcome<'_> {
    fn ran(&self) -> Ran {
        let test = self.test;
        let recording = match &test.facts.refusal {
            Some(refusal) => Err(refusal.clone()),
            None => self.files.recording_of(&test.program),
        };
        let mut ran = match &test.doc_tests {
            Some(_) => self.doc_test(recording.as_ref().ok()),
            None if test.facts.libtest => self.libtest(recording.as_ref().ok()),
            None => ran::whole(recording.as_ref().ok(), self.status.success(), &test.arguments),
        };
        match recording {
            Ok(recording) => ran.notes.extend(ran::losses(&recording)),
            Err(why) => ran.notes.push(format!("ran, and was not measured: {why}")),
        }
        ran
    }

    fn doc_test(&self, recording: Option<&Recording>) -> Ran {
        let run = DocRun::of(self.test, recording, self.status.success());
        Ran { doc_runs: run, ..Ran::default() }
    }

    fn libtest(&self, recording: Option<&Recording>) -> Ran {
        let log = self.files.log();
        let results = super::results::of_log(log.as_deref().unwrap_or_default());
        let groups = recording.map_or(&[][..], |recording| &recording.groups);
        let listed = match self.status.code() {
            Some(0 | 101) if log.is_some() => BTreeSet::new(),
            // It ended in the middle of a test, or keeps no log.
            _ => self.listed(),
        };
        ran::libtest(groups, &results, &listed, self.status.success())
    }

    /// The names of the tests that were asked for.
    fn listed(&self) -> BTreeSet<String> {
        let mut command = Command::new(&self.test.program);
        command.args(["--list", "--format", "terse"]);
        command.args(self.test.arguments.iter().filter(|word| *word != "--nocapture"));
        let output = command.stdin(std::process::Stdio::null()).output();
        let text = output.map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect()
    }
}
