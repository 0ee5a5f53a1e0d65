//! The part of a recording that is missing.

use std::fmt;

use crate::base::units::Count;

/// The part of a recording that is not there although the rest of it says so: its file was cut, or
/// pages of it are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// Bytes behind the file's end.
    Bytes {
        /// Their number.
        missing: u64,
        /// The bytes that the recording uses.
        of: u64,
    },
    /// Things that other parts of the recording tell of.
    Things {
        /// Their number.
        missing: u64,
        /// Their name, in the plural.
        what: &'static str,
    },
    /// Blocks that the threads counted and no call site has.
    Blocks {
        /// Their number.
        missing: u64,
        /// The blocks that the threads counted.
        of: u64,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Missing::Bytes { missing, of } => {
                write!(f, "{} of the {} bytes that it uses are missing", Count(missing), Count(of))
            }
            Missing::Things { missing, what } => {
                write!(f, "{} {what} in it are missing", Count(missing))
            }
            Missing::Blocks { missing, of } => write!(
                f,
                "the numbers of {} of its {} blocks are missing",
                Count(missing),
                Count(of)
            ),
        }
    }
}
