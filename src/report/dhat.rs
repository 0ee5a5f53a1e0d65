//! The profile as a dhat file, version 2, which `dh_view.html`, the Firefox Profiler and
//! other readers of dhat files open.
//!
//! | key | meaning | unit |
//! |---|---|---|
//! | `te` `tg` | end, heap's peak | µs since the start |
//! | `tb` `tbk` | ever allocated | bytes, blocks |
//! | `tl` | sum of the blocks' lifetimes | µs |
//! | `mb` `mbk` | this stack's own maximum | bytes, blocks |
//! | `gb` `gbk` | live when the heap peaked | bytes, blocks |
//! | `eb` `ebk` | live at the end | bytes, blocks |
//! | `fs` | indices into `ftbl`, innermost first | |
//!
//! Keys that begin with `x_` are mod-alloc's; readers ignore keys that they do not know. `buckets`
//! is null if the table grows.
//!
//! | key | meaning |
//! |---|---|
//! | `x_version` | version of this crate |
//! | `x_settings` | `peak` (`exact`; `bounded`: to 1 %), `frames`, `buckets`, `unwind` |
//! | `x_ending` | how the process [ended](self#the-end-of-the-process) |
//! | `x_losses` | figures of all that was not recorded in full, by cause |
//! | `x_self_check` | with `MOD_ALLOC_SELF_CHECK=on`: captures `checked`, and `differences` found |
//! | `x_heap_state` | allocator's [state](self#the-heaps-state) near the `peak` and at the `end` |
//! | `x_modules` | `path`, `build_id` (hexadecimal), `start`, `end`, `bias` of every module |
//! | `x_threads` | totals of a slot, `threads` that used it; `id`, `name`, `running` of the last |
//! | `x_groups` | if there are any: `name` and numbers of every group of allocations |
//! | `x_timeline` | the heap [over time](self#the-heap-over-time) |
//! | `x_moments` | moments at which the stacks' numbers were taken down |
//! | `x_histograms` | [distributions](self#distributions) of sizes and lifetimes |
//! | `x_sampling` | the mean gap of [samples](self#samples) and exact numbers of the heap |
//! | `x_coverage` | the process's memory [beside](self#memory-that-was-not-recorded) the blocks |
//! | `x_mappings` | memory that the program [mapped itself](self#mappings), by call site |
//! | `x_cut_stacks` | the [places](self#stacks-that-were-cut-short) where stacks were cut short |
//! | `x_advice` | sentences: settings of the build that would make the report better |
//! | `x_merged` | in a stack: this many sites became equal, so `mb` and `mbk` are upper bounds |
//!
//! # The end of the process
//!
//! `x_ending` has `how`; the others are there where they are known:
//!
//! | `how` | the process |
//! |---|---|
//! | `exit` | ran its exit handlers; `code`: the exit status |
//! | `signal` | was killed by a signal; `signal`: its number, `name`: `SIGKILL`, … |
//! | `gone` | ended without its exit handlers; `code`: the exit status |
//! | `running` | had not ended: the report is of a moment of the run |
//!
//! `text` says it in words. The report is complete in all cases, up to the last event of each
//! thread. A sum of several processes has no `x_ending`.
//!
//! # The heap's state
//!
//! `x_heap_state` has `peak_bytes` (live at the heap's peak), `peak` and `end`. Recordings of
//! earlier versions lack it. A moment of which nothing is known is null; others have:
//!
//! | key | meaning |
//! |---|---|
//! | `time` | µs since the start |
//! | `requested_bytes` | live bytes of the program |
//! | `profiler_bytes` | bytes that the profiler itself had of the same allocator |
//! | `allocator` | `jemalloc`, `mimalloc`, `glibc`, null |
//! | `allocated` … `arenas`, `held` | the allocator's figures, named as in [`HeapState`] |
//! | `process_resident`, `process_peak_resident`, `process_anonymous` | the process's memory |
//! | `fragmentation` | shares as in [`Fragmentation`], 0 to 1; the profiler's bytes are used ones |
//!
//! The state of the `peak` is taken down where the program frees. If the heap had 1/16 more live at
//! another moment, that moment came too soon after the last one (at most 1 % of the run time is
//! spent on states), or was in a signal's handler.
//!
//! # The heap over time
//!
//! `x_timeline` has lists of one length, an entry for each interval of the run; the last one is the
//! end itself, without length:
//!
//! | key | meaning | unit |
//! |---|---|---|
//! | `end_us` | the interval's end, ascending | µs since the start |
//! | `min_bytes` `max_bytes` | the least and the most live in the interval | bytes |
//! | `blocks` | live at the interval's end | blocks |
//! | `total_bytes` `total_blocks` | allocated until the interval's end | bytes, blocks |
//! | `resident_bytes` | the process's memory at the interval's end; null: not known | bytes |
//!
//! `x_moments` has `at_us`, ascending (µs since the start), and `thinned`, the number of moments
//! that were left out so that few enough are kept. `x_moments` of a stack is a list of
//! `[moment, total_bytes, total_blocks, live_bytes, live_blocks]`: an index into `at_us`,
//! ascending; bytes and blocks that the stack allocated from the start to that moment; and those
//! live then. Only moments at which these numbers differ from those of the moment before are there;
//! before the first, all are 0.
//!
//! # Distributions
//!
//! `x_histograms` has `sizes` (allocated blocks by their sizes in bytes) and `lifetimes` (freed
//! blocks by their lifetimes in µs), null where not known. Each has the lists `blocks` and `bytes`:
//! blocks, and their bytes. Entry 0 is of the value 0, entry N of the values from 2^(N-1) to
//! 2^N - 1.
//!
//! # Memory that was not recorded
//!
//! `x_coverage` compares blocks with the process's anonymous memory (of no file: heaps, stacks,
//! variables):
//!
//! | key | meaning |
//! |---|---|
//! | `peak_anonymous_bytes` | the most anonymous memory that the process was seen to have |
//! | `end_anonymous_bytes` | anonymous memory at the end; null: no end was written |
//! | `recorded_bytes` | live at the heap's peak, as requested |
//! | `allocator_bytes` | the most that the allocator was known to hold; null: not known |
//! | `profiler_bytes` | the profiler's own |
//! | `mapped_bytes` | the most that the program [mapped itself](self#mappings); null: not known |
//! | `unseen_bytes` | the rest, a lower bound; 0 within 8 MiB and a quarter of the others |
//! | `reasons` | sentences on the likely holders, with the way out |
//! | `not_recorded` | sentences on programs that followed and are in no report |
//!
//! # Mappings
//!
//! `x_mappings` is there with `mod-alloc run --mappings`, and has no part in the stacks' numbers:
//! `calls`, `total_bytes`, `peak_bytes`, `peak_us` (when all together had the most) and
//! `end_bytes`, and a list `sites`, each with the same but the time, a `stack` of texts, innermost
//! first, and a `kind`: `anonymous`, `file`, `reserved` (it could not be accessed at first) or
//! `break`. Bytes are whole pages. What `mremap` adds counts for the call site that mapped first.
//!
//! # Samples
//!
//! `x_sampling` is there where blocks were sampled (`MOD_ALLOC_SAMPLE`). Numbers of stacks and
//! groups are estimates then. It has the `mean_gap` between samples in bytes (where it
//! has changed the largest, and all `mean_gaps`), and the exact numbers
//! of the whole heap: `total_bytes`, `total_blocks`, `peak_bytes`, `end_bytes` and `end_blocks`.
//!
//! # Stacks that were cut short
//!
//! `x_cut_stacks` has an entry for each place where stacks end early, of most blocks first:
//! `module`, that of the outermost known frame (null: code made at run time); `has_tables`, true if
//! it has unwind tables; and the `blocks` of such stacks.
//!
//! [`HeapState`]: crate::recording::heap_state::HeapState
//! [`Fragmentation`]: crate::recording::heap_state::Fragmentation
//!
//! Addresses in frames are as linked, so that two runs can be compared whatever the
//! loader's random base was.

use std::fmt::{self, Display};
use std::io::{self, BufWriter, Write};

use serde::ser::Serialize;

use crate::recording::model::{Counters, Group, HeapStates, Moments, Settings};

use super::frame_ref::FrameRef;
use super::options::Form;
use super::profile::{Profile, StackRef};
use super::wire::{self, Extras, File, Head, Lines, Point, ROOT, SHORT_LIFETIME_MICROS, Source};

/// Writes `profile` to `out`, stack by stack: the text is never in memory as a whole. One line for
/// each stack and each frame, so that files can be compared line by line; the last one has no end.
/// The profile's [`Form`] decides whose reports it reads like.
///
/// # Errors
///
/// Those of `out`.
pub fn write(profile: &Profile, out: &mut dyn Write) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(64 * 1024, out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut buffered, Lines::default());
    File(profile).serialize(&mut serializer).map_err(io::Error::from)?;
    buffered.flush()
}

impl Source for Profile {
    fn head(&self) -> Head<'_> {
        let (run, form) = (self.run(), self.form());
        let is_heap = form != Form::DhatAdHoc;
        let has_times = form != Form::Version1;
        let time = |micros: u64| if has_times { micros } else { 0 };
        Head {
            mode: if is_heap { "rust-heap" } else { "rust-ad-hoc" },
            verb: "Allocated",
            has_lifetimes: is_heap && has_times,
            units: units(form),
            time_units: if has_times { ["µs", "s"] } else { ["instrs", "Minstr"] },
            short_lifetime: is_heap.then(|| time(SHORT_LIFETIME_MICROS)),
            command: &run.command,
            pid: run.pid.into(),
            end: time(run.end_micros),
            peak: is_heap.then(|| time(run.peak_micros)),
        }
    }

    fn extras(&self) -> Extras<'_> {
        let run = self.run();
        let has_times = self.form() != Form::Version1;
        Extras {
            version: Some(env!("CARGO_PKG_VERSION")),
            settings: Some(settings(&run.settings)),
            ending: Some(wire::Ending::of(run)),
            losses: Some(run.losses),
            self_check: run.self_check,
            heap_states: Some(run.heap_states).filter(HeapStates::is_known),
            threads: Some(&run.threads),
            groups: run.groups.iter().map(group).collect(),
            modules: Some(&run.modules),
            timeline: run.timeline.as_ref().filter(|_| has_times),
            moments: Some(&run.moments).filter(|moments| has_times && Moments::is_known(moments)),
            histograms: run.histograms.as_ref(),
            coverage: self.coverage(),
            mappings: self.mappings(),
            cut_stacks: self.cut_stacks(),
            advice: self.advice(),
            sampling: run.sampling.as_ref().map(wire::sampling),
            ..Extras::default()
        }
    }

    fn points(&self) -> impl Iterator<Item = Point<'_>> {
        let form = self.form();
        self.stacks().map(move |stack| point(&stack, form))
    }

    fn frames(&self) -> impl Iterator<Item = impl Display> {
        core::iter::once(Frame::Root).chain(Profile::frames(self).map(Frame::Named))
    }
}

/// Names for a byte, for several bytes, and for blocks; `None`: dhat's own.
fn units(form: Form) -> Option<[&'static str; 3]> {
    match form {
        Form::Own | Form::DhatHeap => None,
        Form::DhatAdHoc => Some(["unit", "units", "events"]),
        Form::Version1 => Some(["byte", "bytes", "blocks"]),
    }
}

fn settings(settings: &Settings) -> wire::Settings<'_> {
    wire::Settings {
        peak: if settings.peak_is_exact { "exact" } else { "bounded" },
        frames: Some(settings.frames),
        recorder: Some((settings.buckets, settings.unwind)),
    }
}

fn group(group: &Group) -> wire::Group<'_> {
    wire::Group {
        name: &group.name,
        total_blocks: group.total_blocks,
        total_bytes: group.total_bytes,
        live_blocks: group.end_blocks,
        live_bytes: group.end_bytes,
        peak_bytes: group.peak_bytes,
    }
}

fn point<'p>(stack: &StackRef<'p>, form: Form) -> Point<'p> {
    Point {
        numbers: numbers(stack.counters()),
        // Events are over when they happen.
        has_totals_alone: form == Form::DhatAdHoc,
        merged: stack.sites().into(),
        moments: if form == Form::Version1 { &[] } else { stack.moments() },
        stack: stack.frame_ids(),
        // The root is the first.
        first_frame: 1,
    }
}

/// In the order of [`wire::KEYS`].
fn numbers(counters: &Counters) -> [u64; 9] {
    [
        counters.total_bytes,
        counters.total_blocks,
        counters.lifetimes_micros,
        counters.max_bytes,
        counters.max_blocks,
        counters.peak_bytes,
        counters.peak_blocks,
        counters.end_bytes,
        counters.end_blocks,
    ]
}

enum Frame<'p> {
    Root,
    Named(FrameRef<'p>),
}

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str(ROOT),
            Self::Named(frame) => frame.fmt(f),
        }
    }
}
