//! Whole stacks with names in an ordinary release build: no flags, no frame pointers.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use heap_support::dhat_json::Report;
use heap_support::{Launch, assert_only_lost, fixture};

/// Functions that trimming may leave outermost: `main`, those of the runtime before it, and a
/// thread's first.
const STARTS: [&str; 4] = ["fixtures::main", "fixture::main", "std::rt::", "std::thread::"];
/// The closure that `threads` gives to its threads.
const THREAD: &str = "fixtures::threads::";

fn check(workload: &str) {
    let arguments: Vec<_> = workload.split(' ').collect();
    let ended = Launch::new(workload, fixture(), &arguments).run().with_status(0);
    let report = ended.report();
    // Syntax trees are deep: a few stacks have more frames than are kept.
    assert_only_lost(&report, &["truncated_stacks"]);
    let all = report.sum().get("tb");
    let reached = bytes_from_the_start(&report);
    assert!(reached * 100 >= all * 99, "{reached} of {all} bytes are under whole stacks");
    let (named, frames) = named_frames(&report);
    assert!(frames > 5, "{frames} frames in Rust code");
    assert!(named * 100 >= frames * 95, "{named} of {frames} frames have function, file, line");
}

/// Bytes at stacks that end in `main`, before it, or where a thread began.
fn bytes_from_the_start(report: &Report) -> u64 {
    let reaches = |outermost: &str| {
        let function = outermost.split_once(": ").map_or("", |(_, rest)| rest);
        let function = function.trim_start_matches('<');
        STARTS.iter().chain([&THREAD]).any(|start| function.starts_with(start))
    };
    let points = report.points.iter();
    let whole = points.filter(|point| report.stack(point).last().is_some_and(reaches));
    whole.map(|point| point.counters.get("tb")).sum()
}

/// How many frames in Rust code there are, and how many of them have it all. Code of the
/// C library and other shared objects is not Rust; all else is in the executable.
fn named_frames(report: &Report) -> (usize, usize) {
    let foreign = |frame: &&String| frame.contains(".so") && frame.contains(" (in ");
    let is_named = |frame: &&String| {
        let place = frame.strip_suffix(')').and_then(|frame| frame.rsplit_once(" ("));
        place.is_some_and(|(function, place)| {
            let mut parts = place.split(':');
            let file = parts.next().is_some_and(|file| file.ends_with(".rs"));
            let line = parts.next().and_then(|line| line.parse::<u32>().ok());
            file && line.is_some_and(|line| line > 0) && !function.ends_with("???")
        })
    };
    let rust: Vec<_> = report.frames.iter().skip(1).filter(|frame| !foreign(frame)).collect();
    (rust.iter().copied().filter(is_named).count(), rust.len())
}

#[test]
fn json() {
    check("json 1");
}

#[test]
fn syntax_trees() {
    check("syn 1");
}

#[test]
fn regex() {
    check("regex 1");
}

#[test]
fn sawtooth() {
    check("sawtooth 500");
}

#[test]
fn threads() {
    check("threads 4 2000");
}

#[test]
fn sites() {
    check("sites 20000");
}

#[test]
fn leak() {
    check("leak 100");
}
