//! The heap over time as a report has it: `x_timeline`, `x_moments`, and what has to hold of both.
//! And a program of four phases, `over_time`, whose heap is known at the end of each.

use std::path::Path;
use std::time::{Duration, Instant};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use serde_json::Value;

/// Longer than a moment is late on any machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Bytes that are allocated in the first phase, and freed in the last one.
pub(crate) const PLATEAU: u64 = 1_000_000;
/// Bytes allocated until the end of the second phase, and of the third. What the program allocates
/// besides is a few more.
const SPIKE: u64 = 51_000_000;
const LEAK: u64 = 51_100_000;

/// Bytes and blocks that were allocated until a moment, and those live then.
pub(crate) type Numbers = [u64; 4];

/// True if a moment with these sums over all sites is after `phase`.
pub(crate) fn is_over(phase: &str, [total, _, live, _]: Numbers) -> bool {
    match phase {
        "1" => live >= PLATEAU,
        "2" => total >= SPIKE,
        "3" => total >= LEAK,
        "4" => total >= LEAK && live < PLATEAU,
        _ => panic!("there is no phase {phase}"),
    }
}

/// Waits until a recording has a moment of the end of `phase`.
pub(crate) fn wait_for(path: &Path, phase: &str) {
    until(|| read(path).filter(|recording| is_over(phase, latest(recording))));
}

pub(crate) fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "no such moment");
        std::thread::yield_now();
    }
}

/// The recording, once it is one.
pub(crate) fn read(path: &Path) -> Option<Recording> {
    RecordingFile::open(path).and_then(|file| file.read()).ok()
}

/// The sums over all sites at the latest moment.
pub(crate) fn latest(recording: &Recording) -> Numbers {
    let mut sums = [0; 4];
    for last in recording.moments.sites.iter().filter_map(|moments| moments.last()) {
        let of_site = [last.total_bytes, last.total_blocks, last.live_bytes, last.live_blocks];
        sums.iter_mut().zip(of_site).for_each(|(sum, number)| *sum += number);
    }
    sums
}

/// A report of the four phases. `is_exact`: one thread did all of it.
pub(crate) fn assert_phases(report: &Value, is_exact: bool) {
    let over = OverTime::of(report);
    over.assert_agrees();
    let peak = over.sum("gb");
    let slack = if is_exact { 0 } else { peak / 100 };
    assert!(peak >= SPIKE && over.most().abs_diff(peak) <= slack, "{} at {peak}", over.most());

    // The range of the spike: no moment saw it live.
    let range @ [before, after] = over.around(SPIKE);
    let [earlier, later] = range.map(|moment| over.function(moment, "site_spike"));
    assert_eq!((earlier, later), ([0; 4], [50_000_000, 1, 0, 0]));
    let live = over.all(before)[2];
    assert_eq!(over.all(after)[2], live);
    let chart = over.between(range);
    let most = chart.iter().map(|interval| interval.most).max().expect("a chart");
    assert!(most >= SPIKE - slack && most.abs_diff(peak) <= slack, "{most} of {peak}");
    // The first interval may have begun before the plateau.
    let least = chart.iter().skip(1).map(|interval| interval.least).min().expect("two intervals");
    assert!(live >= PLATEAU && least.abs_diff(live) <= slack, "{least} of {live}");

    let last = over.at.len() - 1;
    assert_eq!(over.function(after, "site_plateau"), [PLATEAU, 1, PLATEAU, 1]);
    assert_eq!(over.function(last, "site_plateau"), [PLATEAU, 1, 0, 0]);
    assert_eq!(over.function(last, "site_leak"), [100_000, 100, 100_000, 100]);
    let resident = over.intervals.iter().filter_map(|interval| interval.resident);
    assert!(resident.max().expect("read at times") >= 1_000_000);
}

/// An interval of the timeline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) end: u64,
    pub(crate) least: u64,
    pub(crate) most: u64,
    pub(crate) blocks: u64,
    pub(crate) total_bytes: u64,
    pub(crate) total_blocks: u64,
    pub(crate) resident: Option<u64>,
}

/// A report's timeline and moments.
#[derive(Debug)]
pub(crate) struct OverTime<'a> {
    report: &'a Value,
    pub(crate) intervals: Vec<Interval>,
    /// Times of the moments.
    pub(crate) at: Vec<u64>,
    pub(crate) thinned: u64,
}

impl<'a> OverTime<'a> {
    /// Reads a report with a timeline; its moments may be missing.
    ///
    /// # Panics
    /// If the lists are not of one length, or do not ascend.
    pub(crate) fn of(report: &'a Value) -> Self {
        let timeline = &report["x_timeline"];
        assert!(timeline.is_object(), "a timeline, not {timeline}");
        let lists = [
            "end_us",
            "min_bytes",
            "max_bytes",
            "blocks",
            "total_bytes",
            "total_blocks",
            "resident_bytes",
        ]
        .map(|key| timeline[key].as_array().unwrap_or_else(|| panic!("no list {key}")));
        let length = lists[0].len();
        assert!(length > 0 && lists.iter().all(|list| list.len() == length), "{timeline}");
        let interval = |index: usize| {
            let [end, least, most, blocks, total_bytes, total_blocks] =
                std::array::from_fn(|list| number(&lists[list][index]));
            let resident = &lists[6][index];
            let resident = (!resident.is_null()).then(|| number(resident));
            Interval { end, least, most, blocks, total_bytes, total_blocks, resident }
        };
        let intervals: Vec<_> = (0..length).map(interval).collect();
        assert!(intervals.is_sorted_by_key(|interval| interval.end), "{timeline}");
        let moments = &report["x_moments"];
        let at: Vec<_> = moments["at_us"].as_array().into_iter().flatten().map(number).collect();
        assert!(at.is_sorted_by(|one, next| one < next), "{at:?}");
        let thinned = moments["thinned"].as_u64().unwrap_or_default();
        let over_time = Self { report, intervals, at, thinned };
        over_time.assert_sound();
        over_time
    }

    /// True of every timeline, with moments or without.
    fn assert_sound(&self) {
        let last = self.intervals.last().expect("there is an end");
        assert_eq!([last.total_bytes, last.total_blocks], ["tb", "tbk"].map(|key| self.sum(key)));
        let rises = |of: fn(&Interval) -> u64| self.intervals.is_sorted_by_key(of);
        assert!(rises(|interval| interval.total_bytes) && rises(|interval| interval.total_blocks));
        for interval in &self.intervals {
            assert!(interval.least <= interval.most, "{interval:?}");
            assert!(interval.end <= number(&self.report["te"]), "{interval:?} is after the end");
        }
    }

    /// Ranges between moments and the chart say one thing, to the byte.
    pub(crate) fn assert_agrees(&self) {
        assert!(!self.at.is_empty(), "there are moments: {}", self.report["x_moments"]);
        for (moment, at) in self.at.iter().enumerate() {
            let [total_bytes, total_blocks, bytes, blocks] = self.all(moment);
            let agrees = |interval: &Interval| {
                interval.end == *at
                    && (interval.total_bytes, interval.total_blocks) == (total_bytes, total_blocks)
                    && interval.blocks == blocks
                    && (interval.least..=interval.most).contains(&bytes)
            };
            let of_time: Vec<_> = self.intervals.iter().filter(|one| one.end == *at).collect();
            assert!(
                self.intervals.iter().any(agrees),
                "{moment}: {:?}, the chart has {of_time:?}",
                self.all(moment)
            );
        }
    }

    /// The sums over all stacks at a moment.
    pub(crate) fn all(&self, moment: usize) -> Numbers {
        self.of_stacks(moment, |_| true)
    }

    /// The sums over the stacks with a frame of `function`, a part of its name, at a moment.
    pub(crate) fn function(&self, moment: usize, function: &str) -> Numbers {
        let frames = self.report["ftbl"].as_array().expect("frames");
        let has = |frame: &Value| {
            let text = frames[number(frame) as usize].as_str().expect("text");
            text.split_once(": ").is_some_and(|(_, named)| named.contains(function))
        };
        self.of_stacks(moment, |stack| stack["fs"].as_array().expect("frames").iter().any(has))
    }

    fn of_stacks(&self, moment: usize, is_wanted: impl Fn(&Value) -> bool) -> Numbers {
        let stacks = self.report["pps"].as_array().expect("stacks").iter();
        let mut sums = [0; 4];
        for stack in stacks.filter(|stack| is_wanted(stack)) {
            let known = stack["x_moments"].as_array().into_iter().flatten();
            let until = known.take_while(|known| number(&known[0]) <= moment as u64).last();
            for (index, sum) in sums.iter_mut().enumerate() {
                *sum += until.map_or(0, |until| number(&until[index + 1]));
            }
        }
        sums
    }

    /// The first moment at which so many bytes had ever been allocated, and the one before it.
    pub(crate) fn around(&self, total_bytes: u64) -> [usize; 2] {
        let is_reached = |moment: &usize| self.all(*moment)[0] >= total_bytes;
        let after = (0..self.at.len()).find(is_reached).expect("a moment with so many bytes");
        [after.checked_sub(1).expect("a moment before it"), after]
    }

    /// The intervals between two moments.
    pub(crate) fn between(&self, [from, to]: [usize; 2]) -> Vec<Interval> {
        let is_there = |one: &&Interval| one.end > self.at[from] && one.end <= self.at[to];
        self.intervals.iter().filter(is_there).copied().collect()
    }

    /// The most bytes in the whole chart.
    pub(crate) fn most(&self) -> u64 {
        self.intervals.iter().map(|interval| interval.most).max().expect("there is an end")
    }

    /// The sum of `key` over all stacks.
    pub(crate) fn sum(&self, key: &str) -> u64 {
        let stacks = self.report["pps"].as_array().expect("stacks").iter();
        stacks.map(|stack| number(&stack[key])).sum()
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a number"))
}
