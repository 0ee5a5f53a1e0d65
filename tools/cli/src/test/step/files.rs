//! The files of one process: its recordings and its log.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;

use crate::program::{in_front, libraries};
use crate::test::shared::hush;
use crate::test::shared::state::unique;

use super::context::Context;
use super::program::TestProgram;

/// The files of one process.
pub(crate) struct Files {
    /// Begin of the names of recordings.
    recording: PathBuf,
    log: Option<PathBuf>,
    log_is_ours: bool,
}

impl Files {
    pub(crate) fn new(context: &Context, test: &TestProgram) -> Self {
        let name = unique();
        let users = test.users_log();
        // Doc tests have no harness of their own; with merged ones in one process, rustdoc has
        // given them this run's log already.
        let wants_log = test.facts.log && test.facts.refusal.is_none() && test.doc_tests.is_none();
        Self {
            recording: context.plan.recordings.join(&name),
            log_is_ours: users.is_none(),
            log: wants_log
                .then(|| users.unwrap_or_else(|| context.state.path(&format!("log-{name}")))),
        }
    }

    pub(crate) fn command(&self, context: &Context, test: &TestProgram) -> Command {
        let chain = test.chain.iter().map(OsString::as_os_str);
        let mut words = chain.chain([test.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        if let Some(log) = self.log.as_deref().filter(|_| self.log_is_ours) {
            // In front: behind a `--` it would be the name of a test.
            command.arg("--logfile").arg(log);
        }
        command.args(&test.arguments);
        context.restore(&mut command);
        if test.facts.refusal.is_none() {
            self.preload(&mut command, context, test);
        }
        command
    }

    /// With a configured runner in front, the traces have to survive until the test program; other
    /// programs are not recorded.
    fn preload(&self, command: &mut Command, context: &Context, test: &TestProgram) {
        // A harness of its own may start itself again for each test.
        let several = !test.chain.is_empty() || test.starts_itself();
        let program = fs::canonicalize(&test.program).unwrap_or_default();
        let mut libraries = libraries(&context.plan.library, &test.program, false);
        if test.facts.log {
            libraries.push(context.state.hush());
            command.env(hush::PROGRAM, &program);
        }
        let mut recording = self.recording.clone().into_os_string();
        recording.push(if several { ".%p" } else { "" });
        command
            .env("LD_PRELOAD", in_front(libraries))
            .env("MOD_ALLOC_RECORD", recording)
            .env("MOD_ALLOC_CHILDREN", if several { "yes" } else { "no" })
            .env("MOD_ALLOC_ONLY", program)
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

    /// The recordings of `program`: of several processes that ran it, first the one that had most
    /// tests, or else the one that allocated most.
    pub(crate) fn recordings_of(
        &self,
        program: &Path,
    ) -> Result<(Recording, Vec<Recording>), String> {
        let program = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
        let mut failure = "no recording was written".to_owned();
        let mut found: Vec<Recording> = Vec::new();
        for path in self.recordings() {
            match read(&path) {
                Ok(recording) if recording.executable == program => found.push(recording),
                // Another program on the way.
                Ok(_) => {}
                Err(error) => failure = format!("its recording cannot be read: {error}"),
            }
        }
        found.sort_by_key(|recording| Reverse(rank(recording)));
        let mut found = found.into_iter();
        let first = found.next().ok_or(failure)?;
        Ok((first, found.collect()))
    }

    pub(crate) fn log(&self) -> Option<String> {
        let bytes = fs::read(self.log.as_deref()?).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(crate) fn remove(&mut self) {
        let log = self.log.take().filter(|_| self.log_is_ours);
        for path in self.recordings().into_iter().chain(log) {
            // The whole folder goes when cargo has ended.
            let _ = fs::remove_file(path);
        }
    }
}

fn read(path: &Path) -> Result<Recording, mod_alloc::recording::file::Error> {
    let file = RecordingFile::open(path)?;
    file.mark_ended(None)?;
    file.read()
}

fn rank(recording: &Recording) -> (usize, u64) {
    let total =
        recording.sites.iter().map(|site| site.counters.total_blocks).fold(0, u64::saturating_add);
    (recording.groups.len(), total)
}
