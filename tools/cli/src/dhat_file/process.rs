//! Facts of processes besides their stacks.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
    pub(super) fn add(&mut self, other: &Group) {
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
    /// The allocator that its executable brings along: blocks that it allocates from that directly
    /// are not in the report. `None`: it brings none, or nothing is said of it.
    #[serde(default)]
    pub own_allocator: Option<String>,
}

/// The executable among the paths of a process's modules: the first that is no shared library.
pub(crate) fn executable<'p>(mut modules: impl Iterator<Item = &'p Path>) -> Option<&'p Path> {
    modules.find(|path| {
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        !name.is_empty() && !name.windows(3).any(|part| part == b".so")
    })
}
