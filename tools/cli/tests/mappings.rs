//! `run --mappings`: what a program maps itself, by call site, beside its blocks.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::path::PathBuf;

use run_support::{Scratch, json, ours, status, text};
use serde_json::Value;

const MIB: u64 = 1 << 20;
const PAGE: u64 = 4096;

struct Maps {
    scratch: Scratch,
    program: PathBuf,
}

impl Maps {
    fn new() -> Self {
        let scratch = Scratch::new("maps");
        let program = scratch.compile("maps", &["-pthread"]);
        Maps { scratch, program }
    }

    /// The report, and the program's output.
    fn run(&self, options: &[&str], words: &[&str], ends: i32) -> (Value, String) {
        let program = self.program.to_str().unwrap();
        let words = [&["run", "-o", "r.json"], options, &["--", program], words].concat();
        let output = self.scratch.run(&words);
        assert_eq!(status(&output), ends, "{}", ours(&output));
        (json(&self.scratch.join("r.json")), text(&output.stdout))
    }
}

/// Kind, calls, bytes in all, at the peak, and at the end of what a function has mapped.
fn held<'r>(report: &'r Value, function: &str) -> (&'r str, [u64; 4]) {
    let sites = report["x_mappings"]["sites"].as_array().unwrap().iter();
    let is_its =
        |site: &&Value| site["stack"][0].as_str().unwrap().contains(&format!(": {function} ("));
    let (mut kind, mut sums) = ("", [0; 4]);
    for site in sites.filter(is_its) {
        kind = site["kind"].as_str().unwrap();
        for (sum, key) in sums.iter_mut().zip(["calls", "total_bytes", "peak_bytes", "end_bytes"]) {
            *sum += site[key].as_u64().unwrap();
        }
    }
    (kind, sums)
}

fn assert_known(report: &Value) {
    for (function, kind, calls, total, peak, end) in [
        ("site_arena", "anonymous", 1, 8 * MIB, 6 * MIB, 6 * MIB),
        // A part of a page is a page. What is more after `mremap` is another call.
        ("site_moved", "anonymous", 2, 4 * MIB, 4 * MIB, 4 * MIB),
        ("site_reserve", "reserved", 1, 64 * MIB, 62 * MIB, 62 * MIB),
        ("site_over", "anonymous", 1, 2 * MIB, 2 * MIB, 2 * MIB),
        ("site_file", "file", 1, MIB, MIB, MIB),
        ("site_thread", "anonymous", 1, 3 * MIB, 3 * MIB, 3 * MIB),
        ("site_break", "break", 1, MIB, MIB / 2, MIB / 2),
        ("site_spike", "anonymous", 1, 100 * MIB, 100 * MIB, 0),
    ] {
        assert_eq!(held(report, function), (kind, [calls, total, peak, end]), "{function}");
    }
    let sums = &report["x_mappings"];
    let end = 78 * MIB + MIB / 2;
    assert_eq!(sums["calls"], 9);
    assert_eq!(sums["peak_bytes"], end + 100 * MIB);
    assert_eq!(sums["end_bytes"], end);
    assert_eq!(sums["sites"].as_array().unwrap().len(), 8);
    assert!(sums["peak_us"].as_u64().unwrap() > 0);
    assert_eq!(report["x_losses"]["mappings_lost"], 0);
    assert!(report["pps"].as_array().unwrap().iter().all(|point| point["tb"].as_u64() < Some(MIB)));
}

#[test]
fn what_is_mapped_and_unmapped_in_parts_is_known_to_the_byte() {
    let (report, _) = Maps::new().run(&["--mappings"], &[], 0);
    assert_known(&report);
    assert_eq!(report["x_coverage"]["mapped_bytes"], report["x_mappings"]["peak_bytes"]);
}

#[test]
fn a_program_that_is_killed_has_its_mappings_in_the_recording() {
    let maps = Maps::new();
    assert_known(&maps.run(&["--mappings", "--record", "kept"], &["kill"], 128 + 9).0);
    let report = maps.scratch.run(&["recover", "-o", "again.json", "kept"]);
    assert_eq!(status(&report), 0, "{}", ours(&report));
    assert_known(&json(&maps.scratch.join("again.json")));
}

#[test]
fn mappings_over_others_take_their_places() {
    let (report, said) = Maps::new().run(&["--mappings"], &["random"], 0);
    let words: Vec<&str> = said.split_whitespace().collect();
    for pair in words.chunks(2) {
        let bytes: u64 = pair[1].parse().unwrap();
        assert_eq!(held(&report, pair[0]).1[3], bytes, "{}", pair[0]);
    }
    let all = report["x_mappings"]["end_bytes"].as_u64().unwrap();
    assert!(all > 0 && all % PAGE == 0);
}

#[test]
fn without_the_option_nothing_is_recorded_of_them() {
    let (report, said) = Maps::new().run(&[], &[], 0);
    assert_eq!(said, "over\n");
    assert!(report.get("x_mappings").is_none());
    assert_eq!(report["x_coverage"]["mapped_bytes"], Value::Null);
}

#[test]
fn the_report_has_a_table_of_them() {
    let maps = Maps::new();
    maps.run(&["--mappings"], &[], 0);
    let shown = text(&maps.scratch.run(&["report", "r.json", "--top", "20"]).stdout);
    let table = shown.split_once("Mapped by the program itself\n").expect("a table").1;
    let line = table.lines().find(|line| line.contains("site_arena")).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(
        words,
        "8.00 MiB 6.00 MiB 6.00 MiB 1 anonymous site_arena".split(' ').collect::<Vec<_>>()
    );
    let data = maps.scratch.run(&["report", "r.json", "--format", "json"]);
    let data: Value = serde_json::from_slice(&data.stdout).unwrap();
    assert_eq!(data["mappings"]["sites"].as_array().unwrap().len(), 8);
    let page = maps.scratch.run(&["report", "r.json", "--html", "-o", "-"]);
    assert!(text(&page.stdout).contains("\"holders\":[{"));
}
