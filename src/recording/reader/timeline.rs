//! The heap over time: the samples, and between them the moments of which sites have numbers.

use std::vec::Vec;

use crate::base::sync::Ordering;
use crate::recording::model::{Counters, Site, Timeline};
use crate::recording::moment_log::Numbers;
use crate::store::peak::Interval;
use crate::store::timeline::{HALF, count, sample};
use crate::store::view::View;

/// All sites' numbers at one time, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) total_bytes: u64,
    pub(super) total_blocks: u64,
    pub(super) live_bytes: u64,
    pub(super) live_blocks: u64,
}

impl Sums {
    pub(super) fn add(&mut self, numbers: Numbers) {
        self.change(numbers, u64::wrapping_add);
    }

    pub(super) fn take(&mut self, numbers: Numbers) {
        self.change(numbers, u64::wrapping_sub);
    }

    fn change(&mut self, numbers: Numbers, change: fn(u64, u64) -> u64) {
        let [total_bytes, total_blocks, live_bytes, live_blocks] = numbers;
        self.total_bytes = change(self.total_bytes, total_bytes);
        self.total_blocks = change(self.total_blocks, total_blocks);
        self.live_bytes = change(self.live_bytes, live_bytes);
        self.live_blocks = change(self.live_blocks, live_blocks);
    }

    pub(super) fn of(sites: &[Site]) -> Self {
        let mut sums = Sums::default();
        sites.iter().for_each(|site| sums.add(numbers(&site.counters)));
        sums
    }

    pub(super) fn of_counters(counters: &Counters) -> Self {
        let mut sums = Sums::default();
        sums.add(numbers(counters));
        sums
    }
}

fn numbers(counters: &Counters) -> Numbers {
    [counters.total_bytes, counters.total_blocks, counters.end_bytes, counters.end_blocks]
}

/// A moment of which all sites have numbers. They were read from `begin` to `end`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) sums: Sums,
}

/// An interval and the heap at its end; `end` in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Point {
    end: u64,
    least: u64,
    most: u64,
    blocks: u64,
    total_bytes: u64,
    total_blocks: u64,
    resident: Option<u64>,
}

impl Point {
    /// The point where an interval with these bounds has the sites' numbers.
    fn at(end: u64, (least, most): (u64, u64), sums: Sums) -> Self {
        Point {
            end,
            least: least.min(sums.live_bytes),
            most: most.max(sums.live_bytes),
            blocks: sums.live_blocks,
            total_bytes: sums.total_bytes,
            total_blocks: sums.total_blocks,
            resident: None,
        }
    }
}

/// The heap over time up to the end, where sites have `end` and the `interval` is open; `None` if
/// the recording has no samples. Moments ascend, in microseconds as `micros` makes them of clock
/// units. Each is the end of an interval, with the sums of the sites: so ranges and chart agree.
/// The two parts of an interval that a moment divides have the bounds of the whole.
pub(super) fn timeline(
    view: &View<'_>,
    micros: impl Fn(u64) -> u64,
    interval: Interval,
    (end_micros, end): (u64, Sums),
    moments: &[Moment],
) -> Option<Timeline> {
    let mut points = points(view, micros)?;
    let bounds = (natural(interval.least), natural(interval.most));
    let last = points.last().map_or(0, |point| point.end).max(end_micros);
    points.push(Point::at(last, bounds, end));
    moments.iter().for_each(|moment| insert(&mut points, moment));
    // The end itself, an interval without length: the last one may have had more.
    let live = (end.live_bytes, end.live_bytes);
    points.push(Point { resident: end_resident(view), ..Point::at(last, live, end) });
    Some(lists(&points))
}

fn natural(number: i64) -> u64 {
    number.max(0).cast_unsigned()
}

/// The process's memory when the end was noted; `None` if it was not.
fn end_resident(view: &View<'_>) -> Option<u64> {
    const RESIDENT: usize = 6;
    let end = &view.header.states.end;
    let is_known = end.number.load(Ordering::Acquire) != 0
        && end.known.load(Ordering::Relaxed) >> RESIDENT & 1 != 0;
    end.figures().nth(RESIDENT).filter(|_| is_known).map(|word| word.load(Ordering::Relaxed))
}

/// The samples. A program that runs may change halves meanwhile: then they are read again.
fn points(view: &View<'_>, micros: impl Fn(u64) -> u64) -> Option<Vec<Point>> {
    const TRIES: usize = 8;
    let state = &view.header.process.timeline.samples;
    for _ in 0..TRIES {
        // Acquire pairs with the Release of the writer: the samples are written.
        let before = state.load(Ordering::Acquire);
        let points = points_of(view, before, &micros)?;
        if (before ^ state.load(Ordering::Acquire)) & HALF == 0 {
            return Some(points);
        }
    }
    None
}

fn points_of(view: &View<'_>, state: u64, micros: impl Fn(u64) -> u64) -> Option<Vec<Point>> {
    let mut samples = (0..count(state)).filter_map(|index| sample(view.timeline, state, index));
    let (start_bytes, start_blocks) = samples.next()?.total.get();
    let mut points: Vec<Point> = Vec::with_capacity(count(state));
    for sample in samples {
        let (bytes, blocks) = sample.total.get();
        let end = micros(sample.end.get());
        points.push(Point {
            // Ascending, whatever the bytes are.
            end: points.last().map_or(end, |before| end.max(before.end)),
            least: natural(sample.least.get()),
            most: natural(sample.most.get().max(sample.least.get())),
            blocks: natural(sample.blocks.get()),
            total_bytes: bytes.wrapping_sub(start_bytes),
            total_blocks: blocks.wrapping_sub(start_blocks),
            resident: Some(sample.resident.get()).filter(|bytes| *bytes != 0),
        });
    }
    Some(points)
}

/// Ends an interval at the moment. Samples that were taken while the moment was read become a part
/// of that interval: they may have counted what the moment has not.
fn insert(points: &mut Vec<Point>, moment: &Moment) {
    // A damaged moment may begin after its end.
    let begin = moment.begin.min(moment.end);
    let first = points.partition_point(|point| point.end <= begin);
    let next = points.partition_point(|point| point.end <= moment.end).min(points.len() - 1);
    let covered = points.get(first..=next).unwrap_or_default();
    let least = covered.iter().map(|point| point.least).min().unwrap_or(0);
    let most = covered.iter().map(|point| point.most).max().unwrap_or(0);
    let resident = covered.iter().rev().skip(1).find_map(|point| point.resident);
    let at = Point { resident, ..Point::at(moment.end, (least, most), moment.sums) };
    let end = points[next].end;
    if at.end < end {
        points.splice(first..next, [at]);
    }
}

fn lists(points: &[Point]) -> Timeline {
    let list = |of: fn(&Point) -> u64| points.iter().map(of).collect::<Vec<_>>();
    // A sample may have counted an event that its site had not counted at the moment just after it.
    let rising = |of: fn(&Point) -> u64| {
        let (mut list, mut least) = (list(of), u64::MAX);
        for number in list.iter_mut().rev() {
            least = least.min(*number);
            *number = least;
        }
        list
    };
    Timeline {
        end_micros: list(|point| point.end),
        min_bytes: list(|point| point.least),
        max_bytes: list(|point| point.most),
        blocks: list(|point| point.blocks),
        total_bytes: rising(|point| point.total_bytes),
        total_blocks: rising(|point| point.total_blocks),
        resident_bytes: points.iter().map(|point| point.resident).collect(),
    }
}
