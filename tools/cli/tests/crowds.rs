//! Many of everything: threads, live blocks, call sites, processes.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::fs;
use std::path::Path;

use mod_alloc::recording::model::Losses;
use traced::compared::traced_like_plain;
use traced::native;
use traced::program::Program;
use traced::recorded::{KEYS, Recorded, recording};

fn crowd(arguments: &[&str]) -> Recorded {
    let program = Program::new(native::program("crowds"), arguments);
    let (ended, recorded) = traced_like_plain(&program);
    recorded.assert_counted(&ended.with_status(0).stdout);
    recorded
}

#[test]
fn five_hundred_threads_at_once() {
    crowd(&["threads-at-once", "500"]).assert_nothing_lost();
}

#[test]
fn two_thousand_threads_at_once() {
    let recorded = crowd(&["threads-at-once", "2000"]);
    // More than have a place of their own are recorded together.
    assert_eq!(recorded.other_losses(&["threads_overflowed"]), []);
}

#[test]
fn five_thousand_threads_in_turn() {
    crowd(&["threads-in-turn", "5000"]).assert_nothing_lost();
}

#[test]
fn a_million_live_blocks() {
    crowd(&["live", "1000000"]).assert_nothing_lost();
}

#[test]
fn a_hundred_thousand_sites() {
    crowd(&["sites", "100000"]).assert_nothing_lost();
}

/// Each has a recording of its own, which begins with what it has from its parent: three bytes more than
/// the one before it.
#[test]
fn ten_thousand_recorded_children() {
    const CHILDREN: usize = 10_000;
    let program = Program::new(native::program("children"), &["many", &CHILDREN.to_string()]);
    let ended = program.traced_with_children().with_status(0);
    let files = ended.recordings();
    assert_eq!(files.len(), CHILDREN + 1);
    let mut all: Vec<_> = files.iter().map(|path| all_sites(path)).collect();
    // The last child has as many blocks as its parent, and fewer bytes: it has printed nothing.
    all.sort_unstable_by_key(|numbers| (numbers[1], numbers[0]));
    let [bytes, blocks, live_bytes, live] = all[0];
    for (index, numbers) in (0..).zip(&all[..CHILDREN]) {
        let [more, one] = [3 * index, index];
        let expected = [bytes + more, blocks + one, live_bytes + more, live + one];
        assert_eq!(*numbers, expected, "child {index}: {KEYS:?}");
    }
    // The parent was the last to make a block, and made none of theirs.
    let parent = files.iter().find(|path| path.ends_with(format!("recording.{}", ended.id)));
    let parent = Recorded::read(parent.expect("the parent's is one of them"));
    parent.assert_counted(&ended.stdout);
    for path in files {
        fs::remove_file(path).expect("it was there");
    }
}

/// The sums of a recording, whatever is known of places. Nothing was lost.
fn all_sites(path: &Path) -> [u64; 4] {
    let recording = recording(path);
    assert_eq!(recording.losses, Losses::default(), "{}", path.display());
    recording.sites.iter().map(|site| &site.counters).fold([0; 4], |sum, more| {
        let more = [more.total_bytes, more.total_blocks, more.end_bytes, more.end_blocks];
        std::array::from_fn(|index| sum[index] + more[index])
    })
}
