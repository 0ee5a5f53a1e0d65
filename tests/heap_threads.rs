//! Programs of many threads: totals and end values exact, peaks as good as promised.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, Sites, assert_nothing_lost, assert_only_lost, lost, programs};

/// Runs a program to its end with `MOD_ALLOC_PEAK` set.
fn run(peak: &str, arguments: &[&str]) -> Ended {
    let name = format!("{} {peak}", arguments[..arguments.len().min(2)].join(" "));
    let launch = Launch::new(&name.replace("{}", ""), programs(), arguments);
    launch.env("MOD_ALLOC_PEAK", peak).run().with_status(0)
}

/// Numbers that do not depend on how the threads were scheduled.
const FIXED: [&str; 4] = ["tb", "tbk", "eb", "ebk"];

fn exchange(peak: &str, blocks: &str) {
    let ended = run(peak, &["exchange", blocks, "{}"]);
    let report = ended.report();
    assert_nothing_lost(&report);
    let sites = Sites::of(&report);
    for index in 0..16 {
        let site = format!("site_{index:02}");
        assert_eq!(&sites.sum(&site, FIXED)[..], ended.numbers(&site), "{site}: {FIXED:?}");
    }
    let reports = ended.numbers("reports")[0];
    assert!(reports >= 1, "{reports} reports while eight threads allocated");
    for n in 0..reports.min(4) {
        // Reading it checks that it loads; how much it has depends on the moment.
        let meanwhile = Sites::of(&Report::read(&ended.folder.join(format!("meanwhile-{n}.json"))));
        for index in 0..16 {
            let site = format!("site_{index:02}");
            let [blocks] = meanwhile.sum(&site, ["tbk"]);
            assert!(blocks <= ended.numbers(&site)[1], "{site} in report {n}");
        }
    }
    assert_threads_add_up(&report);
}

/// The thread registry has all that the sites have.
fn assert_threads_add_up(report: &Report) {
    let threads = report.json["x_threads"].as_array().expect("a list");
    let sum = |key: &str| -> u64 {
        threads.iter().map(|thread| thread[key].as_u64().expect("a number")).sum()
    };
    assert_eq!(sum("total_bytes"), report.sum().get("tb"));
    assert_eq!(sum("total_blocks"), report.sum().get("tbk"));
    assert_eq!(sum("total_blocks") - sum("freed_blocks"), report.sum().get("ebk"));
}

#[test]
fn blocks_freed_by_other_threads_are_counted_where_they_were_made() {
    exchange("bounded", "200000");
}

#[test]
fn bounded_peaks_contradict_nothing_either() {
    let report = run("bounded", &["exchange", "50000", "{}"]).report();
    assert_eq!(report.json["x_settings"]["peak"], "bounded");
    assert_eq!(report.contradictions(), [""; 0]);
}

#[test]
fn exact_peaks_lose_nothing_either() {
    exchange("exact", "40000");
}

/// Four threads with a site each and one site for all; see the program.
const CLIMBERS: [&str; 4] = ["site_00", "site_01", "site_02", "site_03"];
const SHARED: &str = "site_04";
const SUMMIT: u64 = 40_000_000;

#[test]
fn exact_peaks_are_exact() {
    let ended = run("exact", &["summit"]);
    let report = ended.report();
    assert_nothing_lost(&report);
    assert_eq!(report.json["x_settings"]["peak"], "exact");
    let sites = Sites::of(&report);
    let keys = ["mb", "mbk", "gb", "gbk", "eb", "ebk"];
    for site in CLIMBERS {
        assert_eq!(sites.get(site, keys), [5_000_000, 500, 5_000_000, 500, 0, 0], "{site}");
    }
    assert_eq!(sites.get(SHARED, keys), [20_000_000, 2_000, 20_000_000, 2_000, 0, 0]);
    assert_eq!(report.sum().get("gb"), ended.numbers("snapshot")[0]);
}

#[test]
fn bounded_peaks_are_within_one_percent() {
    for _ in 0..5 {
        let ended = run("bounded", &["summit"]);
        let report = ended.report();
        assert_nothing_lost(&report);
        assert_eq!(report.json["x_settings"]["peak"], "bounded");
        let sites = Sites::of(&report);
        let near = |what: &str, number: u64, expected: u64| {
            let off = number.abs_diff(expected);
            assert!(off <= SUMMIT / 100, "{what} is {number}, expected {expected}");
        };
        for (site, expected) in
            CLIMBERS.map(|site| (site, 5_000_000)).into_iter().chain([(SHARED, 20_000_000)])
        {
            let [max, max_blocks, peak, peak_blocks] = sites.get(site, ["mb", "mbk", "gb", "gbk"]);
            near(site, max, expected);
            near(site, peak, expected);
            near(site, 10_000 * max_blocks, expected);
            near(site, 10_000 * peak_blocks, expected);
            assert_eq!(sites.get(site, ["tbk", "eb", "ebk"])[1..], [0, 0], "{site}");
        }
        // Memory that the threads themselves need at the same time.
        let small = SUMMIT / 1_000;
        let [peak, current] = ended.numbers("snapshot")[..] else { panic!("two numbers") };
        near("the snapshot's peak", peak, SUMMIT + small);
        near("the report's peak", report.sum().get("gb"), SUMMIT + small);
        assert!(current < 2 * small, "{current} bytes live in the end");
    }
}

#[test]
fn more_threads_than_slots_are_counted_all_the_same() {
    const THREADS: u64 = 1_200;
    let ended = run("bounded", &["crowd", &THREADS.to_string()]);
    let report = ended.report();
    assert_only_lost(&report, &["threads_overflowed"]);
    let overflowed = lost(&report, "threads_overflowed");
    // Of the threads without a slot, each has at least 4 allocations and 3 frees.
    assert!(overflowed >= 7 * (THREADS - 1_023), "{overflowed} events");
    let crowd = Sites::of(&report).sum("site_crowd", FIXED);
    assert_eq!(crowd, [4_000 * THREADS, 4 * THREADS, 1_000 * THREADS, THREADS]);
    assert_threads_add_up(&report);
    let said = ended.said();
    let line = said.iter().find(|line| line.starts_with("Lost: ")).expect("the loss is said");
    assert!(line.contains("threads without a slot"), "{line}");
}

#[test]
fn threads_that_come_and_go_reuse_slots() {
    const THREADS: u64 = 10_000;
    let report = run("bounded", &["generations", &THREADS.to_string()]).report();
    assert_nothing_lost(&report);
    let sites = Sites::of(&report);
    let expected = [128 * THREADS, 2 * THREADS, 64 * THREADS, THREADS];
    assert_eq!(sites.sum("site_generation", FIXED), expected);
    let slots = report.json["x_threads"].as_array().expect("a list").len();
    assert!(slots < 50, "{slots} slots for at most nine threads at once");
    assert_threads_add_up(&report);
}

#[test]
fn an_exit_among_running_threads_writes_a_sound_report() {
    for round in 0..10 {
        let name = format!("exit-race {round}");
        let ended = Launch::new(&name, programs(), &["exit-race"]).run().with_status(3);
        let report = Report::read(&ended.folder.join("dhat-heap.json"));
        let [blocks, live] = Sites::of(&report).sum("site_race", ["tbk", "ebk"]);
        assert!(blocks > 1_000 && live <= 4, "{blocks} blocks, {live} live");
    }
}
