//! Reports: named stacks with numbers, for people and viewers.
//!
//! ```text
//!  Recording ─▶ symbolize ─▶ trim ─▶ merge ─▶ Profile ─▶ dhat (JSON), summary (text)
//! ```
//!
//! A [`Profile`] is made once and read by every output, so that all of them show the
//! same stacks and the same sums.
//!
//! ```
//! use mod_alloc::recording::model::Recording;
//! use mod_alloc::report::{Options, Profile};
//!
//! let recording = Recording::default(); // or from `recording::file`
//! let profile = Profile::from_recording(&recording, &Options::default());
//! for stack in profile.stacks() {
//!     println!("{} bytes", stack.counters().total_bytes);
//!     for frame in stack.frames() {
//!         println!("    {frame}");
//!     }
//! }
//! assert_eq!(profile.totals().total_blocks, 0);
//! ```

#[cfg(feature = "dhat-compat")]
pub mod dhat;
mod frames;
#[cfg(feature = "dhat-compat")]
mod heap_states;
mod kind;
mod merge;
mod naming;
mod paths;
mod site_names;
pub mod summary;
mod trim;

use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;

use crate::recording::model::{
    Counters, Group, HeapStates, Losses, Module, Recording, SelfCheck, Settings, Thread,
};

use frames::FrameTable;
use merge::Stacks;

pub use frames::FrameRef;
#[cfg(feature = "dhat-compat")]
pub(crate) use merge::add;
pub use site_names::SiteNames;

/// How a profile is made of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whether to leave out the profiler's and the allocator's own frames and what lies
    /// outward of `main` or of a thread's closure. Default: yes.
    pub trim: bool,
    /// Directories with debug files, searched before `/usr/lib/debug`. Default: none.
    pub debug_dirs: Vec<PathBuf>,
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
    /// Whether frames are written as dhat-rs writes them.
    fn has_dhat_frames(self) -> bool {
        matches!(self, Self::DhatHeap | Self::DhatAdHoc)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { trim: true, debug_dirs: Vec::new(), max_frames: None, form: Form::Own }
    }
}

/// What is said about the process as a whole.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Run {
    /// Process id.
    pub pid: u32,
    /// The command line.
    pub command: String,
    /// Path of the executable.
    pub executable: PathBuf,
    /// Microseconds from the start of recording to its end; at least 1.
    pub end_micros: u64,
    /// Microseconds from the start of recording to the heap's peak; at most `end_micros`.
    pub peak_micros: u64,
    /// The settings the process ran under.
    pub settings: Settings,
    /// Objects the process had mapped.
    pub modules: Vec<Module>,
    /// Threads that allocated.
    pub threads: Vec<Thread>,
    /// Groups that have a name, in the order in which they were registered.
    pub groups: Vec<Group>,
    /// What was not recorded in full, by cause.
    pub losses: Losses,
    /// Captures taken both ways, if the process checked itself.
    pub self_check: Option<SelfCheck>,
    /// The allocator's state near the peak and at the end.
    pub heap_states: HeapStates,
}

impl Run {
    fn of(recording: &Recording) -> Self {
        let end_micros = recording.end_micros.max(1);
        Self {
            pid: recording.pid,
            command: recording.command.clone(),
            executable: recording.executable.clone(),
            end_micros,
            peak_micros: recording.peak_micros.min(end_micros),
            settings: recording.settings.clone(),
            modules: recording.modules.clone(),
            threads: recording.threads.clone(),
            groups: recording.groups.iter().filter(|g| !g.name.is_empty()).cloned().collect(),
            losses: recording.losses,
            self_check: recording.self_check,
            heap_states: recording.heap_states,
        }
    }
}

/// Named stacks with numbers. No two stacks are equal.
#[derive(Debug)]
pub struct Profile {
    form: Form,
    run: Run,
    frames: FrameTable,
    stacks: Stacks,
}

impl Profile {
    /// Names, trims and merges the stacks of `recording`. What cannot be named keeps its
    /// module and address; nothing in a recording makes this fail.
    pub fn from_recording(recording: &Recording, options: &Options) -> Self {
        let (frames, stacks) = naming::named_stacks(recording, options);
        Self { form: options.form, run: Run::of(recording), frames, stacks }
    }

    /// Whose reports this one reads like.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What is said about the process as a whole.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The stacks, in the order in which their first site was recorded.
    pub fn stacks(&self) -> impl ExactSizeIterator<Item = StackRef<'_>> {
        (0..self.stacks.len()).map(move |index| StackRef { profile: self, index })
    }

    /// Every distinct frame, in the order of the ids in [`StackRef::frame_ids`].
    pub fn frames(&self) -> impl ExactSizeIterator<Item = FrameRef<'_>> {
        (0..self.frames.len()).map(move |index| self.frame_at(index))
    }

    /// The frame with id `id`; `None` if there is none.
    pub fn frame(&self, id: u32) -> Option<FrameRef<'_>> {
        ((id as usize) < self.frames.len()).then(|| self.frame_at(id as usize))
    }

    /// The sums over all stacks: what a viewer of the report arrives at. The two maxima are
    /// sums of maxima reached at different times, an upper bound without further meaning.
    pub fn totals(&self) -> Counters {
        let mut sum = Counters::default();
        for stack in self.stacks() {
            merge::add(&mut sum, stack.counters());
        }
        sum
    }

    fn frame_at(&self, index: usize) -> FrameRef<'_> {
        FrameRef::new(&self.frames, &self.run.modules, index)
    }
}

/// One stack of a [`Profile`].
#[derive(Debug, Clone, Copy)]
pub struct StackRef<'p> {
    profile: &'p Profile,
    index: usize,
}

impl<'p> StackRef<'p> {
    /// The stack's numbers. If sites were merged into it, its `max_bytes` and `max_blocks`
    /// are an upper bound: the sum of maxima that the sites reached at different times.
    pub fn counters(&self) -> &'p Counters {
        self.profile.stacks.counters(self.index)
    }

    /// How many recorded sites became this stack; 1 unless naming and trimming made
    /// several equal.
    pub fn sites(&self) -> u32 {
        self.profile.stacks.sites(self.index)
    }

    /// Ids of the frames, innermost first; see [`Profile::frame`].
    pub fn frame_ids(&self) -> &'p [u32] {
        self.profile.stacks.frame_ids(self.index)
    }

    /// The frames, innermost first.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = FrameRef<'p>> + use<'p> {
        let profile = self.profile;
        self.frame_ids().iter().filter_map(move |&id| profile.frame(id))
    }
}
