//! The bench programs, run as the driver runs them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs, process};

use serde_json::Value;

const PLAIN: &str = env!("CARGO_BIN_EXE_bench-plain");
const COUNTED: &str = env!("CARGO_BIN_EXE_bench-counted");
const MOD_ALLOC: &str = env!("CARGO_BIN_EXE_bench-mod-alloc");
const MOD_ALLOC_1: &str = env!("CARGO_BIN_EXE_bench-mod-alloc-1");
const DHAT: &str = env!("CARGO_BIN_EXE_bench-dhat");

/// A program's run with its report, if it wrote one.
struct Run {
    output: Output,
    report: Option<Value>,
}

impl Run {
    fn new(program: &str, arguments: &str) -> Self {
        let path = report_path(&format!("{program}{arguments}"));
        let output = Command::new(program)
            .args(arguments.split(' '))
            .env_remove("MOD_ALLOC")
            .envs(["MOD_ALLOC_OUT", "MOD_ALLOC_1_OUT", "DHAT_OUT"].map(|name| (name, &path)))
            .output()
            .expect("it was built");
        assert!(output.status.success(), "{arguments}: {output:?}");
        let report = fs::read(&path).ok();
        let _ = fs::remove_file(&path);
        let report = report.map(|text| serde_json::from_slice(&text).expect("a report is JSON"));
        Self { output, report }
    }

    fn number(&self, key: &str) -> u64 {
        let printed = String::from_utf8_lossy(&self.output.stdout);
        let line = printed.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{key}: {printed}"))
    }
}

/// A file of its own for each run.
fn report_path(run: &str) -> PathBuf {
    let name: String = run.chars().filter(|c| c.is_alphanumeric()).collect();
    env::temp_dir().join(format!("bench-{}-{name}.json", process::id()))
}

/// The sites, before those were merged that look alike.
fn sites(report: &Value) -> u64 {
    let points = report["pps"].as_array().expect("call sites");
    points.iter().map(|point| point["x_merged"].as_u64().unwrap_or(1)).sum()
}

fn blocks(report: &Value) -> u64 {
    let points = report["pps"].as_array().expect("call sites");
    points.iter().map(|point| point["tbk"].as_u64().expect("blocks")).sum()
}

#[test]
fn a_pair_is_one_block() {
    for workload in ["shallow", "deep32", "sites", "sawtooth", "steady", "threads-1"] {
        let [fewer, more] =
            [1_000, 3_000].map(|units| Run::new(COUNTED, &format!("{workload} --units {units}")));
        let difference = |key| more.number(key) - fewer.number(key);
        assert_eq!((difference("units"), difference("made")), (2_000, 2_000), "{workload}");
    }
}

/// Which is what `lost %` rests on: the same blocks under every allocator.
#[test]
fn exact_profilers_report_what_was_counted() {
    for workload in ["sites --units 5000", "syn --units 1 --files 3"] {
        let made = Run::new(COUNTED, workload).number("made");
        for program in [MOD_ALLOC, DHAT] {
            let report = Run::new(program, workload).report.expect("a report");
            // The runtime's own few differ: dhat starts in `main`, mod-alloc stops at the exit.
            assert!(blocks(&report).abs_diff(made) < 100, "{program} {workload}: {made}");
        }
    }
}

#[test]
fn both_passes_have_the_same_sites() {
    let [one, two] = ["--units 1", "--budget 1"]
        .map(|amount| Run::new(MOD_ALLOC, &format!("syn {amount} --files 3")));
    assert_eq!((one.number("units"), two.number("units")), (1, 2));
    let [one, two] = [one, two].map(|run| sites(&run.report.expect("a report")));
    assert!(one > 1_000 && one.abs_diff(two) < 20, "{one} sites in one pass, {two} in two");
}

#[test]
fn no_report_is_written_if_none_is_wanted() {
    for program in [MOD_ALLOC, MOD_ALLOC_1, DHAT] {
        assert!(Run::new(program, "shallow --units 10").report.is_some(), "{program}");
        assert!(Run::new(program, "shallow --units 10 --no-report").report.is_none(), "{program}");
    }
}

#[test]
fn sites_that_are_held_are_sites_of_the_report() {
    for program in [MOD_ALLOC, DHAT] {
        let report = Run::new(program, "hold-sites --count 5000").report.expect("a report");
        let sites = sites(&report);
        assert!((5_000..5_050).contains(&sites), "{program}: {sites}");
    }
}

/// 100,000 blocks of 1,000 bytes are 1,008 each with malloc's header, and 24 for the vector.
#[test]
fn what_is_held_is_resident() {
    let own = |count: u64| {
        Run::new(PLAIN, &format!("hold-blocks-1000 --count {count}")).number("own_kib")
    };
    let (held, expected) = (own(100_000) - own(0), 100_000 * (1_008 + 24) / 1024);
    assert!(held.abs_diff(expected) < expected / 50, "{held} is not {expected}");
}
