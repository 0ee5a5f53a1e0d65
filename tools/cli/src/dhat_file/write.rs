//! A document as a dhat file again, for the viewer: what was merged is written by this.

use std::fmt::Display;
use std::io::{self, Write};

use mod_alloc::recording::model::SelfCheck;
use mod_alloc::report::wire::{self, Extras, File, Head, Point, Source};

use super::{Document, Group, Process, Site, Units};

/// The numbers of a merged report that are sums of maxima reached at different times.
const UPPER_BOUNDS: [&str; 4] = ["mb", "mbk", "gb", "gbk"];

/// Writes `document` as dhat JSON. Stacks that say the same must have been merged: Valgrind's
/// viewer refuses two of them.
///
/// # Errors
///
/// Those of `out`.
pub fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut buffered = io::BufWriter::with_capacity(1 << 16, out);
    serde_json::to_writer(&mut buffered, &File(document)).map_err(io::Error::from)?;
    buffered.write_all(b"\n")?;
    buffered.flush()
}

impl Source for Document {
    fn head(&self) -> Head<'_> {
        Head {
            mode: &self.mode,
            verb: &self.verb,
            has_lifetimes: self.knows_frees(),
            units: self.units.as_ref().map(|Units { one, many, blocks }| [&**one, many, blocks]),
            time_units: [&self.time_unit, &self.mega_time_unit],
            short_lifetime: self.short_lifetime,
            command: &self.command,
            pid: self.pid,
            // The viewer divides by it.
            end: self.end.max(1),
            peak: self.knows_frees().then(|| self.peak.unwrap_or(0)),
        }
    }

    fn extras(&self) -> Extras<'_> {
        let extras = &self.extras;
        let is_merged = !extras.processes.is_empty();
        Extras {
            version: extras.version.as_deref(),
            settings: extras.peak_is_exact.map(|exact| settings(exact, extras)),
            ending: extras.ending,
            losses: extras.losses,
            self_check: extras
                .self_check
                .map(|(checked, differences)| SelfCheck { checked, differences }),
            heap_states: extras.heap_states,
            threads: extras.threads.map(|_| &*extras.thread_list),
            timeline: extras.timeline.as_ref(),
            moments: extras.moments.as_ref(),
            histograms: extras.histograms.as_ref(),
            coverage: extras.coverage.as_ref(),
            mappings: extras.mappings.as_ref(),
            cut_stacks: &extras.cut_stacks,
            advice: &extras.advice,
            sampling: extras.sampling.clone(),
            groups: extras.groups.iter().map(group).collect(),
            modules: Some(&*extras.modules).filter(|modules| !modules.is_empty()),
            upper_bounds: if is_merged { &UPPER_BOUNDS } else { &[] },
            processes: extras.processes.iter().map(process).collect(),
        }
    }

    fn points(&self) -> impl Iterator<Item = Point<'_>> {
        let knows_frees = self.knows_frees();
        self.sites.iter().map(move |site| point(site, knows_frees))
    }

    fn frames(&self) -> impl Iterator<Item = impl Display> {
        self.frames.iter()
    }
}

fn settings(peak_is_exact: bool, extras: &super::Extras) -> wire::Settings<'_> {
    let peak = if peak_is_exact { "exact" } else { "bounded" };
    let recorder = extras.recorder.as_ref().map(|(buckets, unwind)| (*buckets, &**unwind));
    wire::Settings { peak, frames: extras.frame_limit, recorder }
}

fn group(group: &Group) -> wire::Group<'_> {
    wire::Group {
        name: &group.name,
        total_blocks: group.total_blocks,
        total_bytes: group.total_bytes,
        live_blocks: group.live_blocks,
        live_bytes: group.live_bytes,
        peak_bytes: group.peak_bytes,
    }
}

fn process(process: &Process) -> wire::Process<'_> {
    wire::Process {
        pid: process.pid,
        command: &process.command,
        end: process.end,
        total_bytes: process.total_bytes,
        total_blocks: process.total_blocks,
        peak_bytes: process.peak_bytes,
        end_bytes: process.end_bytes,
        own_allocator: process.own_allocator.as_deref(),
    }
}

fn point(site: &Site, knows_frees: bool) -> Point<'_> {
    Point {
        numbers: site.numbers.all(),
        has_totals_alone: !knows_frees,
        merged: site.merged,
        moments: &site.moments,
        stack: &site.stack,
        // The root is among the frames.
        first_frame: 0,
    }
}
