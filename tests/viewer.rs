//! Our reports in Valgrind's `dh_view.html`: the viewer takes them, shows their numbers, and
//! lets one sort by peak and end. Pictures of what it showed stay in `target/viewer/`.

#[expect(dead_code, reason = "the other profilers and the comparison are not needed here")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use support::dhat_json::Counters;
use support::programs::{Profiler, target};
use support::viewer::{Page, Shown, view};

const PEAK: &str = "At t-gmax (bytes)";
const END: &str = "At t-end (bytes)";
const BLOCKS: &str = "Total (blocks)";

/// A line of the workload that is known to allocate: part of the line's text, to find its
/// number by, and the function it is in.
struct Known {
    source: &'static str,
    file: &'static str,
    text: &'static str,
    function: &'static str,
    /// The sort order in which its stack is large enough to be shown.
    metric: &'static str,
}

/// `Known` for a file of the fixtures.
macro_rules! known {
    ($file:literal, $text:literal, $function:literal, $metric:expr) => {
        Known {
            source: include_str!(concat!("../fixtures/programs/src/", $file)),
            file: $file,
            text: $text,
            function: $function,
            metric: $metric,
        }
    };
}

#[test]
fn json() {
    show("json 1", &known!("json.rs", "serde_json::from_str(DOCUMENT)", "parse", PEAK));
}

#[test]
fn regex() {
    show("regex 1", &known!("patterns.rs", "match Regex::new(pattern)", "search", PEAK));
}

/// The largest report: 90 MB.
#[test]
fn syn() {
    show("syn 1", &known!("syntax.rs", "match syn::parse_file(text)", "parse", PEAK));
}

#[test]
fn sawtooth() {
    show("sawtooth 4000", &known!("call_tree.rs", "leaf();", "descend", PEAK));
}

#[test]
fn sites() {
    show("sites 400000", &known!("call_tree.rs", "leaf();", "descend", PEAK));
}

#[test]
fn threads() {
    show(
        "threads 4 10000",
        &known!("threads.rs", "Vec::with_capacity(black", "make_block", BLOCKS),
    );
}

#[test]
fn leak() {
    show("leak 100", &known!("leak.rs", "forget(block(4_000))", "leak_large", END));
}

/// Profiles a workload and checks what the viewer makes of it.
fn show(workload: &str, known: &Known) {
    let run = Profiler::ModAlloc.run(workload);
    let place = format!("/{}:{}", known.file, known.line());
    let metrics = [PEAK, END, BLOCKS, known.metric];
    let page = view(&run.path, &metrics, &[&place], &screenshot(workload));

    assert_eq!(page.error(), None);
    assert_totals(&page, run.report.sum());
    assert_sorted_by(&page, PEAK, "at-t-gmax");
    assert_sorted_by(&page, END, "at-t-end");
    let frame = page.found(known.metric, &place);
    let frame = frame.unwrap_or_else(|| panic!("no frame in {place} by {}", known.metric));
    assert!(frame.contains(known.function), "{frame:?} is not in {}", known.function);
    assert_eq!(page.requests(), [] as [serde_json::Value; 0], "a report must not need the network");
}

impl Known {
    fn line(&self) -> usize {
        let line = self.source.lines().position(|line| line.contains(self.text));
        line.unwrap_or_else(|| panic!("{} has no line with {:?}", self.file, self.text)) + 1
    }
}

fn assert_totals(page: &Page, sum: Counters) {
    for (name, bytes, blocks) in
        [("total", "tb", "tbk"), ("peak", "gb", "gbk"), ("end", "eb", "ebk")]
    {
        let reported = Shown { bytes: sum.get(bytes), blocks: sum.get(blocks) };
        assert_eq!(page.total(name), reported, "{name}");
    }
}

fn assert_sorted_by(page: &Page, metric: &str, field: &str) {
    assert!(page.is_enabled(metric), "{metric} is greyed out");
    let threshold = page.threshold(metric).unwrap_or_else(|| panic!("never sorted by {metric}"));
    assert!(threshold.contains(&format!("threshold: {field} >= ")), "{threshold}");
}

fn screenshot(name: &str) -> PathBuf {
    let folder = target().join("viewer");
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder.join(format!("{}.png", name.replace(' ', "-")))
}

/// The checks above can fail: the driver passes on what the viewer refuses …
#[test]
fn two_equal_stacks_are_an_error_on_the_page() {
    let page = view_points("equal-stacks", true, &[point(1), point(1)]);
    assert_eq!(page.error(), Some("Error: data file contains a repeated location (1)"));
}

/// … and a metric that is greyed out …
#[test]
fn without_lifetimes_peak_and_end_are_greyed_out() {
    let page = view_points("no-lifetimes", false, &[point(1)]);
    assert!(page.is_enabled(BLOCKS));
    assert!(!page.is_enabled(PEAK) && !page.is_enabled(END));
}

/// … and a frame that is not there.
#[test]
fn only_what_the_tree_shows_is_found() {
    let page = view_points("frames", true, &[point(1), point(2)]);
    assert_eq!(page.error(), None);
    assert!(page.found(BLOCKS, "second (b.rs:2:1)").is_some());
    assert_eq!(page.found(BLOCKS, "third"), None);
    assert_eq!(page.total("total"), Shown { bytes: 24_690, blocks: 4 });
}

fn point(frame: u32) -> serde_json::Value {
    json!({
        "tb": 12_345, "tbk": 2, "tl": 3, "mb": 10, "mbk": 1,
        "gb": 10, "gbk": 1, "eb": 0, "ebk": 0, "fs": [frame],
    })
}

fn view_points(name: &str, lifetimes: bool, points: &[serde_json::Value]) -> Page {
    let report = json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated",
        "bklt": lifetimes, "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 10,
        "cmd": "x", "pid": 1, "te": 5, "tg": 4, "pps": points,
        "ftbl": ["[root]", "0x1: first (a.rs:1:1)", "0x2: second (b.rs:2:1)"],
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.dhat.json"));
    fs::write(&path, report.to_string()).expect("the target folder can be written to");
    view(&path, &[], &["second (b.rs:2:1)", "third"], &screenshot(name))
}
