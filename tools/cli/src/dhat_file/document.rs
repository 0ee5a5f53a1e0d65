//! The report as data.

use std::path::Path;

use mod_alloc::recording::model::{
    HeapStates, Histograms, Losses, Module, Moments, SiteMoment, Thread, Timeline,
};
use mod_alloc::report::wire::Ending;
use mod_alloc::report::{Circumstances, Coverage, CutStacks, Mappings};

use super::numbers::Numbers;
use super::process::{Group, Process};

/// A report: stacks with numbers, and what is said of the process.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// The kind of profile, in the writer's words: `rust-heap`, `heap`, `copy`, …
    pub mode: String,
    /// The event that happened at the stacks: `Allocated`, `Copied`, `Occurred`.
    pub verb: String,
    /// The units counted, if they are not bytes in blocks.
    pub units: Option<Units>,
    /// The unit of times: `µs`, `instrs`.
    pub time_unit: String,
    /// The name of a million of those: `s`, `Minstr`.
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
    /// Facts that only mod-alloc's own reports have.
    pub extras: Extras,
}

/// Facts that only mod-alloc's own reports have (keys that begin with `x_`).
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Extras {
    /// Version of mod-alloc that wrote it; `None`: another program did.
    pub version: Option<String>,
    /// Path of the executable.
    pub executable: Option<String>,
    /// True if peaks are exact; `None` if nothing is said of it.
    pub peak_is_exact: Option<bool>,
    /// Frames kept of a stack.
    pub frame_limit: Option<u32>,
    /// The size of the call-site table, if it does not grow, and the way in which stacks were
    /// walked; `None` if nothing is said of both.
    pub recorder: Option<(Option<u32>, String)>,
    /// Where stacks were cut short; empty if nothing is said of it, and of several processes
    /// together.
    pub cut_stacks: Vec<CutStacks>,
    /// The end of the process; `None` if nothing is said of it, and of several processes together.
    pub ending: Option<Ending>,
    /// Losses, by cause; `None` if nothing is said of it.
    pub losses: Option<Losses>,
    /// Captures that were taken both ways and how many of them differed, if the process checked
    /// itself.
    pub self_check: Option<(u64, u64)>,
    /// The modules of the process, in which addresses of frames are; `generations` is not in a
    /// file.
    pub modules: Vec<Module>,
    /// The most threads that allocated at a time: a slot is used again when its thread has ended.
    pub threads: Option<u64>,
    /// Those threads, of one process after another.
    pub thread_list: Vec<Thread>,
    /// Groups of allocations, in the order in which the program registered them.
    pub groups: Vec<Group>,
    /// The allocator's state near the peak and at the end; `None` if nothing is said of it, and
    /// of several processes together.
    pub heap_states: Option<HeapStates>,
    /// The processes whose reports were added up to this one; empty if it is of one process.
    pub processes: Vec<Process>,
    /// The heap over time; `None` if nothing is said of it, and of several processes together,
    /// which have no clock in common.
    pub timeline: Option<Timeline>,
    /// The moments of which stacks have numbers, which are in [`Site::moments`]; `None` as above.
    pub moments: Option<Moments>,
    /// Distributions of sizes and lifetimes; `None` if nothing is said of them.
    pub histograms: Option<Histograms>,
    /// Memory of the process beside what was recorded; the sums, for several processes together.
    /// `None` if nothing is said of it.
    pub coverage: Option<Coverage>,
    /// Mappings that the program made itself; `None` if nothing is said of them, and of several
    /// processes together.
    pub mappings: Option<Mappings>,
    /// Settings of the builds that would make the report better, each with the reason.
    pub advice: Vec<String>,
    /// The sampling of blocks (`x_sampling`), as it is written. Of several processes together: the
    /// longest mean gap, and the sums of exact numbers.
    pub sampling: Option<serde_json::Value>,
}

impl Extras {
    /// All threads that allocated, those that had ended before others began included; `None` if
    /// nothing is said of threads.
    #[must_use]
    pub fn threads_ever(&self) -> Option<u64> {
        self.threads?;
        let counts = self.thread_list.iter().map(|thread| thread.threads);
        Some(counts.fold(0, u64::saturating_add))
    }

    /// Facts that the words on losses depend on.
    #[must_use]
    pub fn circumstances(&self) -> Circumstances<'_> {
        let mut at = Circumstances::default();
        at.frames = self.frame_limit.unwrap_or(0);
        if let Some((buckets, unwind)) = &self.recorder {
            (at.buckets, at.unwind) = (*buckets, unwind);
        }
        at.cut_stacks = &self.cut_stacks;
        at
    }
}

/// The units of numbers that are not bytes in blocks.
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
    /// Recorded stacks that were added up to this one; more than 1: its maxima are upper
    /// bounds.
    pub merged: u64,
    /// Numbers at moments of the run, where they changed; empty if none were taken.
    pub moments: Vec<SiteMoment>,
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

    /// The program's path, or what there is to call it by; empty if nothing is said of it.
    #[must_use]
    pub(crate) fn program(&self) -> &str {
        let word = self.command.split_whitespace().next();
        self.extras.executable.as_deref().or(word).unwrap_or_default()
    }

    /// The name of the program's file.
    #[must_use]
    pub(crate) fn program_name(&self) -> Option<String> {
        Path::new(self.program()).file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// The frames of `site`, innermost first.
    pub fn stack<'d>(&'d self, site: &'d Site) -> impl DoubleEndedIterator<Item = &'d str> {
        site.stack.iter().filter_map(|&index| self.frames.get(index as usize).map(String::as_str))
    }

    /// True if bytes of blocks that were allocated are counted, and nothing else.
    #[must_use]
    pub fn is_of_allocations(&self) -> bool {
        self.units.is_none() && !["Copied", "Occurred"].contains(&self.verb.as_str())
    }

    /// True if anything is known of frees: lifetimes, peaks and what is live at the end.
    #[must_use]
    pub fn knows_frees(&self) -> bool {
        self.short_lifetime.is_some()
    }

    /// True if a stack with these numbers has short-lived blocks.
    #[must_use]
    pub fn is_short_lived(&self, numbers: &Numbers) -> bool {
        let mean = numbers.mean_lifetime();
        mean.zip(self.short_lifetime).is_some_and(|(mean, short)| mean <= short as f64)
    }

    /// Microseconds in one `time_unit`; `None` if that is no unit of time.
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
