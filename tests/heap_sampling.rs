//! Samples: totals are exact, sites are right on average, and no event is lost.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use heap_support::{Ended, Launch, Sites, assert_nothing_lost, fixture, lost, programs};
use mod_alloc::recording::sampling::interval;
use serde_json::{Value, json};

const GAP: &str = "16KiB";
const GAP_BYTES: u64 = 16 << 10;

fn run(name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Ended {
    let launch = Launch::new(name, programs(), arguments);
    settings.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).run()
}

/// Runs a program with samples.
fn sampled(name: &str, arguments: &[&str]) -> Ended {
    run(name, arguments, &[("MOD_ALLOC_SAMPLE", GAP)]).with_status(0)
}

/// The sites of the program `samples`, with the bytes and blocks that they allocated, and those
/// that are live at the end.
const SITES: [(&str, [u64; 4]); 6] = [
    ("site_tiny", [800_000, 100_000, 400_000, 50_000]),
    ("site_small", [6_000_000, 60_000, 3_000_000, 30_000]),
    ("site_medium", [4096 * 4000, 4000, 4096 * 2000, 2000]),
    ("site_large", [300_000 * 60, 60, 300_000 * 30, 30]),
    ("site_growing", [30_000_000, 3000, 15_000_000, 1500]),
    ("site_shrinking", [64 * 3000, 3000, 64 * 1500, 1500]),
];
const KEYS: [&str; 4] = ["tb", "tbk", "eb", "ebk"];

#[test]
fn the_means_of_many_runs_are_the_truth() {
    const RUNS: usize = 20;
    let mut runs: Vec<Sites> = Vec::new();
    for number in 0..RUNS {
        let report = sampled(&format!("run {number}"), &["samples"]).report();
        assert_nothing_lost(&report);
        runs.push(Sites::of(&report));
    }
    let mut held = (0, 0);
    for (site, truth) in SITES {
        for (index, truth) in truth.into_iter().enumerate() {
            let numbers: Vec<_> = runs.iter().map(|sites| sites.sum(site, KEYS)[index]).collect();
            let off = errors_off(&numbers, truth);
            assert!(off < 5.5, "{site} {}: {off} errors off {truth}: {numbers:?}", KEYS[index]);
        }
        for sites in &runs {
            let [total_bytes, total_blocks, end_bytes, end_blocks] = sites.sum(site, KEYS);
            for (bytes, blocks, truth) in
                [(total_bytes, total_blocks, truth[0]), (end_bytes, end_blocks, truth[2])]
            {
                let (least, most) = interval(GAP_BYTES, bytes, blocks).expect("a gap");
                held.0 += u32::from(least <= truth && truth <= most);
                held.1 += 1;
            }
        }
    }
    let share = f64::from(held.0) / f64::from(held.1);
    assert!(share > 0.88, "{share} of the intervals hold the truth");
}

#[test]
fn each_block_is_exact_where_the_gap_may_change() {
    let ended = run("each", &["samples"], &[("MOD_ALLOC_SAMPLE", "all")]).with_status(0);
    let report = ended.report();
    assert_nothing_lost(&report);
    let sites = Sites::of(&report);
    for (site, truth) in SITES {
        assert_eq!(sites.sum(site, KEYS), truth, "{site}");
    }
    assert_eq!(report.json["x_sampling"]["mean_gap"], 1);
    assert_eq!(report.json["x_sampling"].get("mean_gaps"), None);
    assert!(ended.said()[3].contains("all numbers are exact"), "{}", ended.stderr);
}

/// Bytes and blocks that `samples-changing` allocates by its resizes.
fn grown() -> (u64, u64) {
    let mut kept: Vec<u64> = Vec::new();
    let (mut bytes, mut blocks) = (0, 0);
    for _ in 0..6 {
        for count in &mut kept {
            (bytes, blocks) = (bytes + *count * 10_000, blocks + *count);
            *count -= count.div_ceil(4);
        }
        (bytes, blocks) = (bytes + 600 * 5000, blocks + 600);
        kept.push(600);
    }
    (bytes, blocks)
}

#[test]
fn the_means_of_many_runs_are_the_truth_where_gaps_change() {
    const RUNS: usize = 30;
    let mut runs: Vec<Sites> = Vec::new();
    let mut truths = Vec::new();
    for number in 0..RUNS {
        // A first gap that is not the only one, and of each block.
        let first = if number % 2 == 0 { GAP } else { "all" };
        let settings = [("MOD_ALLOC_SAMPLE", first)];
        let ended = run(&format!("changing {number}"), &["samples-changing"], &settings);
        let ended = ended.with_status(0);
        let report = ended.report();
        assert_nothing_lost(&report);
        let first = if number % 2 == 0 { GAP_BYTES } else { 1 };
        let sampling = &report.json["x_sampling"];
        assert_eq!(sampling["mean_gap"], 256 << 10);
        let gaps =
            if first == 1 { json!([1, 8192, 262_144]) } else { json!([first, 8192, 262_144, 1]) };
        assert_eq!(sampling["mean_gaps"], gaps);
        let totals = ended.numbers("totals");
        // At its exit the program frees its arguments and its standard output's buffer.
        let end = sampling["end_bytes"].as_u64().unwrap();
        assert!(totals[3] - end < 4096, "{end}, and {totals:?} before the exit");
        assert_eq!(sampling["total_blocks"].as_u64(), Some(totals[0]));
        assert_eq!(sampling["total_bytes"].as_u64(), Some(totals[1]));
        truths.push(totals);
        let left: Vec<Vec<u64>> = ended.stdout.lines().filter_map(left).collect();
        let sum = |index: usize| left.iter().map(|line| line[index]).sum::<u64>();
        let (bytes, blocks) = grown();
        let sites = Sites::of(&report);
        // Each free takes away what the allocation added, to the last bit.
        assert_eq!(sites.sum("site_large", ["eb", "ebk"]), [0, 0]);
        assert_eq!(sites.sum("site_grown_from", ["eb", "ebk"]), [0, 0]);
        // A block of each draw of the largest gap is nearly always sampled.
        assert_eq!(sum(2), 6 * 12 * 300_000);
        truths[number].extend([sum(1), sum(3), bytes, blocks]);
        runs.push(sites);
    }
    assert!(truths.iter().all(|truth| *truth == truths[0]), "{truths:?}");
    let [.., tiny_end, grown_end, grown, grown_blocks] = truths[0][..] else { panic!("numbers") };
    for (site, key, truth) in [
        ("site_tiny", "tb", 480_000),
        ("site_tiny", "tbk", 60_000),
        ("site_tiny", "eb", tiny_end),
        ("site_tiny", "ebk", tiny_end / 8),
        ("site_small", "tb", 12_000_000),
        ("site_small", "eb", 6_000_000),
        ("site_large", "tb", 6 * 12 * 300_000),
        ("site_grown_from", "tb", 6 * 600 * 64),
        ("site_growing", "tb", grown),
        ("site_growing", "tbk", grown_blocks),
        ("site_growing", "eb", grown_end),
    ] {
        let numbers: Vec<_> = runs.iter().map(|sites| sites.sum(site, [key])[0]).collect();
        let off = errors_off(&numbers, truth);
        assert!(off < 5.5, "{site} {key}: {off} errors off {truth}: {numbers:?}");
    }
}

/// The numbers of a line `left GAP TINY LARGE GROWN`.
fn left(line: &str) -> Option<Vec<u64>> {
    let numbers = line.strip_prefix("left ")?;
    Some(numbers.split(' ').map(|number| number.parse().expect("a number")).collect())
}

/// The difference of the mean to the truth, in standard errors of the mean.
fn errors_off(numbers: &[u64], truth: u64) -> f64 {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<u64>() as f64 / count;
    let square = |number: &u64| (*number as f64 - mean).powi(2);
    let variance = numbers.iter().map(square).sum::<f64>() / (count - 1.0);
    let error = (variance / count).sqrt().max(truth as f64 / 1000.0);
    (mean - truth as f64).abs() / error
}

#[test]
fn gaps_that_are_not_possible_are_refused() {
    run("unprepared", &["samples-refused"], &[]).with_status(0);
    let ended = run("ninth", &["samples-refused"], &[("MOD_ALLOC_SAMPLE", "64KiB")]);
    assert!(ended.with_status(0).stdout.contains("eight different gaps"));
}

#[test]
fn totals_are_those_of_a_run_without_samples() {
    for peak in ["bounded", "exact"] {
        for program in ["samples", "samples-exchange"] {
            let name = |how| format!("{program} {peak} {how}");
            let peak = ("MOD_ALLOC_PEAK", peak);
            let all = run(&name("all"), &[program], &[peak]).with_status(0);
            let settings = [("MOD_ALLOC_SAMPLE", GAP), peak];
            let sampled = run(&name("sampled"), &[program], &settings).with_status(0);
            let (all_report, report) = (all.report(), sampled.report());
            assert_nothing_lost(&report);
            let sampling = &report.json["x_sampling"];
            assert_eq!(sampling["mean_gap"], GAP_BYTES);
            if program == "samples" {
                assert_eq!(all.numbers("totals"), sampled.numbers("totals"));
                let sum = all_report.sum();
                let exact = |key| sum.get(key);
                assert_eq!(
                    ["total_bytes", "total_blocks", "peak_bytes", "end_bytes", "end_blocks"]
                        .map(|key| sampling[key].as_u64()),
                    ["tb", "tbk", "gb", "eb", "ebk"].map(exact).map(Some),
                );
                // The blocks at the peak are estimated.
                let bytes = |ended: &Ended| {
                    let lines = ended.said().into_iter().take(3);
                    lines.map(|line| line.split(" in ").next().map(str::to_owned)).collect()
                };
                let (right, found): (Vec<_>, Vec<_>) = (bytes(&all), bytes(&sampled));
                assert_eq!(right, found);
                assert_eq!(all.said()[2], sampled.said()[2]);
            }
            assert_eq!(sampled.said().len(), 5, "{}", sampled.stderr);
            assert_eq!(all_report.json.get("x_sampling"), None);
        }
    }
}

#[test]
fn blocks_that_other_threads_free_are_freed_at_their_sites() {
    let report = sampled("exchange", &["samples-exchange"]).report();
    assert_nothing_lost(&report);
    let [total, live, live_blocks] = Sites::of(&report).sum("site_kept", ["tb", "eb", "ebk"]);
    assert!((30_000_000..50_000_000).contains(&total), "{total}, of 40,000,000");
    assert_eq!((live, live_blocks), (0, 0));
}

#[test]
fn blocks_from_before_a_window_are_not_known_in_it() {
    let ended = sampled("windows", &["samples-windows"]);
    let report = ended.report();
    assert_nothing_lost(&report);
    let sampling = &report.json["x_sampling"];
    let (total, end) = (sampling["total_bytes"].as_u64(), sampling["end_bytes"].as_u64());
    assert!(total.is_some_and(|total| (2_000_000..2_300_000).contains(&total)), "{sampling}");
    assert!(end.is_some_and(|end| (2_000_000..2_300_000).contains(&end)), "{sampling}");
    let [before, after] =
        ["site_kept", "site_small"].map(|site| Sites::of(&report).sum(site, ["tb"])[0]);
    assert_eq!(before, 0);
    assert!((1_200_000..2_800_000).contains(&after), "{after}, of 2,000,000");
}

#[test]
fn a_value_that_cannot_be_used_changes_nothing_and_is_said() {
    let none = "recording each block; 512KiB is a size";
    for (value, used, said) in [
        ("many", None, Some(none)),
        ("512K", None, Some(none)),
        ("-1", None, Some(none)),
        ("1", Some(1024), Some("using 1.00 KiB")),
        ("64GiB", Some(1 << 30), Some("using 1.00 GiB")),
        ("off", None, None),
        ("0", None, None),
        ("", None, None),
        ("65536", Some(1 << 16), None),
        ("1 MiB", Some(1 << 20), None),
    ] {
        let name = format!("value {value}");
        let ended = Launch::new(&name, fixture(), &["table", "64"]).env("MOD_ALLOC_SAMPLE", value);
        let ended = ended.run().with_status(0);
        let report = ended.report();
        let gap = report.json.get("x_sampling").map(|sampling| sampling["mean_gap"].clone());
        assert_eq!(gap, used.map(|gap: u64| json!(gap)), "{value}");
        let invalid = ended.said().into_iter().find(|line| line.starts_with("invalid "));
        let right = said.map(|said| format!("invalid MOD_ALLOC_SAMPLE={value}; {said}"));
        assert_eq!(invalid, right.as_deref());
    }
}

#[test]
fn lifetimes_of_each_block_go_without_samples_alone() {
    let settings = [("MOD_ALLOC_SAMPLE", GAP), ("MOD_ALLOC_LIFETIMES", "on")];
    let ended = run("lifetimes", &["samples"], &settings).with_status(0);
    assert!(ended.said().iter().any(|line| line.contains("MOD_ALLOC_LIFETIMES=on")));
    let report = ended.report();
    assert_eq!(report.json["x_histograms"]["lifetimes"], Value::Null);
    assert_eq!(lost(&report, "damaged_trailers"), 0);
}
