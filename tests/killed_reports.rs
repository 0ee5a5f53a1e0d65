//! A program that is killed in the middle of a dump or a report leaves no half file in its place.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
mod killed_support;

use std::fs;
use std::path::Path;

use heap_support::dhat_json::Report;
use heap_support::{Launch, programs};
use killed_support::Traced;

/// A report from before the program, which is as long as no report of it.
const EARLIER: &str = "an earlier report";

/// True if a whole report of the program is there; false if nothing is, or the earlier report.
fn is_written(path: &Path, when: usize) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return false };
    if text == EARLIER {
        return false;
    }
    let report = Report::parse(&text);
    report.unwrap_or_else(|error| panic!("{} at stop {when}: {error}", path.display()));
    true
}

/// The program is killed before and after each call of the system that can change a file, in a run
/// of its own for each.
#[test]
fn a_killed_program_leaves_whole_reports_or_none() {
    let names = ["dhat-heap.1.json", "asked.json", "dhat-heap.json"];
    let mut written = [0_usize; 3];
    let mut stops = 0;
    loop {
        let mut launch = Launch::new("killed", programs(), &["reports-thrice"]);
        launch.command.env("MOD_ALLOC_SIGNAL", "USR1");
        for name in &names[1..] {
            fs::write(launch.folder.join(name), EARLIER).expect("room for a file");
        }
        let was_killed = Traced::start(launch.command).kill_at(stops);
        for (name, count) in names.iter().zip(&mut written) {
            *count += usize::from(is_written(&launch.folder.join(name), stops));
        }
        if !was_killed {
            let all = names.iter().all(|name| is_written(&launch.folder.join(name), stops));
            assert!(all, "a program that nobody kills writes them all");
            break;
        }
        stops += 1;
    }
    // Each report is more than two writes, and was there after some of the kills, not after all.
    assert!(stops > 24, "{stops} stops");
    assert!(written.is_sorted_by(|a, b| a > b), "{written:?} of {stops}");
    assert!(written[0] < stops && written[2] > 1, "{written:?} of {stops}");
}
