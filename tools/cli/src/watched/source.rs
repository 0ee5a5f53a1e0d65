//! The source of readings: a recording, and the process that writes it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mod_alloc::recording::file::{Error, RecordingFile};
use mod_alloc::recording::model::{Ending, Recording};

use super::process::{self, Missing, Program};

/// The recording or process that the command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Process(u32),
    File(PathBuf),
}

impl Target {
    /// Digits are a process; a file of such a name is `./123`.
    pub(crate) fn parse(text: &Path) -> Self {
        match text.to_str().and_then(|text| text.parse().ok()) {
            Some(pid) => Self::Process(pid),
            None => Self::File(text.to_owned()),
        }
    }
}

/// The process's state: more readings will come, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// The process is running.
    Running,
    /// The recording has no end, and its process is not seen from here: it was killed, or runs in
    /// another container or on another machine.
    Unseen,
    /// No more will come, for this reason.
    Ended(String),
}

/// One reading.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) recording: Recording,
    pub(crate) state: State,
    /// When it was taken, since watching began.
    pub(crate) at: Duration,
    /// This is another recording than before: the process runs another program.
    pub(crate) is_another: bool,
}

/// A giver of readings. The views know only this, so that tests can give any.
pub(crate) trait Source {
    /// Reads what is recorded now.
    fn read(&mut self) -> Result<Reading, String>;
}

/// Longest time in which a program that is to be recorded makes its recording.
const PATIENCE: Duration = Duration::from_secs(10);

/// A recording that is watched.
#[derive(Debug)]
pub(crate) struct Watched {
    file: RecordingFile,
    /// The process that writes it, and its program.
    writer: Option<(u32, Program)>,
    began: Instant,
    /// Go on with the program that takes the place of this one.
    follows: bool,
    /// Since when that program runs and has no recording yet.
    waits_since: Option<Instant>,
    is_another: bool,
    /// The recording of the program that this one took the place of.
    before: Option<RecordingFile>,
}

impl Watched {
    /// Finds the recording.
    pub(crate) fn open(target: &Target) -> Result<Self, String> {
        match target {
            Target::Process(pid) => Self::of_process(*pid),
            Target::File(path) => Self::of_file(path),
        }
    }

    fn of_process(pid: u32) -> Result<Self, String> {
        let failed = |why: &dyn std::fmt::Display| format!("process {pid}: {why}");
        let program = Program::of(pid);
        let file = process::recording_of(pid).map_err(|why| failed(&why))?;
        let program = program.ok_or_else(|| failed(&"it has just ended"))?;
        Ok(Self::new(file, Some((pid, program)), true))
    }

    fn of_file(path: &Path) -> Result<Self, String> {
        let failed = |error: Error| format!("{}: {error}", path.display());
        let file = RecordingFile::open(path).map_err(failed)?;
        let pid = file.read().map_err(failed)?.pid;
        let inode = fs::metadata(path).map_err(|error| failed(error.into()))?.ino();
        let program = Program::of(pid).filter(|_| process::has_mapped(pid, inode));
        Ok(Self::new(file, program.map(|program| (pid, program)), false))
    }

    /// The recording.
    pub(crate) fn recording(&self) -> &RecordingFile {
        &self.file
    }

    fn new(file: RecordingFile, writer: Option<(u32, Program)>, follows: bool) -> Self {
        let began = Instant::now();
        let (waits_since, is_another, before) = (None, false, None);
        Self { file, writer, began, follows, waits_since, is_another, before }
    }

    /// The state of a writer that no longer runs its program.
    fn successor(&mut self, pid: u32, before: &Program) -> State {
        let Some(now) = Program::of(pid).filter(|now| now.is_same_process(before)) else {
            return State::Ended("the process has ended".into());
        };
        match process::recording_of(pid) {
            Ok(file) if self.follows => {
                self.before = Some(std::mem::replace(&mut self.file, file));
                (self.writer, self.is_another) = (Some((pid, now)), true);
                self.waits_since = None;
                State::Running
            }
            Err(Missing::NotRecorded { .. }) if self.follows && self.is_to_begin(pid) => {
                State::Running
            }
            _ => State::Ended(format!("the process now runs {}", now.name())),
        }
    }

    /// True if the program in process `pid` will have a recording: the loader may not have begun yet.
    fn is_to_begin(&mut self, pid: u32) -> bool {
        let since = *self.waits_since.get_or_insert_with(Instant::now);
        since.elapsed() < PATIENCE && process::preloads_us(pid)
    }

    /// The state of the process just now.
    fn state(&mut self) -> State {
        match self.writer.clone() {
            None => State::Unseen,
            Some((pid, program)) if Program::of(pid).as_ref() == Some(&program) => State::Running,
            Some((pid, program)) => self.successor(pid, &program),
        }
    }
}

impl Watched {
    /// The users who own the recording, and the process that writes it if it is seen.
    pub(crate) fn owners(&self) -> Result<Vec<u32>, String> {
        let mut owners = vec![self.file.owner().map_err(|error| error.to_string())?];
        owners.extend(self.writer.as_ref().and_then(|(pid, _)| process::owner(*pid)));
        Ok(owners)
    }

    /// The id of the process that wrote the recording; `None`: it has not begun, or is unreadable.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.file.process().filter(|&pid| pid != 0)
    }

    /// The process's state, whatever its recording says.
    pub(crate) fn process_state(&mut self) -> State {
        self.state()
    }

    /// The last numbers of the program that this one took the place of; asked for once.
    pub(crate) fn last_before(&mut self) -> Option<Recording> {
        self.before.take()?.read_without_timeline().ok()
    }

    /// As [`Source::read`], with the heap over time.
    pub(crate) fn read_all(&mut self) -> Result<Reading, String> {
        self.read_by(RecordingFile::read)
    }

    fn read_by(
        &mut self,
        read: impl FnOnce(&RecordingFile) -> Result<Recording, Error>,
    ) -> Result<Reading, String> {
        // Before the reading: what ends in between is read once more.
        let state = self.state();
        let recording = read(&self.file).map_err(|error| error.to_string())?;
        let state = match recording.ending {
            Ending::Open => state,
            _ if state == State::Running => State::Ended("the process is exiting".into()),
            _ if state == State::Unseen => State::Ended("the process has ended".into()),
            _ => state,
        };
        let is_another = std::mem::take(&mut self.is_another);
        Ok(Reading { recording, state, at: self.began.elapsed(), is_another })
    }
}

impl Source for Watched {
    fn read(&mut self) -> Result<Reading, String> {
        self.read_by(RecordingFile::read_without_timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_process() {
        assert_eq!(Target::parse(Path::new("123")), Target::Process(123));
        for file in ["./123", "recording", "", "-1", "12345678901"] {
            assert_eq!(Target::parse(Path::new(file)), Target::File(file.into()));
        }
    }

    #[test]
    fn what_cannot_be_watched_is_named() {
        let error = |path: &str| Watched::open(&Target::parse(Path::new(path))).err().unwrap();
        assert_eq!(error("4194999"), "process 4194999: there is no such process");
        assert!(error("/nowhere/recording").starts_with("/nowhere/recording: "));
        assert_eq!(error("/etc/passwd"), "/etc/passwd: not a recording of mod-alloc");
    }
}
