//! Distributions of sizes and lifetimes: their sums are those of the sites, and each block is in its class.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::path::Path;

use heap_support::{Ended, Launch, dhat_programs, group_programs, programs};
use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::{Histogram, Recording};

const ON: (&str, &str) = ("MOD_ALLOC_LIFETIMES", "on");

/// Runs a program with a recording.
fn run(program: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let values: Vec<_> = settings.iter().map(|(_, value)| *value).collect();
    let name = format!("{} {}", arguments.join("-"), values.join("-")).replace(['{', '}', '/'], "");
    let launch = Launch::new(&name, program, arguments).env("MOD_ALLOC_RECORD", "one.rec");
    settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).run()
}

fn recording(path: &Path) -> Recording {
    let recording = RecordingFile::open(path).and_then(|file| file.read());
    recording.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn of(ended: &Ended) -> Recording {
    recording(&ended.folder.join("one.rec"))
}

fn sums(histogram: &Histogram) -> [u64; 2] {
    [&histogram.bytes, &histogram.blocks].map(|numbers| numbers.iter().sum())
}

fn sizes(recording: &Recording) -> Histogram {
    recording.histograms.clone().expect("in each recording").sizes.expect("in each recording")
}

fn lifetimes(recording: &Recording) -> Option<Histogram> {
    recording.histograms.clone().expect("in each recording").lifetimes
}

/// Bytes and blocks that all sites have had, and the blocks that are live.
fn totals(recording: &Recording) -> ([u64; 2], u64) {
    let counters = || recording.sites.iter().map(|site| site.counters);
    let totals = [
        counters().map(|counters| counters.total_bytes).sum(),
        counters().map(|counters| counters.total_blocks).sum(),
    ];
    (totals, counters().map(|counters| counters.end_blocks).sum())
}

/// Each class has blocks that fit into it.
fn assert_possible(histogram: &Histogram) {
    for (class, (&bytes, &blocks)) in histogram.bytes.iter().zip(&histogram.blocks).enumerate() {
        let least = if class == 0 { 0 } else { blocks << (class - 1) };
        let most = blocks * ((1 << class) - 1);
        assert!((least..=most).contains(&bytes), "class {class}: {bytes} bytes, {blocks} blocks");
    }
}

/// The sizes have what all sites have.
fn assert_whole(recording: &Recording) {
    let sizes = sizes(recording);
    assert_possible(&sizes);
    assert_eq!(sums(&sizes), totals(recording).0);
    let [bytes, blocks] = sums(&sizes);
    assert!(bytes > 0 && blocks > 0);
}

#[test]
fn all_blocks_of_all_kinds_of_threads_have_their_sizes() {
    for peak in ["bounded", "exact"] {
        let peak = [("MOD_ALLOC_PEAK", peak)];
        for arguments in [&["reallocations"][..], &["exchange", "50000", "{}"], &["crowd", "1200"]]
        {
            assert_whole(&of(&run(programs(), arguments, &peak).with_status(0)));
        }
    }
}

#[test]
fn blocks_that_find_the_table_full_have_sizes_too() {
    let full = [("MOD_ALLOC_BUCKETS", "64")];
    assert_whole(&of(&run(programs(), &["exchange", "1000", "{}"], &full).with_status(0)));
}

#[test]
fn a_block_is_in_the_class_of_its_size() {
    let with = sizes(&of(&run(programs(), &["histograms"], &[]).with_status(0)));
    let without = sizes(&of(&run(programs(), &["histograms", "nothing"], &[]).with_status(0)));
    let more = |class: usize| {
        let more = |with: &[u64], without: &[u64]| with[class] - without.get(class).unwrap_or(&0);
        [more(&with.bytes, &without.bytes), more(&with.blocks, &without.blocks)]
    };
    // 2^20 and 2^21 - 1 bytes; 2^21 bytes, to which a block of 2^22 bytes is resized.
    assert_eq!(
        [more(21), more(22), more(23)],
        [[(1 << 20) + (1 << 21) - 1, 2], [1 << 21, 1], [1 << 22, 1],]
    );
    assert_eq!(with.blocks.len(), 24, "no class is larger");
}

#[test]
fn a_window_has_its_own_blocks_alone() {
    let ended = run(dhat_programs(), &["profilers", "3"], &[ON]);
    let recording = of(&ended.with_status(0));
    assert_whole(&recording);
    let dead = sums(&lifetimes(&recording).expect("set"));
    assert!(dead[1] > 0 && dead[1] <= totals(&recording).0[1]);
}

#[test]
fn a_forked_child_goes_on_with_its_parents_histograms() {
    let ended = run(programs(), &["fork"], &[ON]).with_status(0);
    let [child] = ended.numbers("child")[..] else { panic!("{}", ended.stdout) };
    assert_whole(&of(&ended));
    let childs = recording(&ended.folder.join(format!("one.rec.{child}")));
    assert_whole(&childs);
    assert_dead_blocks_have_lifetimes(&childs);
}

/// Each block is live or has a lifetime, but for the totals' blocks that were others resized: some
/// of a hundred.
fn assert_dead_blocks_have_lifetimes(recording: &Recording) {
    assert_eq!(recording.losses.damaged_trailers, 0);
    let [bytes, blocks] = sums(&lifetimes(recording).expect("set"));
    let ([all_bytes, all], live) = totals(recording);
    assert!(bytes < all_bytes && blocks + live <= all, "{blocks} {live} {all}");
    assert!(blocks + live >= all - all / 8, "{blocks} {live} {all}");
}

#[test]
fn each_block_that_was_freed_has_a_lifetime() {
    for peak in ["bounded", "exact"] {
        let settings = [ON, ("MOD_ALLOC_PEAK", peak)];
        for arguments in [&["exchange", "50000", "{}"][..], &["crowd", "1200"], &["layouts"]] {
            let recording = of(&run(programs(), arguments, &settings).with_status(0));
            assert_whole(&recording);
            assert_dead_blocks_have_lifetimes(&recording);
        }
    }
}

#[test]
fn a_block_is_in_the_class_of_its_lifetime() {
    let ended = run(programs(), &["histograms"], &[ON]).with_status(0);
    let found = lifetimes(&of(&ended)).expect("set");
    // Blocks that lived for 40 ms, by the program's clock, one of them resized after 30 ms.
    let bounds = ended.numbers("lived");
    let class = |micros: u64| (u64::BITS - micros.leading_zeros()) as usize;
    let classes = class(bounds[0].saturating_sub(1))..=class(bounds[1] + 1);
    let blocks: u64 = found.blocks[classes.clone()].iter().sum();
    let bytes: u64 = found.bytes[classes].iter().sum();
    assert!((3..10).contains(&blocks), "{blocks} blocks: {found:?}");
    let least = (1 << 20) + ((1 << 21) - 1) + (1 << 22);
    assert!((least..least + 100_000).contains(&bytes), "{bytes} bytes: {found:?}");
}

#[test]
fn no_lifetimes_are_kept_where_none_are_asked_for() {
    assert_eq!(lifetimes(&of(&run(programs(), &["reallocations"], &[]).with_status(0))), None);
}

#[test]
fn sites_and_totals_are_the_same_with_lifetimes() {
    let numbers = |settings: &[(&str, &str)]| {
        let ended = run(programs(), &["reallocations"], settings).with_status(0);
        let report = ended.report();
        ["tb", "tbk", "gb", "gbk", "eb", "ebk"].map(|key| report.sum().get(key))
    };
    assert_eq!(numbers(&[ON]), numbers(&[]));
}

/// A tracker's blocks have another trailer.
#[test]
fn blocks_that_are_tracked_have_lifetimes_too() {
    let ended = run(group_programs(), &["tracker-model"], &[ON]).with_status(0);
    let recording = of(&ended);
    assert_whole(&recording);
    assert_eq!(recording.losses.damaged_trailers, 0);
    assert!(sums(&lifetimes(&recording).expect("set"))[1] > 0);
}
