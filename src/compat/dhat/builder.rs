//! The builder of profilers.

use std::path::{Path, PathBuf};

use super::{Mode, Profiler};

/// Settings of a [`Profiler`].
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) testing: bool,
    pub(super) file_name: Option<PathBuf>,
    pub(super) trim_backtraces: Option<usize>,
    pub(super) eprint_json: bool,
}

/// Makes a [`Profiler`] with other settings than the default ones; see [`Profiler::builder`].
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// # let folder = std::env::temp_dir();
/// # let path = folder.join(format!("mod-alloc-builder-{}.json", std::process::id()));
/// let profiler = dhat::Profiler::builder().file_name(&path).trim_backtraces(None).build();
/// // …
/// drop(profiler); // the report is at `path`
/// # std::fs::remove_file(&path).unwrap();
/// ```
#[derive(Debug)]
pub struct ProfilerBuilder {
    settings: Settings,
}

impl ProfilerBuilder {
    pub(super) fn new() -> Self {
        let settings = Settings {
            mode: Mode::Heap,
            testing: false,
            file_name: None,
            trim_backtraces: Some(10),
            eprint_json: false,
        };
        Self { settings }
    }

    /// Counts calls of [`ad_hoc_event`](super::ad_hoc_event), and no allocations.
    pub fn ad_hoc(mut self) -> Self {
        self.settings.mode = Mode::AdHoc;
        self
    }

    /// Allows [`assert!`](super::assert), [`assert_eq!`](super::assert_eq) and
    /// [`assert_ne!`](super::assert_ne). A report is written only if one of them fails.
    pub fn testing(mut self) -> Self {
        self.settings.testing = true;
        self
    }

    /// The report's path, instead of `dhat-heap.json` or `dhat-ad-hoc.json`. It is looked up when
    /// the report is written.
    pub fn file_name<P: AsRef<Path>>(mut self, file_name: P) -> Self {
        self.settings.file_name = Some(file_name.as_ref().to_path_buf());
        self
    }

    /// The number of frames that the report shows of a stack; the default is 10.
    ///
    /// - `Some(n)`: the innermost `n` frames, at least 4, without uninteresting ones: the
    ///   allocator's, and those outward of `main`. Functions that were inlined into others are
    ///   shown and not counted.
    /// - `Some(usize::MAX)`: all frames but the uninteresting ones.
    /// - `None`: all frames.
    ///
    /// Stacks are always recorded as deep as `MOD_ALLOC_FRAMES` says, so this costs the program
    /// nothing.
    pub fn trim_backtraces(mut self, max_frames: Option<usize>) -> Self {
        self.settings.trim_backtraces = max_frames.map(|max| max.max(4));
        self
    }

    #[doc(hidden)]
    pub fn eprint_json(mut self) -> Self {
        self.settings.eprint_json = true;
        self
    }

    /// Begins profiling.
    ///
    /// # Panics
    ///
    /// If there is a [`Profiler`] already (not so with the feature `compat-1-0`).
    pub fn build(self) -> Profiler {
        Profiler::begin(self.settings)
    }
}
