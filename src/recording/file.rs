//! Recordings in files: what a process under `mod-alloc run` or with `MOD_ALLOC_RECORD` leaves behind,
//! however it ended, and what another process may read while it runs.

use std::fmt;
use std::io;
use std::path::Path;

use crate::recording::model::Recording;

/// A recording in a file.
#[derive(Debug)]
pub struct RecordingFile {}

/// Why a file cannot be read as a recording.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be opened or read.
    Io(io::Error),
    /// It does not begin as recordings do.
    NotARecording,
    /// It was made on a machine of the other byte order.
    OtherByteOrder,
    /// It was made by a newer version.
    Version {
        /// What the file says.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Its header contradicts itself.
    Damaged(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => error.fmt(f),
            Error::NotARecording => f.write_str("not a recording of mod-alloc"),
            Error::OtherByteOrder => f.write_str("recorded on a machine of the other byte order"),
            Error::Version { found, known } => write!(
                f,
                "format version {found}, and this mod-alloc knows versions up to {known}: update it"
            ),
            Error::Damaged(what) => write!(f, "a damaged recording: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Io(error)
    }
}

impl RecordingFile {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is not a recording that is known here.
    pub fn open(_path: &Path) -> Result<Self, Error> {
        Err(Error::NotARecording)
    }

    /// Whether a file begins as recordings do.
    #[must_use]
    pub fn is_one(_path: &Path) -> bool {
        false
    }

    /// Reads what is recorded at this moment. The process may be running: what it has not finished
    /// entering is left out.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read(&self) -> Result<Recording, Error> {
        Err(Error::NotARecording)
    }

    /// Writes into the recording that its process has ended just now. For who has waited for that
    /// process; does nothing if the end was written already.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn mark_ended(&self) -> Result<(), Error> {
        Ok(())
    }
}
