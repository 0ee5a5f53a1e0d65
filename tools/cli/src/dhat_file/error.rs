//! The reasons why a file is no dhat report.

use std::fmt;

/// Why a file cannot be read as a dhat report.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It is no JSON, or a key is missing or of the wrong kind.
    Json(serde_json::Error),
    /// JSON of something else.
    NotDhat,
    /// Another version of the format.
    Version(u64),
    /// A stack names a frame that is not there.
    NoSuchFrame {
        /// The number of the stack, counted from 0.
        point: usize,
        /// The index it gives.
        index: u64,
        /// The number of frames.
        frames: usize,
    },
    /// A number is missing that the file says it has.
    MissingNumber {
        /// The number of the stack, counted from 0; `None`: the document itself.
        point: Option<usize>,
        /// Its key.
        key: &'static str,
    },
    /// A stack's moments do not ascend, or one is not among the report's.
    Moments {
        /// The number of the stack, counted from 0.
        point: usize,
        /// The number of moments in the report.
        moments: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Json(error) if error.is_data() => write!(f, "not a sound dhat report: {error}"),
            Error::Json(error) => write!(f, "not JSON, or not all of it: {error}"),
            Error::NotDhat => f.write_str(
                "not a dhat report: it has no dhatFileVersion \
                 (mod-alloc, dhat-rs and valgrind --tool=dhat write such files)",
            ),
            Error::Version(version) => write!(
                f,
                "dhat file version {version}; only version 2 is known \
                 (Valgrind 3.17 and later, dhat-rs and mod-alloc write it)"
            ),
            Error::NoSuchFrame { point, index, frames } => write!(
                f,
                "not a sound dhat report: pps[{point}] names frame {index}, \
                 and ftbl has {frames} frames"
            ),
            Error::MissingNumber { point: Some(point), key } => {
                write!(f, "not a sound dhat report: `{key}` is missing in pps[{point}]")
            }
            Error::MissingNumber { point: None, key } => {
                write!(f, "not a sound dhat report: `{key}` is missing")
            }
            Error::Moments { point, moments } => write!(
                f,
                "not a sound dhat report: x_moments of pps[{point}] do not ascend within the \
                 {moments} moments of the report"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Json(error) => Some(error),
            _ => None,
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::Json(error)
    }
}
