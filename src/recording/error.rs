//! Why a file is not read as a recording.

use std::{fmt, io};

pub use crate::recording::missing::Missing;

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
        /// The file's version.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Its header contradicts itself.
    Damaged(&'static str),
    /// A part of it is missing, as in a copy that was cut.
    Incomplete(Missing),
    /// Its program ended before it began to record.
    NotBegun,
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
            Error::Incomplete(missing) => write!(
                f,
                "a damaged recording: {missing}. A copy has to be whole, holes included: \
                 cp --sparse=always"
            ),
            Error::NotBegun => f.write_str("its program ended before it began to record"),
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
