//! Groups of allocations: every byte in the right one, exactly, whoever frees it.
//!
//! The programs check what they can ask for themselves; here it is that the report says the same.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::collections::BTreeMap;
use std::process::Command;

use heap_support::dhat_json::{Counters, Report};
use heap_support::{
    Ended, Launch, assert_nothing_lost, assert_only_lost, group_programs, lost, mod_alloc_command,
};

/// The numbers of a group: total blocks and bytes, live blocks and bytes, peak bytes.
type Groups = Vec<(String, [u64; 5])>;

fn launch(program: &str) -> Launch {
    Launch::new(program, group_programs(), &[program])
}

/// The groups that the program says it has.
fn said(ended: &Ended) -> Groups {
    let group = |line: &str| {
        let words: Vec<_> = line.splitn(6, ' ').collect();
        let [numbers @ .., name] = &*words else { return None };
        let numbers: Vec<u64> =
            numbers.iter().map(|number| number.parse()).collect::<Result<_, _>>().ok()?;
        Some(((*name).to_owned(), numbers.try_into().ok()?))
    };
    ended.stdout.lines().filter_map(group).collect()
}

/// The groups in the report.
fn reported(report: &Report) -> Groups {
    let keys = ["total_blocks", "total_bytes", "live_blocks", "live_bytes", "peak_bytes"];
    let groups = report.json["x_groups"].as_array().cloned().unwrap_or_default();
    let group = |group: serde_json::Value| {
        let number = |key: &str| group[key].as_u64().expect("a number");
        (group["name"].as_str().expect("a name").to_owned(), keys.map(number))
    };
    groups.into_iter().map(group).collect()
}

/// The sums of the stacks by group.
fn by_frame(report: &Report) -> BTreeMap<&str, Counters> {
    let mut sums = BTreeMap::<_, Counters>::new();
    for point in &report.points {
        let outermost = report.stack(point).last().expect("no stack is empty");
        let group = outermost.strip_prefix("[group: ").and_then(|rest| rest.strip_suffix("]"));
        if let Some(group) = group {
            *sums.entry(group).or_default() += point.counters;
        }
    }
    sums
}

/// The report's groups are these, and their stacks add up to the same numbers.
fn assert_groups(report: &Report, expected: &Groups) {
    assert!(!expected.is_empty());
    assert_eq!(&reported(report), expected);
    let sums = by_frame(report);
    for (name, [blocks, bytes, live_blocks, live_bytes, _]) in expected {
        let sum = sums.get(name.as_str()).copied().unwrap_or_default();
        let sum = ["tbk", "tb", "ebk", "eb"].map(|key| sum.get(key));
        assert_eq!(sum, [*blocks, *bytes, *live_blocks, *live_bytes], "{name}");
    }
    let known = expected.iter().filter(|(_, numbers)| numbers[0] > 0).count();
    assert_eq!(sums.len(), known, "{sums:?}");
}

/// The program runs to its end, and its report says of groups what it says itself.
fn agrees(launch: Launch) -> Report {
    let ended = launch.run().with_status(0);
    let report = ended.report();
    assert_nothing_lost(&report);
    assert_groups(&report, &said(&ended));
    report
}

/// Likewise, whether peaks are exact or not.
fn agrees_in_both_modes(program: &str) {
    agrees(launch(program));
    let exact = Launch::new(&format!("{program} exact"), group_programs(), &[program]);
    let report = agrees(exact.env("MOD_ALLOC_PEAK", "exact"));
    assert_eq!(report.json["x_settings"]["peak"], "exact");
}

/// The program finds all as it should be.
fn succeeds(launch: Launch) -> Report {
    let report = launch.run().with_status(0).report();
    assert_nothing_lost(&report);
    report
}

#[test]
fn ten_groups_of_tasks_on_two_workers() {
    for round in 0..5 {
        let name = format!("tokio {round}");
        let mut launch = Launch::new(&name, group_programs(), &["tokio"]);
        if round % 2 == 1 {
            launch = launch.env("MOD_ALLOC_PEAK", "exact");
        }
        let ended = launch.run().with_status(0);
        let report = ended.report();
        assert_nothing_lost(&report);
        assert_eq!(ended.numbers("moved"), [80]);
        let said = said(&ended);
        assert_eq!(said.len(), 10);
        assert_groups(&report, &said);
    }
}

#[test]
fn numbers_and_reallocations() {
    let ended = launch("numbers").run().with_status(0);
    let report = ended.report();
    assert_nothing_lost(&report);
    // The program goes on after it has printed them.
    assert_groups(&report, &vec![("work".into(), [6, 7956, 1, 60, 4396])]);
}

#[test]
fn groups_within_groups() {
    agrees_in_both_modes("nested");
}

#[test]
fn guards_in_any_order_and_number() {
    succeeds(launch("unordered"));
    succeeds(launch("deep"));
}

#[test]
fn a_panic_leaves_the_group() {
    succeeds(launch("panics"));
}

#[test]
fn names_and_numbers_of_tokens() {
    let ended = launch("tokens").run().with_status(0);
    let names: Vec<_> = reported(&ended.report()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["one", "one", "group 4", &"x".repeat(424)]);
}

#[test]
fn one_stack_of_several_groups() {
    let report = agrees(launch("same-site"));
    let shared = report
        .points
        .iter()
        .filter(|point| report.stack(point).any(|frame| frame.contains("site_shared")));
    assert_eq!(shared.count(), 3, "one of each group and one of none");
}

#[test]
fn futures_and_streams() {
    agrees_in_both_modes("future");
    agrees_in_both_modes("stream");
}

#[test]
fn spans() {
    agrees(launch("spans"));
    agrees(launch("named-spans"));
    succeeds(launch("unordered-spans"));
    succeeds(launch("no-layer"));
}

#[test]
fn threads() {
    agrees_in_both_modes("threads");
    agrees_in_both_modes("first-event");
}

#[test]
fn threads_that_end() {
    agrees(launch("teardown"));
}

#[test]
fn more_threads_than_places() {
    let ended = launch("crowd").run().with_status(0);
    let report = ended.report();
    assert_only_lost(&report, &["threads_overflowed"]);
    assert_groups(&report, &said(&ended));
}

#[test]
fn more_groups_than_places() {
    let ended = launch("overflow").run().with_status(0);
    let report = ended.report();
    assert_only_lost(&report, &["groups_overflowed"]);
    assert_eq!(lost(&report, "groups_overflowed"), 7);
    let said = ended.said().join("\n");
    assert!(said.contains("7 groups that found no room"), "{said}");
}

/// Blocks that find no room count for no group, and not as allocated outside of groups either.
#[test]
fn a_table_that_is_full() {
    let ended = launch("full-table").env("MOD_ALLOC_BUCKETS", "64").run().with_status(0);
    let report = ended.report();
    assert_only_lost(&report, &["table_full"]);
    let shared: Vec<_> = report
        .points
        .iter()
        .filter(|point| report.stack(point).any(|frame| frame.contains("site_shared")))
        .collect();
    let outermost = |point| report.stack(point).last().expect("no stack is empty");
    let outside: Vec<_> =
        shared.iter().filter(|point| !outermost(point).starts_with("[group: ")).collect();
    assert_eq!(outside.len(), 1);
    assert_eq!(outside[0].counters.get("tbk"), 1);
    let in_groups: u64 = reported(&report).iter().map(|(_, numbers)| numbers[0]).sum();
    assert_eq!(in_groups, shared.len() as u64 - 1);
    assert!(in_groups > 10 && lost(&report, "table_full") >= 3000 - in_groups, "{in_groups}");
}

#[test]
fn a_program_that_is_not_recorded() {
    for program in ["off", "tracker-off"] {
        let ended = launch(program).env("MOD_ALLOC", "off").run().with_status(0);
        assert!(!ended.folder.join("dhat-heap.json").exists());
    }
}

#[test]
fn a_forked_child_is_in_the_group() {
    let anonymous = launch("fork").run().with_status(0);
    assert_fork(&anonymous);
    let in_files = Launch::new("fork in files", group_programs(), &["fork"]);
    assert_fork(&in_files.env("MOD_ALLOC_RECORD", "fork.%p.rec").run().with_status(0));
}

fn assert_fork(ended: &Ended) {
    let child = ended.numbers("child")[0];
    assert_groups(&ended.report(), &said(ended));
    let of_child = ended.report_at(&format!("dhat-heap.json.{child}"));
    let expected =
        [("both".into(), [3, 1021, 2, 21, 1020]), ("later".into(), [1, 300, 1, 300, 300])];
    assert_groups(&of_child, &expected.into());
}

/// Of a process that was killed, the command makes the report that it did not live to write.
#[test]
#[cfg_attr(mod_alloc_portable, ignore = "there are no recordings")]
fn groups_of_a_killed_process_are_recovered() {
    let ended = launch("killed").env("MOD_ALLOC_RECORD", "killed.rec").run();
    assert!(ended.status.code().is_none() && !ended.folder.join("dhat-heap.json").exists());
    let mut recover = Command::new(mod_alloc_command());
    recover.args(["recover", "killed.rec", "-o", "recovered.json"]).current_dir(&ended.folder);
    assert!(recover.status().expect("it can be started").success());
    let recovered = ended.report_at("recovered.json");
    assert_nothing_lost(&recovered);
    assert_groups(&recovered, &said(&ended));
    let expected =
        [("a".into(), [2, 1004, 1, 4, 1000]), ("b".into(), [100, 3000, 100, 3000, 3000])];
    assert_groups(&recovered, &expected.into());
    let mut report = Command::new(mod_alloc_command());
    report.args(["report", "killed.rec"]).current_dir(&ended.folder);
    let shown = report.output().expect("it can be started").stdout;
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("\nGroups\n"), "{shown}");
    let row = ["2.93", "KiB", "100", "2.93", "KiB", "2.93", "KiB", "b"];
    let has_row = shown.lines().any(|line| line.split_whitespace().eq(row));
    assert!(has_row, "{shown}");
}

#[test]
fn a_tracker_is_told_what_happens() {
    succeeds(launch("tracker"));
    succeeds(launch("tracker-model"));
    succeeds(
        Launch::new("model exact", group_programs(), &["tracker-model"])
            .env("MOD_ALLOC_PEAK", "exact"),
    );
}

#[test]
fn what_a_tracker_allocates_is_nobodys() {
    let report = succeeds(launch("tracker-allocates"));
    let of = |site: &str| {
        let of_site = |frame: &str| frame.contains(site);
        let points = report.points.iter();
        let points = points.filter(|point| report.stack(point).any(of_site));
        let mut sum = Counters::default();
        points.for_each(|point| sum += point.counters);
        ["tbk", "tb", "ebk", "eb"].map(|key| sum.get(key))
    };
    assert_eq!(of("site_in_tracker"), [0; 4]);
    assert_eq!(of("site_a"), [10, 1000, 0, 0]);
    assert_eq!(of("site_kept"), [1, 10, 1, 10]);
    // The block that it freed of the program's.
    assert_eq!(of("tracker_allocates")[2..], [1, 10], "only the kept one is left");
}

#[test]
fn a_tracker_that_panics_harms_nobody() {
    let ended = launch("tracker-panics").run().with_status(0);
    assert!(ended.stdout.contains("alive"));
    let report = ended.report();
    assert_nothing_lost(&report);
}
