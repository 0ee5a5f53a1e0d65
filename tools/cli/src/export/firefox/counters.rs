//! The heap over time as tracks of the Firefox Profiler, which it calls counters.

use std::fmt::{self, Display};
use std::io::{self, Write};

use mod_alloc::recording::model::Timeline;

use crate::dhat_file::Document;
use crate::export::json_text::{column, list};

/// Of the format's `interval`, a millisecond.
const MICROS_IN_INTERVAL: u64 = 1_000;

/// A level over time.
struct Track {
    name: &'static str,
    description: &'static str,
    color: &'static str,
    /// Time in microseconds, level in bytes, and blocks allocated or freed so far; ascending.
    samples: Vec<(u64, u64, u64)>,
}

/// Writes the list of the tracks; nothing, if the report has no heap over time.
pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let Some(timeline) = &document.extras.timeline else { return Ok(()) };
    let tracks = [heap(timeline), resident(timeline)];
    out.write_all(b",\n\"counters\":[")?;
    for (index, track) in tracks.iter().filter(|track| !track.samples.is_empty()).enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        track.write(index, document.pid, out)?;
    }
    out.write_all(b"]")
}

/// Writes the span of time that is shown: the profiler takes that of the threads, else. An interval
/// is behind the last sample, because the span is without its end.
pub(super) fn times(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let ends = document.extras.timeline.as_ref().map(|timeline| &timeline.end_micros);
    let Some(&last) = ends.and_then(|ends| ends.last()) else { return Ok(()) };
    let end = Millis(last.saturating_add(MICROS_IN_INTERVAL));
    write!(out, ",\"profilingStartTime\":0,\"profilingEndTime\":{end}")
}

/// The most live bytes of each interval: so the peak is in the picture.
fn heap(timeline: &Timeline) -> Track {
    let ends = timeline.end_micros.iter().zip(&timeline.max_bytes);
    let samples = ends.zip(&timeline.total_blocks).zip(&timeline.blocks);
    Track {
        name: "Heap",
        description: "Bytes live in blocks, the most of each interval",
        color: "orange",
        samples: samples
            .map(|(((&end, &bytes), &allocated), &live)| {
                let freed = allocated.saturating_sub(live);
                (end, bytes, allocated.saturating_add(freed))
            })
            .collect(),
    }
}

fn resident(timeline: &Timeline) -> Track {
    let ends = timeline.end_micros.iter().zip(&timeline.resident_bytes);
    Track {
        name: "Resident memory",
        description: "Memory of the process that is in RAM, at the end of each interval",
        color: "purple",
        samples: ends.filter_map(|(&end, &bytes)| Some((end, bytes?, 0))).collect(),
    }
}

impl Track {
    fn write(&self, index: usize, pid: u64, out: &mut dyn Write) -> io::Result<()> {
        let Self { name, description, color, .. } = self;
        write!(out, "{{\"name\":\"{name}\",\"category\":\"Memory\"")?;
        write!(out, ",\"description\":\"{description}\",\"pid\":\"{pid}\",\"mainThreadIndex\":0")?;
        // Later versions of the format have this. Without it, they call each track "Memory".
        write!(out, ",\"display\":{{\"graphType\":\"line-accumulated\",\"unit\":\"bytes\"")?;
        write!(out, ",\"color\":\"{color}\",\"markerSchemaLocation\":null")?;
        write!(out, ",\"sortWeight\":{},\"label\":\"{name}\"}}", 20 + index)?;
        self.samples(out)?;
        out.write_all(b"}")
    }

    /// The profiler adds the samples up and takes the first for 0, so one of time 0 is before them.
    fn samples(&self, out: &mut dyn Write) -> io::Result<()> {
        let befores = || std::iter::once(&(0, 0, 0)).chain(&self.samples);
        let pairs = || befores().zip(&self.samples);
        let times = befores().map(|sample| Millis(sample.0));
        out.write_all(b",\"samples\":{\"time\":")?;
        list(out, times)?;
        let steps = pairs().map(|(before, after)| i128::from(after.1) - i128::from(before.1));
        column(out, "count", std::iter::once(0).chain(steps))?;
        let numbers = pairs().map(|(before, after)| after.2.saturating_sub(before.2));
        column(out, "number", std::iter::once(0).chain(numbers))?;
        write!(out, ",\"length\":{}}}", self.samples.len() + 1)
    }
}

/// Microseconds, written as milliseconds.
struct Millis(u64);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
