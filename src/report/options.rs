//! How a profile is made.

use std::path::PathBuf;
use std::vec::Vec;

use crate::symbolize::{Fetch, SymbolCache};

/// How a profile is made of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Leave out the profiler's and the allocator's own frames, and all frames outward of `main`
    /// or of a thread's closure. Default: yes.
    pub trim: bool,
    /// Directories with debug files, searched before `/usr/lib/debug`. Default: none.
    pub debug_dirs: Vec<PathBuf>,
    /// Asked for debug files that are not on this machine. Default: nobody.
    pub fetch: Option<Fetch>,
    /// Keeps what debug files say, from one process to the next. Default: none.
    pub cache: Option<SymbolCache>,
    /// The most frames kept of a stack, the innermost; functions inlined into them are not counted,
    /// those that trimming takes away are. Default: all that were recorded.
    pub max_frames: Option<usize>,
    /// Whose reports this one reads like. Default: this crate's.
    pub form: Form,
}

/// Whose reports a report reads like, and what it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// This crate's.
    #[default]
    Own,
    /// dhat-rs's of the heap: its text for a frame, and its idea of where a stack begins.
    DhatHeap,
    /// dhat-rs's of events: blocks are events, bytes are units, and there is nothing else.
    DhatAdHoc,
    /// mod-alloc 1.0's: what says that there are no lifetimes and no times.
    Version1,
}

impl Form {
    /// Frames are written as dhat-rs writes them.
    pub(super) fn has_dhat_frames(self) -> bool {
        matches!(self, Self::DhatHeap | Self::DhatAdHoc)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trim: true,
            debug_dirs: Vec::new(),
            fetch: None,
            cache: None,
            max_frames: None,
            form: Form::Own,
        }
    }
}
