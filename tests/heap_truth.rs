//! Every number of every site, to the byte, for programs of one thread whose numbers are known.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::time::Duration;

use heap_support::dhat_json::Report;
use heap_support::{COUNTED, Ended, Launch, Sites, assert_nothing_lost, numbers_in, programs};

/// Runs a program to its end; one thread, so that all is exact and nothing is lost.
fn run(arguments: &[&str]) -> (Ended, Report) {
    let name = arguments.join("-").replace(['{', '}', '/'], "");
    ended(Launch::new(&name, programs(), arguments))
}

fn ended(launch: Launch) -> (Ended, Report) {
    let ended = launch.run().with_status(0);
    let report = ended.report();
    assert_nothing_lost(&report);
    assert_eq!(report.json["x_settings"]["peak"], "exact");
    (ended, report)
}

#[test]
fn blocks_that_stay_and_blocks_that_go() {
    let (_, report) = run(&["simple"]);
    let sites = Sites::of(&report);
    //                          tb      tbk mb      mbk gb     gbk eb     ebk
    sites.expect("site_freed", [200, 4, 100, 2, 0, 0, 0, 0]);
    sites.expect("site_kept", [30_000, 3, 30_000, 3, 30_000, 3, 30_000, 3]);
}

#[test]
fn a_reallocation_is_a_block_more_and_the_difference_live() {
    let (_, report) = run(&["reallocations"]);
    let sites = Sites::of(&report);
    sites.expect("site_grown", [40_000, 2, 30_000, 1, 30_000, 1, 30_000, 1]);
    sites.expect("site_same", [14_000, 2, 7_000, 1, 7_000, 1, 7_000, 1]);
    sites.expect("site_shrunk", [45_000, 2, 40_000, 1, 40_000, 1, 5_000, 1]);
    sites.expect("site_chain", [7_500, 4, 4_000, 1, 0, 0, 0, 0]);
    let (m, half) = (1 << 20, 1 << 19);
    sites.expect("site_large", [5 * m + half, 3, 4 * m, 1, 4 * m, 1, half, 1]);
    sites.expect("site_other", [9_000, 2, 6_000, 1, 0, 0, 6_000, 1]);
}

#[test]
fn the_latest_of_equal_peaks_is_the_peak() {
    equal_peaks("new", [600_000, 1]);
}

#[test]
fn an_equal_peak_by_reallocation_counts_too() {
    equal_peaks("resized", [601_000, 2]);
}

/// `total`: of the site that made the last of the peaks.
fn equal_peaks(last: &str, total: [u64; 2]) {
    let (ended, report) = run(&["equal-peaks", last]);
    let sites = Sites::of(&report);
    sites.expect("site_first", [600_000, 1, 600_000, 1, 0, 0, 0, 0]);
    sites.expect("site_second", [600_000, 2, 600_000, 2, 0, 0, 0, 0]);
    sites.expect("site_third", [600_000, 3, 600_000, 3, 0, 0, 0, 0]);
    sites.expect("site_last", [total[0], total[1], 600_000, 1, 600_000, 1, 0, 0]);
    sites.expect("site_one_then_two", [120_000, 3, 60_000, 2, 0, 0, 0, 0]);
    sites.expect("site_two_then_one", [120_000, 3, 60_000, 1, 0, 0, 0, 0]);
    // The recording began before the program's own clock and ended after it.
    let peak = ended.numbers("peak");
    let end = ended.numbers("end")[0];
    let before_main = report.end_time - end;
    assert!(report.peak_time >= peak[0], "tg {}, peak {peak:?}", report.peak_time);
    assert!(report.peak_time <= peak[1] + before_main, "tg {}, peak {peak:?}", report.peak_time);
    assert!(report.end_time > report.peak_time + 20_000, "the peak is 20 ms before the end");
    assert!(Duration::from_micros(report.end_time) <= ended.took, "longer than the process");
}

#[test]
fn a_site_has_a_maximum_of_its_own() {
    let (_, report) = run(&["own-peaks"]);
    let sites = Sites::of(&report);
    sites.expect("site_early", [500_000, 1, 500_000, 1, 0, 0, 0, 0]);
    sites.expect("site_before", [30_000, 2, 30_000, 2, 30_000, 2, 0, 0]);
    sites.expect("site_summit", [1_000_000, 1, 1_000_000, 1, 1_000_000, 1, 0, 0]);
    sites.expect("site_late", [301_000, 3, 300_000, 2, 0, 0, 0, 0]);
    sites.expect("site_partly", [90_000, 4, 90_000, 4, 20_000, 2, 5_000, 1]);
}

#[test]
fn zeroed_and_aligned_blocks_count_what_was_asked_for() {
    let (_, report) = run(&["layouts"]);
    let sites = Sites::of(&report);
    sites.expect("site_zeroed", [123_456, 1, 123_456, 1, 123_456, 1, 123_456, 1]);
    sites.expect("site_aligned_zeroed", [10_000, 1, 10_000, 1, 10_000, 1, 10_000, 1]);
    let aligned = ["tb", "tbk", "mb", "gb", "gbk", "eb", "ebk"];
    let sum = [125_000, 3, 120_000, 120_000, 2, 50_000, 1];
    assert_eq!(sites.sum("site_aligned", aligned), sum);
}

#[test]
fn lifetimes_are_what_the_program_s_clock_says() {
    assert_lifetimes(&run(&["lifetimes"]));
}

/// Room for the recording's file takes tens of milliseconds, which belong to no block.
#[test]
#[cfg_attr(mod_alloc_portable, ignore = "there are no recordings")]
fn they_are_in_a_recording_in_a_file_too() {
    let launch = Launch::new("lifetimes-file", programs(), &["lifetimes"]);
    assert_lifetimes(&ended(launch.env("MOD_ALLOC_RECORD", "one.rec")));
}

fn assert_lifetimes((ended, report): &(Ended, Report)) {
    let sites = Sites::of(report);
    for site in ["site_short", "site_reallocated", "site_twice", "site_live"] {
        let bounds = ended.numbers(site);
        let [lived] = sites.sum(site, ["tl"]);
        // Both clocks are read in steps below a microsecond; the two are compared once, at
        // the end, where the scheduler may come between the readings.
        let slack = 10 + bounds[1] / 50;
        let late = if site == "site_live" { report.end_time - ended.numbers("end")[0] } else { 0 };
        assert!(lived + slack >= bounds[0], "{site} lived {lived}, at least {bounds:?}");
        assert!(lived <= bounds[1] + late + slack, "{site} lived {lived}, at most {bounds:?}");
    }
    assert!(report.end_time >= ended.numbers("end")[0]);
    assert!(Duration::from_micros(report.end_time) <= ended.took, "longer than the process");
}

#[test]
fn reports_on_demand_are_exact_at_that_moment() {
    let (ended, last) = run(&["stages", "{}"]);
    let stages = [0, 1, 2, 3].map(|n| ended.report_at(&format!("stage-{n}.json")));
    let keys = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];
    let staged = |report: &Report| Sites::of(report).sum("site_stage", keys);
    let passing = |report: &Report| Sites::of(report).sum("site_passing", keys);
    assert_eq!(staged(&stages[0]), [0; 6]);
    assert_eq!(staged(&stages[1]), [3_000_000, 2, 3_000_000, 2, 3_000_000, 2]);
    assert_eq!(staged(&stages[2]), [4_500_000, 3, 3_000_000, 2, 1_500_000, 1]);
    assert_eq!(staged(&stages[3]), [7_500_000, 4, 4_500_000, 2, 4_500_000, 2]);
    assert_eq!(staged(&last), [7_500_000, 4, 4_500_000, 2, 0, 0]);
    assert_eq!(passing(&stages[1]), [1_000, 1, 0, 0, 0, 0]);
    assert_eq!(passing(&stages[3]), [3_000, 2, 2_000, 1, 0, 0]);

    let snapshots = [0, 1, 2, 3].map(|n| ended.numbers(&format!("stage-{n}")));
    // Bytes that std reallocated before the first report.
    let kept_before = stages[0].sum().get("tb") - snapshots[0][5];
    for (stage, (report, snapshot)) in stages.iter().zip(&snapshots).enumerate() {
        let sum = report.sum();
        let kept = kept_before + if stage >= 2 { 1_000_000 } else { 0 };
        let sums = ["tbk", "tb", "gb", "eb", "ebk"].map(|key| sum.get(key));
        let [blocks, bytes, rest @ ..] = sums;
        let expected = [blocks, bytes, rest[0], rest[1], rest[2], bytes - kept];
        assert_eq!(&expected[..], snapshot, "stage {stage}");
    }
}

/// Random allocations at fifty sites against a model that is plain arithmetic.
fn compare_with_model(seed: &str) {
    let (ended, last) = run(&["model", seed, "{}"]);
    let mut at_moments = ended.stdout.split("after ").skip(1);
    for moment in 0..4 {
        let expected = at_moments.next().expect("the model at each of the moments");
        let report = ended.report_at(&format!("after-{moment}.json"));
        let sites = Sites::of(&report);
        for index in 0..50 {
            let site = format!("site_{index:02}");
            let model = numbers_in(expected, &site);
            assert_eq!(&sites.get(&site, COUNTED)[..], model, "{site} at moment {moment}");
        }
        if moment == 3 {
            // From then on the program makes and frees nothing at these sites.
            assert_eq!(Sites::of(&last).get("site_00", COUNTED), sites.get("site_00", COUNTED));
        }
    }
}

#[test]
fn random_allocations_agree_with_a_model() {
    compare_with_model("1");
}

#[test]
fn other_random_allocations_agree_with_a_model_too() {
    compare_with_model("88172645463325252");
}
