//! A FILE argument: a recording, or a dhat JSON of anybody's.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use mod_alloc::recording::file::{self, RecordingFile};
use mod_alloc::recording::model::{Ending, Recording};
use mod_alloc::report::{Profile, SiteNames};

use crate::base::progress::Progress;
use crate::dhat_file::{self, Document};

use super::debug_files::DebugFiles;
use super::found::is_running;

/// Why a FILE cannot be read.
#[derive(Debug)]
pub(crate) enum Error {
    Io(io::Error),
    Recording(file::Error),
    Dhat(dhat_file::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => error.fmt(f),
            Error::Recording(error) => error.fmt(f),
            Error::Dhat(error) => write!(f, "no recording, and {error}"),
        }
    }
}

/// Reads the FILE at `path`; `-` is standard input.
pub(crate) fn read(path: &Path, debug_files: &DebugFiles) -> Result<Document, Error> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(Error::Io)?;
        return dhat_file::read(&bytes).map_err(Error::Dhat);
    }
    if RecordingFile::is_one(path) {
        let recording = RecordingFile::open(path).and_then(|file| read_recording(path, &file));
        let recording = recording.map_err(Error::Recording)?;
        return Ok(Document::of_profile(&profile(&recording, debug_files, None)));
    }
    let bytes = std::fs::read(path).map_err(Error::Io)?;
    dhat_file::read(&bytes).map_err(Error::Dhat)
}

/// Reads the recording in `file`, which is at `path`. If no end was written but its process is gone,
/// the recording says so.
pub(crate) fn read_recording(path: &Path, file: &RecordingFile) -> Result<Recording, file::Error> {
    let mut recording = file.read()?;
    // A recording whose name has changed meanwhile is that of a child that has just begun.
    let is_gone = path.exists() && !is_running(recording.pid, path);
    if recording.ending == Ending::Open && is_gone {
        recording.ending = Ending::Gone;
    }
    Ok(recording)
}

/// Names the stacks of `recording`, and shows progress. `names`: the names that are known already.
pub(crate) fn profile(
    recording: &Recording,
    debug_files: &DebugFiles,
    names: Option<SiteNames>,
) -> Profile {
    let progress = Progress::new(format!(
        "resolving {} frames in {} files",
        recording.frames.len(),
        recording.modules.len()
    ));
    let profile = match names {
        Some(names) => names.into_profile(recording),
        None => Profile::from_recording(recording, &debug_files.options()),
    };
    drop(progress);
    profile
}
