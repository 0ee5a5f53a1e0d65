//! The report as data, read from any dhat JSON (ours, dhat-rs's, Valgrind's in all its modes) or
//! made of a profile. What reads a [`Document`] cannot tell which it was, so that `report` works
//! alike on all of them.
//!
//! Nothing in a file is believed: a number or a text of the wrong kind, a frame that is not there
//! or a missing key is an error that names it, and sums that would be too large stay at the
//! largest number.

mod frame;
mod heap_states;
mod merge;
mod of_profile;
mod wire;
mod write;

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use mod_alloc::recording::model::{HeapStates, Losses};

pub use frame::{Frame, Location};
pub use merge::{Merger, merge};
pub use write::write;

/// A report: stacks with numbers, and what is said of the process.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// What kind of profile it is, in the words of who wrote it: `rust-heap`, `heap`, `copy`, …
    pub mode: String,
    /// What happened at the stacks: `Allocated`, `Copied`, `Occurred`.
    pub verb: String,
    /// What is counted, if it is not bytes in blocks.
    pub units: Option<Units>,
    /// What times are counted in: `µs`, `instrs`.
    pub time_unit: String,
    /// What a million of those is called: `s`, `Minstr`.
    pub mega_time_unit: String,
    /// Mean lifetimes below this count as short, in `time_unit`. `None`: nothing is known of frees,
    /// and of each stack's numbers only the totals mean anything.
    pub short_lifetime: Option<u64>,
    /// The command line.
    pub command: String,
    /// Process id.
    pub pid: u64,
    /// When it ended, in `time_unit` since the start; 0 if time was not measured.
    pub end: u64,
    /// When the heap was at its peak, in `time_unit` since the start.
    pub peak: Option<u64>,
    /// The stacks.
    pub sites: Vec<Site>,
    /// The frames' texts, each once; entry 0 is the root, which no stack needs.
    pub frames: Vec<String>,
    /// What only mod-alloc's own reports say.
    pub extras: Extras,
}

/// What only mod-alloc's own reports say (keys that begin with `x_`).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Extras {
    /// Version of mod-alloc that wrote it; `None`: somebody else did.
    pub version: Option<String>,
    /// Path of the executable.
    pub executable: Option<String>,
    /// Whether peaks are exact; `None` if nothing is said of it.
    pub peak_is_exact: Option<bool>,
    /// Frames kept of a stack.
    pub frame_limit: Option<u32>,
    /// What was not recorded in full, by cause; `None` if nothing is said of it.
    pub losses: Option<Losses>,
    /// Captures that were taken both ways and how many of them differed, if the process checked itself.
    pub self_check: Option<(u64, u64)>,
    /// How many threads allocated.
    pub threads: Option<u64>,
    /// Groups of allocations, in the order in which the program registered them.
    pub groups: Vec<Group>,
    /// What the allocator held near the peak and at the end; `None` if nothing is said of it, and of several
    /// processes together.
    pub heap_states: Option<HeapStates>,
    /// The processes whose reports were added up to this one; empty if it is of one process.
    pub processes: Vec<Process>,
}

/// A group of allocations that the program has named.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Blocks ever allocated.
    pub total_blocks: u64,
    /// Bytes ever allocated.
    pub total_bytes: u64,
    /// Blocks live at the end.
    pub live_blocks: u64,
    /// Bytes live at the end.
    pub live_bytes: u64,
    /// The most bytes live at once; of several processes, no more than that.
    pub peak_bytes: u64,
}

impl Group {
    /// Adds another one's numbers, up to the largest number there is.
    fn add(&mut self, other: &Group) {
        let Group { name: _, total_blocks, total_bytes, live_blocks, live_bytes, peak_bytes } =
            self;
        let sums = [total_blocks, total_bytes, live_blocks, live_bytes, peak_bytes];
        let more = [other.total_blocks, other.total_bytes, other.live_blocks, other.live_bytes];
        for (sum, more) in sums.into_iter().zip(more.into_iter().chain([other.peak_bytes])) {
            *sum = sum.saturating_add(more);
        }
    }
}

/// One of the processes that a merged report is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Process {
    /// Process id.
    pub pid: u64,
    /// The command line.
    #[serde(rename = "cmd")]
    pub command: String,
    /// When it ended, in the report's unit of time since its own start.
    pub end: u64,
    /// Bytes ever allocated.
    pub total_bytes: u64,
    /// Blocks ever allocated.
    pub total_blocks: u64,
    /// Bytes live at its own heap's peak.
    pub peak_bytes: u64,
    /// Bytes live at its end.
    pub end_bytes: u64,
}

/// What is counted where it is not bytes in blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Units {
    /// One of what the numbers `tb` count: `unit`.
    pub one: String,
    /// Several of them: `units`.
    pub many: String,
    /// Several of what the numbers `tbk` count: `events`.
    pub blocks: String,
}

/// A stack with its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The numbers.
    pub numbers: Numbers,
    /// Indices into [`Document::frames`], innermost first; all of them are in range.
    pub stack: Vec<u32>,
    /// How many recorded stacks were added up to this one; more than 1: its maxima are upper bounds.
    pub merged: u64,
}

/// dhat's nine numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Bytes ever allocated (`tb`).
    pub total_bytes: u64,
    /// Blocks ever allocated (`tbk`).
    pub total_blocks: u64,
    /// Sum of the blocks' lifetimes in the document's unit of time (`tl`).
    pub lifetimes: u64,
    /// The most bytes live at once (`mb`).
    pub max_bytes: u64,
    /// Live blocks at that moment (`mbk`).
    pub max_blocks: u64,
    /// Bytes live when the whole heap peaked (`gb`).
    pub peak_bytes: u64,
    /// Blocks live when the whole heap peaked (`gbk`).
    pub peak_blocks: u64,
    /// Bytes live at the end (`eb`).
    pub end_bytes: u64,
    /// Blocks live at the end (`ebk`).
    pub end_blocks: u64,
}

impl Numbers {
    /// Adds `other`, up to the largest number there is.
    pub fn add(&mut self, other: &Numbers) {
        for (sum, more) in self.all_mut().into_iter().zip(other.all()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Mean lifetime of a block, in the document's unit of time; `None` without blocks.
    #[must_use]
    pub fn mean_lifetime(&self) -> Option<f64> {
        (self.total_blocks > 0).then(|| self.lifetimes as f64 / self.total_blocks as f64)
    }

    /// All nine, in the order of [`mod_alloc::report::wire::KEYS`].
    fn all(&self) -> [u64; 9] {
        let mut copy = *self;
        copy.all_mut().map(|number| *number)
    }

    fn all_mut(&mut self) -> [&mut u64; 9] {
        let Numbers {
            total_bytes,
            total_blocks,
            lifetimes,
            max_bytes,
            max_blocks,
            peak_bytes,
            peak_blocks,
            end_bytes,
            end_blocks,
        } = self;
        [
            total_bytes,
            total_blocks,
            lifetimes,
            max_bytes,
            max_blocks,
            peak_bytes,
            peak_blocks,
            end_bytes,
            end_blocks,
        ]
    }
}

/// The executable among the paths of a process's modules: the first that is no shared library.
pub(crate) fn executable<'p>(mut modules: impl Iterator<Item = &'p Path>) -> Option<&'p Path> {
    modules.find(|path| {
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        !name.is_empty() && !name.windows(3).any(|part| part == b".so")
    })
}

impl Document {
    /// The sums over all stacks. The two maxima are sums of maxima reached at different times.
    #[must_use]
    pub fn totals(&self) -> Numbers {
        let mut sum = Numbers::default();
        for site in &self.sites {
            sum.add(&site.numbers);
        }
        sum
    }

    /// The frames of `site`, innermost first.
    pub fn stack<'d>(&'d self, site: &'d Site) -> impl DoubleEndedIterator<Item = &'d str> {
        site.stack.iter().filter_map(|&index| self.frames.get(index as usize).map(String::as_str))
    }

    /// Whether anything is known of frees: lifetimes, peaks and what is live at the end.
    #[must_use]
    pub fn knows_frees(&self) -> bool {
        self.short_lifetime.is_some()
    }

    /// How many µs one of `time_unit` is; `None` if that is no unit of time.
    #[must_use]
    pub fn micros(&self) -> Option<f64> {
        match self.time_unit.as_str() {
            "ns" => Some(0.001),
            // The micro sign and the Greek letter look alike.
            "µs" | "μs" | "us" => Some(1.0),
            "ms" => Some(1000.0),
            "s" => Some(1e6),
            _ => None,
        }
    }
}

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
        /// Which of the stacks, counted from 0.
        point: usize,
        /// The index it gives.
        index: u64,
        /// How many frames there are.
        frames: usize,
    },
    /// A number is missing that the file says it has.
    MissingNumber {
        /// Which of the stacks, counted from 0; `None`: the document itself.
        point: Option<usize>,
        /// Its key.
        key: &'static str,
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

/// Reads a dhat JSON file.
///
/// # Errors
///
/// If it is not one, or not a sound one.
pub fn read(bytes: &[u8]) -> Result<Document, Error> {
    wire::read(bytes)
}

#[cfg(test)]
mod tests;
