//! A recording as plain data, made by the reader for symbolization and reports.
//!
//! Addresses here are *loaded* addresses (as the process saw them). A module's
//! `bias` turns one into the address the file was linked with: `linked = loaded - bias`.

use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;

pub use crate::recording::anonymous::Anonymous;
pub use crate::recording::heap_moment::{HeapMoment, HeapStates};
pub use crate::recording::losses::{Loss, Losses};
pub use crate::recording::sampling::Sampling;
pub use crate::recording::timeline::{Histogram, Histograms, Moments, SiteMoment, Timeline};
pub use crate::store::kinds::{Kind as MappingKind, Why};

/// Everything one process recorded, read at one moment.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Recording {
    /// Process id.
    pub pid: u32,
    /// The command line, arguments joined by one space, invalid UTF-8 replaced.
    pub command: String,
    /// Path of the executable as the kernel names it.
    pub executable: PathBuf,
    /// Microseconds from the start of recording to this reading; at least 1.
    pub end_micros: u64,
    /// Microseconds from the start of recording to the latest of equal heap peaks.
    pub peak_micros: u64,
    /// The settings the process ran under.
    pub settings: Settings,
    /// Objects the process had mapped while it recorded, in the order they were first seen.
    pub modules: Vec<Module>,
    /// Frames as parent-linked nodes; a stack is named by its innermost node.
    /// The first [`ROOTS`] entries are the roots of the stacks, not frames.
    pub frames: Vec<Frame>,
    /// Call sites in the order they were first seen. Two sites never have the same stack.
    pub sites: Vec<Site>,
    /// Threads that allocated.
    pub threads: Vec<Thread>,
    /// Figures of all that was not recorded in full, by cause.
    pub losses: Losses,
    /// Allocations that were counted together: a program's groups, or the tests of a test program.
    /// One without a name is internal.
    pub groups: Vec<Group>,
    /// How the recording ended.
    pub ending: Ending,
    /// The status that the process's parent learnt when it waited; `None`: not known.
    pub status: Option<Status>,
    /// True if the process is a forked child, which began with its parent's numbers. An older
    /// recording does not tell.
    pub is_fork: bool,
    /// True if a report was made of it after its end.
    pub is_reported: bool,
    /// Programs that the process executed or started and that are not recorded.
    pub unrecorded: Unrecorded,
    /// Captures taken both ways, with `MOD_ALLOC_SELF_CHECK=on`, and how many of them differed.
    pub self_check: Option<SelfCheck>,
    /// The allocator's state near the peak and at the end.
    pub heap_states: HeapStates,
    /// The most anonymous memory that the process was seen to have.
    pub anonymous: Anonymous,
    /// The heap over time; `None` if no samples were taken.
    pub timeline: Option<Timeline>,
    /// The sites' numbers at moments of the run; default if none were taken down.
    pub moments: Moments,
    /// Distributions of sizes and lifetimes; `None` if none were made.
    pub histograms: Option<Histograms>,
    /// Mappings that the program made itself; `None` if they were not recorded.
    pub mappings: Option<Mappings>,
    /// The samples, whose estimates the sites and groups have; `None`: each block was recorded.
    pub sampling: Option<Sampling>,
}

/// Mappings that a program made itself, by `mmap` and its kin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mappings {
    /// All together.
    pub sums: MappingCounters,
    /// Microseconds from the start of recording to the moment when they had the most bytes.
    pub peak_micros: u64,
    /// Their call sites.
    pub sites: Vec<MappingSite>,
}

/// The mappings of a call site.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingSite {
    /// The innermost node of the call's stack.
    pub frame: u32,
    /// Their content.
    pub kind: MappingKind,
    /// Their numbers.
    pub counters: MappingCounters,
}

/// Numbers of mappings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingCounters {
    /// Calls that mapped memory.
    pub calls: u64,
    /// Bytes that they mapped, in whole pages.
    pub total_bytes: u64,
    /// Bytes that were mapped when all mappings together had the most.
    pub peak_bytes: u64,
    /// Bytes that are mapped at the end.
    pub end_bytes: u64,
}

impl Recording {
    /// Leaves out the sites that `is_kept` refuses, and their moments.
    #[cfg(feature = "symbolicate")]
    pub(crate) fn retain_sites(&mut self, is_kept: impl Fn(&Site) -> bool) {
        let mut kept = self.sites.iter().map(&is_kept).collect::<Vec<_>>().into_iter();
        self.moments.sites.retain(|_| kept.next().unwrap_or(false));
        self.sites.retain(is_kept);
    }

    /// All but the frames and what they are of: the sites, their moments, and the mappings.
    #[cfg(feature = "symbolicate")]
    pub(crate) fn without_stacks(&self) -> Self {
        Self {
            frames: Vec::new(),
            sites: Vec::new(),
            pid: self.pid,
            command: self.command.clone(),
            executable: self.executable.clone(),
            end_micros: self.end_micros,
            peak_micros: self.peak_micros,
            settings: self.settings.clone(),
            modules: self.modules.clone(),
            threads: self.threads.clone(),
            losses: self.losses,
            groups: self.groups.clone(),
            ending: self.ending,
            status: self.status,
            is_fork: self.is_fork,
            is_reported: self.is_reported,
            unrecorded: self.unrecorded.clone(),
            self_check: self.self_check,
            heap_states: self.heap_states,
            anonymous: self.anonymous,
            timeline: self.timeline.clone(),
            moments: self.moments.without_sites(),
            histograms: self.histograms.clone(),
            mappings: None,
            sampling: self.sampling,
        }
    }
}

/// Programs that a process executed in its own place, or in processes that it started, and that are
/// not recorded. All but forks are noted under `mod-alloc run` alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unrecorded {
    /// How many there were.
    pub count: u32,
    /// The name of the latest one's file, or its beginning. Empty: it was a forked child.
    pub name: String,
    /// Why the latest one is not recorded.
    pub why: Option<Why>,
}

/// How a recording ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// No end was written: the process is running, or was killed together with the process that
    /// waited for it. The last moment that is known stands for it.
    #[default]
    Open,
    /// The process ran its exit handlers.
    Exit,
    /// The process was gone when the process that waited for it looked: killed, `_exit`, or another
    /// program in its place.
    Gone,
}

/// The end of a process, as its parent learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

/// The allocations of a group: of the threads that entered it, or of a thread and of the threads
/// that it started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The group's name; or the thread's whole name as far as it could be found, else what the
    /// kernel keeps of it. May be followed by other text where the name has no end in memory.
    pub name: String,
    /// The first 15 bytes of the thread's name.
    pub thread_name: String,
    /// Blocks ever allocated.
    pub total_blocks: u64,
    /// Bytes ever allocated; a reallocation adds its whole new size.
    pub total_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
    /// Blocks live when the thread ended, or now if it has not.
    pub end_blocks: u64,
    /// Bytes live when the thread ended, or now if it has not.
    pub end_bytes: u64,
    /// The thread has ended.
    pub ended: bool,
}

/// The outcome of `MOD_ALLOC_SELF_CHECK=on`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SelfCheck {
    /// Captures that were also walked from scratch.
    pub checked: u64,
    /// Those whose two stacks differed; anything but 0 is a defect.
    pub differences: u64,
}

/// The number of entries at the head of [`Recording::frames`] that are roots.
pub const ROOTS: usize = 4;
/// Root of stacks walked to their end: `_start` or the thread's entry.
pub const ROOT_COMPLETE: u32 = 0;
/// Root of stacks deeper than the frame limit; the outermost frames are missing.
pub const ROOT_TRUNCATED: u32 = 1;
/// Root of stacks that ended early: no unwind information, or memory that was not the thread's
/// stack.
pub const ROOT_BROKEN: u32 = 2;
/// The one stack of events that found the call-site table full.
pub const ROOT_TABLE_FULL: u32 = 3;

/// One frame of a stack, shared by all stacks that have the same outer frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Frame {
    /// Index of the next outer frame in [`Recording::frames`]; below [`ROOTS`] at the outermost
    /// frame. Always smaller than the frame's own index.
    pub parent: u32,
    /// The load of the module list that this address belongs to; see [`Module::generations`].
    pub generation: u16,
    /// Loaded return address; look up `address - 1`. 0 for a root.
    pub address: u64,
    /// Not code: the frame stands for a group, entry `group - 1` of [`Recording::groups`]. 0: code.
    pub group: u32,
}

/// One call site: a stack that allocates, with its numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Site {
    /// Index of the stack's innermost frame in [`Recording::frames`], or a root.
    pub frame: u32,
    /// The numbers.
    pub counters: Counters,
}

/// dhat's nine numbers, in requested bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes ever allocated; a reallocation adds its whole new size (`tb`).
    pub total_bytes: u64,
    /// Blocks ever allocated; a reallocation adds one (`tbk`).
    pub total_blocks: u64,
    /// Sum of the blocks' lifetimes in microseconds, live ones up to the end (`tl`).
    pub lifetimes_micros: u64,
    /// The most bytes this site alone had live at once (`mb`).
    pub max_bytes: u64,
    /// Its live blocks at that moment (`mbk`).
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

/// An object file that was mapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Module {
    /// Path as the loader names it; the executable's path is resolved; `linux-vdso.so.1` has no
    /// file.
    pub path: PathBuf,
    /// First loaded address.
    pub start: u64,
    /// One past the last loaded address.
    pub end: u64,
    /// Loaded address minus linked address.
    pub bias: u64,
    /// GNU build id; empty if the object has none.
    pub build_id: Vec<u8>,
    /// Module-list generations in which this object was mapped: first and last, both included.
    pub generations: (u16, u16),
}

/// One slot of the thread registry. A slot is reused after its thread ended, so the
/// totals may belong to several threads one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// Kernel thread id of the latest thread in the slot.
    pub id: u32,
    /// Its name, at most 15 bytes as the kernel keeps it.
    pub name: String,
    /// The thread is still running.
    pub running: bool,
    /// Threads that have used the slot, one after another. Of the slot that threads without one
    /// share, those alone that never had one. Older recordings do not tell: 1.
    pub threads: u64,
    /// Bytes allocated by this slot's threads.
    pub total_bytes: u64,
    /// Blocks allocated by this slot's threads.
    pub total_blocks: u64,
    /// Bytes freed by this slot's threads; another thread may have allocated them.
    pub freed_bytes: u64,
    /// Blocks freed by this slot's threads; another thread may have allocated them.
    pub freed_blocks: u64,
}

/// The settings a process ran under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// `MOD_ALLOC_BUCKETS`; `None` when unset (the table grows).
    pub buckets: Option<u32>,
    /// `MOD_ALLOC_FRAMES`.
    pub frames: u32,
    /// `MOD_ALLOC_UNWIND`: `auto`, `fp` or `tables`.
    pub unwind: &'static str,
    /// True if peak, at-peak and per-site maximum are exact: one thread allocated, or
    /// `MOD_ALLOC_PEAK=exact`.
    pub peak_is_exact: bool,
}
