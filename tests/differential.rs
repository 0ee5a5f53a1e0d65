//! Our numbers against those of dhat-rs and of Valgrind's DHAT for the same single-threaded
//! runs, site by site.
//!
//! Every site's totals, its numbers at the heap's peak and at the end must be equal. What is
//! not compared, or not as it stands, and why:
//!
//! - **Lifetimes** (`tl`): Valgrind counts instructions, we and dhat-rs microseconds; and
//!   dhat-rs forgets, when a block is reallocated, how long it had lived.
//! - **A site's own maximum** (`mb`, `mbk`) against Valgrind: it is only brought up to date
//!   while the whole heap grows beyond its maximum, so a site that was at its largest at
//!   another time shows less, or 0. Against dhat-rs it is compared.
//! - **Blocks from before `main`**: dhat-rs starts in `main`, so it has none. Valgrind and we
//!   have them from the first one on, and they are compared.
//! - **Blocks of the C library** from before `main` (buffers while std asks it for the stack's
//!   bounds): only Valgrind sees `malloc` itself. They are left out.
//! - **The buffer of standard output**: std frees it after `main`, dhat-rs has stopped by
//!   then. That one difference is expected to the byte.

#[expect(dead_code, reason = "the viewer's driver is not needed here")]
mod support;

use support::comparison::{Side, differences};
use support::dhat_json::Counters;
use support::programs::{Profiler, Run};
use support::user_code::{Sites, UserFiles, UserStack};

/// Numbers that Valgrind counts as we do.
const COUNTED_ALIKE: [&str; 6] = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];
/// Numbers that dhat-rs counts as we do.
const COUNTED_ALIKE_BY_DHAT_RS: [&str; 8] = ["tb", "tbk", "mb", "mbk", "gb", "gbk", "eb", "ebk"];
/// Bytes that std's line-buffered standard output holds.
const STDOUT_BUFFER: u64 = 1024;

/// See [`syn`].
const SYN: &str = "syn 1 --files 20";

/// The document is parsed twice, so there are two equal peaks; the later one counts.
#[test]
fn json() {
    for run in compare("json 2") {
        let (peak, end) = (run.report.peak_time, run.report.end_time);
        assert!(
            peak > end / 2,
            "the peak at {peak} of {end} is the first round's: {}",
            run.path.display()
        );
    }
}

#[test]
fn regex() {
    compare("regex 1");
}

#[test]
fn sawtooth() {
    compare("sawtooth 500");
}

#[test]
fn sites() {
    compare("sites 20000");
}

#[test]
fn leak() {
    compare("leak 100");
}

/// Thousands of sites, and stacks deeper than 64 frames: the first files have so many, and with all
/// files dhat-rs takes minutes.
///
/// Valgrind, slower still, is left out. So are the sites' own maxima: the compiler may make one copy
/// or two of the glue that drops a syntax tree, depending on the build's folder, so the two binaries
/// do not have the same sites on the same lines. Sums over a line's sites are compared; maxima do
/// not add up.
#[test]
fn syn() {
    let ours = Profiler::ModAlloc.run(SYN);
    let dhat_rs = Profiler::DhatRs.run(SYN);
    assert_same_run(&ours, &dhat_rs);
    assert_sound(&ours);
    let program = UserFiles::of(&ours.report);
    let our_sites = summed(our_sites(&program, &ours));
    let their_sites = summed(program.sites(&dhat_rs.report));
    assert_none(with_dhat_rs(our_sites, &their_sites, &COUNTED_ALIKE));
}

/// The sites of each stack as one.
fn summed(sites: Sites) -> Sites {
    sites
        .into_iter()
        .map(|(stack, sites)| {
            let mut sum = Counters::default();
            for counters in sites.into_values() {
                sum += counters;
            }
            (stack, [(Vec::new(), sum)].into())
        })
        .collect()
}

/// Runs a workload under all three and compares.
fn compare(workload: &str) -> [Run; 3] {
    let ours = Profiler::ModAlloc.run(workload);
    let dhat_rs = Profiler::DhatRs.run(workload);
    let valgrind = Profiler::Valgrind.run(workload);
    assert_same_run(&ours, &dhat_rs);
    assert_same_run(&ours, &valgrind);
    assert_sound(&ours);

    let program = UserFiles::of(&valgrind.report);
    let our_sites = our_sites(&program, &ours);
    assert_none(with_valgrind(&our_sites, &program.rust_sites(&valgrind.report)));
    assert_none(with_dhat_rs(
        our_sites,
        &program.sites(&dhat_rs.report),
        &COUNTED_ALIKE_BY_DHAT_RS,
    ));
    [ours, dhat_rs, valgrind]
}

fn assert_same_run(ours: &Run, theirs: &Run) {
    assert_eq!(ours.stdout, theirs.stdout, "the two did not do the same");
}

/// Our sites. The runtime's, the arguments' and standard output's are in every run.
fn our_sites(program: &UserFiles, ours: &Run) -> Sites {
    let sites = program.sites(&ours.report);
    assert!(sites.len() > 3, "the workload's own lines are missing: {:?}", sites.keys());
    sites
}

/// The report contradicts nothing it says itself, and nothing was lost.
fn assert_sound(ours: &Run) {
    assert_none(ours.report.contradictions());
    let losses = ours.report.json["x_losses"].as_object().expect("the report counts its losses");
    let lost: Vec<_> = losses.iter().filter(|(_, count)| count.as_u64() != Some(0)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_eq!(ours.report.json["x_settings"]["peak"], "exact", "one thread, so all is exact");
}

fn with_valgrind(ours: &Sites, valgrind: &Sites) -> Vec<String> {
    let ours = Side { name: "ours", sites: ours };
    differences(ours, Side { name: "Valgrind", sites: valgrind }, &COUNTED_ALIKE)
}

/// Without the one difference that is to be expected; that it is not there is one too.
fn with_dhat_rs(mut ours: Sites, dhat_rs: &Sites, keys: &[&str]) -> Vec<String> {
    assert!(!dhat_rs.contains_key(&UserStack::default()), "dhat-rs saw blocks from before main");
    ours.remove(&UserStack::default());
    let ours = Side { name: "ours", sites: &ours };
    let dhat_rs = Side { name: "dhat-rs", sites: dhat_rs };
    let mut found = differences(ours, dhat_rs, keys);
    for expected in stdout_buffer() {
        match found.iter().position(|line| *line == expected) {
            Some(index) => drop(found.remove(index)),
            None => found.push(format!("expected, but not found: {expected}")),
        }
    }
    found
}

/// The workloads print their result by one `print!`, which allocates the buffer.
fn stdout_buffer() -> [String; 2] {
    let source = include_str!("../fixtures/programs/src/lib.rs");
    let print = source.lines().position(|line| line.trim_start().starts_with("print!("));
    let line = print.expect("the fixtures print their result") + 1;
    let site = format!("programs/src/lib.rs:{line}");
    [("eb", STDOUT_BUFFER), ("ebk", 1)]
        .map(|(key, number)| format!("{site}: {key} is 0 in ours and {number} in dhat-rs"))
}

fn assert_none(found: Vec<String>) {
    const SHOWN: usize = 20;
    let shown = found.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(found.is_empty(), "{} differences, the first ones:\n{shown}", found.len());
}

/// The comparison and the reader, on reports in which one thing is wrong.
mod on_damaged_reports {
    use serde_json::{Value, json};

    use super::support::comparison::{Side, differences};
    use super::support::dhat_json::{KEYS, Report};
    use super::support::user_code::UserFiles;

    /// Makes a report wrong.
    type Damage = fn(&mut Value);

    /// A report of two sites on the same line and one of the runtime.
    fn sample() -> Value {
        json!({
            "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated",
            "bklt": true, "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 10,
            "cmd": "./fixture", "pid": 1, "te": 50, "tg": 40,
            "pps": [
                { "tb": 300, "tbk": 3, "tl": 90, "mb": 200, "mbk": 2,
                  "gb": 200, "gbk": 2, "eb": 100, "ebk": 1, "fs": [1, 2, 4] },
                { "tb": 70, "tbk": 1, "tl": 50, "mb": 70, "mbk": 1,
                  "gb": 70, "gbk": 1, "eb": 70, "ebk": 1, "fs": [1, 3, 4] },
                { "tb": 8, "tbk": 1, "tl": 50, "mb": 8, "mbk": 1,
                  "gb": 8, "gbk": 1, "eb": 8, "ebk": 1, "fs": [1, 4] },
            ],
            "ftbl": [
                "[root]",
                "0x10: alloc (/rustc/1/library/alloc/src/alloc.rs:95)",
                "0x20: serde_json::de::parse (/home/u/registry/src/index/serde_json-1.0.9/src/de.rs:7)",
                "0x30: serde_json::de::parse (/home/u/registry/src/index/serde_json-1.0.9/src/de.rs:7)",
                "0x40: main (/home/u/fixtures/programs/src/bin/fixture.rs:3)",
            ],
        })
    }

    fn report(json: &Value) -> Report {
        Report::parse(&json.to_string()).expect("a sound report")
    }

    /// The comparison's complaints about `damaged` beside the sample.
    fn complaints(damaged: &Value) -> Vec<String> {
        let (left, right) = (report(&sample()), report(damaged));
        let program = UserFiles::of(&left);
        let (left, right) = (program.sites(&left), program.sites(&right));
        let left = Side { name: "A", sites: &left };
        differences(left, Side { name: "B", sites: &right }, &KEYS)
    }

    #[test]
    fn equal_reports_have_no_difference() {
        assert_eq!(complaints(&sample()), [""; 0]);
    }

    #[test]
    fn addresses_columns_and_the_start_of_paths_make_none() {
        let mut other = sample();
        other["ftbl"][2] = json!("0x77: parse (serde_json-1.0.9/src/de.rs:7:12)");
        other["ftbl"][3] = json!("0x88: parse (serde_json-1.0.9/src/de.rs:7:20)");
        assert_eq!(complaints(&other), [""; 0]);
    }

    #[test]
    fn each_number_is_compared() {
        for key in KEYS {
            let mut damaged = sample();
            let old = damaged["pps"][0][key].as_u64().expect("a number");
            damaged["pps"][0][key] = json!(old + 1);
            let sum = old + sample()["pps"][1][key].as_u64().expect("a number");
            let line = "serde_json-1.0.9/src/de.rs:7";
            let expected = format!("{line}: {key} is {sum} in A and {} in B", sum + 1);
            assert_eq!(complaints(&damaged), [expected]);
        }
    }

    #[test]
    fn numbers_of_the_runtime_are_compared() {
        let mut damaged = sample();
        damaged["pps"][2]["tb"] = json!(9);
        assert_eq!(complaints(&damaged), ["[runtime]: tb is 8 in A and 9 in B"]);
    }

    #[test]
    fn sites_on_one_line_are_compared_one_by_one() {
        let mut moved = sample();
        moved["pps"][0]["tbk"] = json!(2);
        moved["pps"][1]["tbk"] = json!(2);
        let found = complaints(&moved);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("serde_json-1.0.9/src/de.rs:7: one site's"), "{found:?}");

        let mut merged = sample();
        merged["ftbl"][3] = json!("0x20: parse (serde_json-1.0.9/src/de.rs:7:1)");
        let expected = "serde_json-1.0.9/src/de.rs:7: 2 sites in A and 1 in B";
        assert_eq!(complaints(&merged), [expected]);
    }

    #[test]
    fn a_site_that_one_lacks_is_a_difference_either_way() {
        let mut damaged = sample();
        damaged["ftbl"][3] = json!("0x30: parse (serde_json-1.0.9/src/de.rs:8:1)");
        damaged["pps"].as_array_mut().expect("a list").remove(0);
        let expected = [
            "serde_json-1.0.9/src/de.rs:7: only in A, 370 bytes in 4 blocks",
            "serde_json-1.0.9/src/de.rs:8: only in B, 70 bytes in 1 blocks",
        ];
        assert_eq!(complaints(&damaged), expected);
    }

    #[test]
    fn unsound_reports_are_refused() {
        let damages: [(Damage, &str); 9] = [
            (|json| json["dhatFileVersion"] = json!(1), "dhatFileVersion is not 2"),
            (|json| drop(json.as_object_mut().unwrap().remove("tg")), "tg is missing"),
            (|json| json["tg"] = json!(51), "tg 51 is later than te 50"),
            (|json| json["te"] = json!(0), "te is 0"),
            (|json| json["bklt"] = json!(false), "bklt is not true"),
            (|json| json["pps"][1]["fs"] = json!([1, 2, 4]), "point 1: its stack is listed twice"),
            (|json| json["pps"][1]["fs"] = json!([5]), "point 1: frame index 5 is not in 1..5"),
            (|json| json["pps"][1]["gb"] = json!(-1), "point 1: gb is not a whole number"),
            (|json| json["ftbl"][0] = json!("root"), "the first frame is not [root]"),
        ];
        for (damage, expected) in damages {
            let mut json = sample();
            damage(&mut json);
            let error = Report::parse(&json.to_string()).expect_err(expected);
            assert!(error.starts_with(expected), "{error:?} instead of {expected:?}");
        }
    }

    #[test]
    fn a_frame_listed_twice_is_refused() {
        let mut json = sample();
        json["ftbl"][3] = json["ftbl"][2].clone();
        let error = Report::parse(&json.to_string()).expect_err("two equal frames");
        assert!(error.ends_with("is listed twice"), "{error}");
    }

    #[test]
    fn numbers_that_cannot_be_are_found() {
        assert_eq!(report(&sample()).contradictions(), [""; 0]);
        let mut json = sample();
        json["pps"][1]["gb"] = json!(71);
        json["pps"][2]["tl"] = json!(51);
        let expected = [
            "point 1: gb 71 is above mb 70",
            "point 1: gb 71 is above tb 70",
            "point 2: 1 blocks lived 51 in a run of 50",
        ];
        assert_eq!(report(&json).contradictions(), expected);
    }
}
