//! The heap over time, threads and distributions in a report, as they are written there.

use mod_alloc::recording::model::{Histogram, Histograms, Moments, SiteMoment, Thread, Timeline};
use serde::Deserialize;

/// Entries of the largest histogram: the value 0, and a power of two for each bit.
const MOST_ENTRIES: usize = 65;

/// `x_timeline`
#[derive(Clone, Deserialize)]
#[serde(try_from = "Lists")]
pub(super) struct TimelineEntry(pub(super) Timeline);

#[derive(Deserialize)]
struct Lists {
    end_us: Vec<u64>,
    min_bytes: Vec<u64>,
    max_bytes: Vec<u64>,
    blocks: Vec<u64>,
    total_bytes: Vec<u64>,
    total_blocks: Vec<u64>,
    resident_bytes: Vec<Option<u64>>,
}

impl TryFrom<Lists> for TimelineEntry {
    type Error = String;

    fn try_from(lists: Lists) -> Result<Self, String> {
        let mut timeline = Timeline::default();
        timeline.end_micros = lists.end_us;
        timeline.min_bytes = lists.min_bytes;
        timeline.max_bytes = lists.max_bytes;
        timeline.blocks = lists.blocks;
        timeline.total_bytes = lists.total_bytes;
        timeline.total_blocks = lists.total_blocks;
        timeline.resident_bytes = lists.resident_bytes;
        let wanted = timeline.end_micros.len();
        let lengths = [
            ("min_bytes", timeline.min_bytes.len()),
            ("max_bytes", timeline.max_bytes.len()),
            ("blocks", timeline.blocks.len()),
            ("total_bytes", timeline.total_bytes.len()),
            ("total_blocks", timeline.total_blocks.len()),
            ("resident_bytes", timeline.resident_bytes.len()),
        ];
        for (key, length) in lengths {
            if length != wanted {
                return Err(format!("x_timeline: `{key}` has {length} entries, not {wanted}"));
            }
        }
        if !timeline.end_micros.is_sorted() {
            return Err("x_timeline: `end_us` does not ascend".into());
        }
        Ok(Self(timeline))
    }
}

/// `x_moments` of the report
#[derive(Clone, Deserialize)]
#[serde(try_from = "Times")]
pub(super) struct MomentsEntry(pub(super) Moments);

#[derive(Deserialize)]
struct Times {
    at_us: Vec<u64>,
    #[serde(default)]
    thinned: u64,
}

impl TryFrom<Times> for MomentsEntry {
    type Error = &'static str;

    fn try_from(times: Times) -> Result<Self, &'static str> {
        if !times.at_us.is_sorted() {
            return Err("x_moments: `at_us` does not ascend");
        }
        let mut moments = Moments::default();
        (moments.at_micros, moments.thinned) = (times.at_us, times.thinned);
        Ok(Self(moments))
    }
}

/// The moments of a stack, of a report that has `known` moments; `None` if they do not ascend, or
/// name one that is not there.
pub(super) fn site_moments(written: &[[u64; 5]], known: usize) -> Option<Vec<SiteMoment>> {
    let ascends = written.is_sorted_by(|a, b| a[0] < b[0]);
    let moment = |&[moment, total_bytes, total_blocks, live_bytes, live_blocks]: &[u64; 5]| {
        let moment = u32::try_from(moment).ok().filter(|&moment| (moment as usize) < known)?;
        Some(SiteMoment { moment, total_bytes, total_blocks, live_bytes, live_blocks })
    };
    written.iter().map(moment).collect::<Option<_>>().filter(|_| ascends)
}

/// `x_histograms`
#[derive(Clone, Deserialize)]
pub(super) struct HistogramsEntry {
    sizes: Option<HistogramEntry>,
    lifetimes: Option<HistogramEntry>,
}

impl HistogramsEntry {
    pub(super) fn to_histograms(&self) -> Histograms {
        let histogram = |entry: &Option<HistogramEntry>| Some(entry.as_ref()?.0.clone());
        let mut histograms = Histograms::default();
        histograms.sizes = histogram(&self.sizes);
        histograms.lifetimes = histogram(&self.lifetimes);
        histograms
    }
}

#[derive(Clone, Deserialize)]
#[serde(try_from = "Counts")]
struct HistogramEntry(Histogram);

#[derive(Deserialize)]
struct Counts {
    blocks: Vec<u64>,
    bytes: Vec<u64>,
}

impl TryFrom<Counts> for HistogramEntry {
    type Error = String;

    fn try_from(counts: Counts) -> Result<Self, String> {
        let Counts { blocks, bytes } = counts;
        let (length, wanted) = (bytes.len(), blocks.len());
        if length != wanted {
            return Err(format!("x_histograms: `bytes` has {length} entries, not {wanted}"));
        }
        if wanted > MOST_ENTRIES {
            return Err(format!("x_histograms: {wanted} entries, and {MOST_ENTRIES} are the most"));
        }
        Ok(Self(Histogram { blocks, bytes }))
    }
}

/// An element of `x_threads`
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ThreadEntry {
    id: u32,
    name: String,
    running: bool,
    /// Older reports do not tell.
    threads: Option<u64>,
    total_bytes: u64,
    total_blocks: u64,
    freed_bytes: u64,
    freed_blocks: u64,
}

impl ThreadEntry {
    pub(super) fn to_thread(&self) -> Thread {
        let mut thread = Thread::default();
        thread.id = self.id;
        thread.name.clone_from(&self.name);
        thread.running = self.running;
        thread.threads = self.threads.unwrap_or(1);
        thread.total_bytes = self.total_bytes;
        thread.total_blocks = self.total_blocks;
        thread.freed_bytes = self.freed_bytes;
        thread.freed_blocks = self.freed_blocks;
        thread
    }
}
