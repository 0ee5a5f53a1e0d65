//! `MOD_ALLOC_EVERY`: reports while the program runs, and a bounded number of files.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[expect(dead_code, reason = "other tests ask for more")]
mod signal_support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use heap_support::dhat_json::Report;
use heap_support::{Launch, assert_nothing_lost, numbers_in, programs, service_programs};
use signal_support::Running;

/// A program that waits, with a report each 100 ms.
fn start(name: &str, more: &[(&str, &str)]) -> Running {
    let launch = Launch::new(name, service_programs(), &["wait"]);
    let launch = launch.env("MOD_ALLOC", "on").env("MOD_ALLOC_EVERY", "100ms");
    let launch = more.iter().fold(launch, |launch, (key, value)| launch.env(key, value));
    let mut running = Running::start(launch);
    assert_eq!(running.line(), "ready");
    running
}

/// The numbers of the reports in a folder, whose names begin with `heap-`.
fn numbers(folder: &Path) -> BTreeSet<u32> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let number = |name: String| name.strip_prefix("heap-")?.strip_suffix(".json")?.parse().ok();
    names.filter_map(|name| number(name.into_string().unwrap())).collect()
}

/// Waits for a report of that number or a later one.
fn wait_for(folder: &Path, number: u32) {
    while numbers(folder).last().is_none_or(|last| *last < number) {
        std::thread::yield_now();
    }
}

#[test]
fn the_latest_reports_stay_and_the_last_has_the_next_number() {
    let kept = [("MOD_ALLOC_OUT", "heap-%n.json"), ("MOD_ALLOC_KEEP", "2")];
    let running = start("scheduled-kept", &kept);
    wait_for(&running.folder, 5);
    let left = running.end();
    assert!(left.status.success(), "{}", left.errors);
    let numbers: Vec<u32> = numbers(&left.folder).into_iter().collect();
    let last = *numbers.last().unwrap();
    assert!(last > 5, "{numbers:?}");
    assert_eq!(numbers, [last - 2, last - 1, last], "two, and the one at the end");
    for number in numbers {
        let report = Report::read(&left.folder.join(format!("heap-{number}.json")));
        assert!(report.sum().get("tbk") > 0);
    }
}

#[test]
fn without_a_place_for_the_number_it_stands_before_the_extension() {
    let running = start("scheduled-plain", &[("MOD_ALLOC_OUT", "plain.json")]);
    while !running.folder.join("plain.2.json").exists() {
        std::thread::yield_now();
    }
    let left = running.end();
    assert!(left.status.success(), "{}", left.errors);
    for name in ["plain.1.json", "plain.2.json", "plain.json"] {
        assert!(Report::read(&left.folder.join(name)).sum().get("tbk") > 0, "{name}");
    }
}

#[test]
fn dumps_share_the_numbers_and_stay() {
    let more =
        [("MOD_ALLOC_OUT", "heap-%n.json"), ("MOD_ALLOC_KEEP", "1"), ("MOD_ALLOC_SIGNAL", "USR1")];
    let mut running = start("scheduled-dump", &more);
    running.signal(libc::SIGUSR1);
    let dump = running.dump();
    let number = numbers(&running.folder);
    wait_for(&running.folder, number.last().unwrap() + 3);
    let left = running.end();
    let numbers = numbers(&left.folder);
    // The dump's, the latest on schedule, and the one at the end.
    assert_eq!(numbers.len(), 3, "{numbers:?}");
    let heading = dump.lines.first().unwrap();
    let number = numbers.first().unwrap();
    assert!(heading.contains(&format!("(dump {number})")), "{heading}");
}

#[test]
fn a_value_that_is_no_time_is_said_and_changes_nothing_else() {
    for (name, value, complaint) in [
        (
            "word",
            "often",
            "invalid MOD_ALLOC_EVERY=often; no reports on a schedule; 30s, 10m and 2h are times",
        ),
        ("short", "1ms", "invalid MOD_ALLOC_EVERY=1ms; using 100 ms"),
        ("off", "off", ""),
    ] {
        let running = start(&format!("scheduled-{name}"), &[("MOD_ALLOC_EVERY", value)]);
        let left = running.end();
        assert!(left.status.success(), "{}", left.errors);
        let said = left.errors.lines().find(|line| line.contains("invalid "));
        assert_eq!(said.unwrap_or_default().trim_start_matches("mod-alloc: "), complaint);
    }
}

#[test]
fn memory_and_files_stay_bounded_however_many_events_there_are() {
    const EVENTS: &str = "4000000";
    let settings = [
        ("MOD_ALLOC_SAMPLE", "64KiB"),
        ("MOD_ALLOC_EVERY", "100ms"),
        ("MOD_ALLOC_KEEP", "2"),
        ("MOD_ALLOC_OUT", "heap-%n.json"),
        ("MOD_ALLOC_TIMELINE", "sites"),
        ("MOD_ALLOC_RECORD", "week.recording"),
    ];
    let launch = Launch::new("week", programs(), &["week", EVENTS, "65536", "262144", "0"]);
    let launch = settings.iter().fold(launch, |launch, (key, value)| launch.env(key, value));
    let ended = launch.run().with_status(0);
    let resident: Vec<u64> =
        ended.stdout.lines().flat_map(|line| numbers_in(line, "resident")).collect();
    let [_, _, _, early, .., late] = resident[..] else { panic!("{}", ended.stdout) };
    assert!(late <= early + (2 << 20), "{resident:?}");
    let numbers = numbers(&ended.folder);
    assert!(numbers.len() <= 3, "two, and the one at the end: {numbers:?}");
    let report = ended.report_at(&format!("heap-{}.json", numbers.last().unwrap()));
    assert_nothing_lost(&report);
    let blocks = report.json["x_sampling"]["total_blocks"].as_u64().unwrap();
    assert!(blocks >= EVENTS.parse::<u64>().unwrap() / 2, "{blocks}");
}
