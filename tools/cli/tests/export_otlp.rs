//! `mod-alloc export --to otlp`, decoded by the OpenTelemetry project's own package.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
mod otlp_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;

use export_support::documents::{flat, hostile, report, reports};
use mod_alloc_cli::dhat_file::{self, Document, Numbers};
use otlp_support::{decode, types, values};
use run_support::{Scratch, status, text};
use serde_json::{Value, json};

fn exported(report: &[u8], more: &[&str]) -> Vec<u8> {
    let scratch = Scratch::new("export-otlp");
    fs::write(scratch.join("in.json"), report).unwrap();
    let output = scratch.run(&[&["export", "in.json", "--to", "otlp"], more].concat());
    assert_eq!(status(&output), 0, "{more:?}: {}", text(&output.stderr));
    output.stdout
}

/// The numbers of all stacks that have one, in order of size.
fn expected(document: &Document, number: fn(&Numbers) -> u64) -> Vec<u64> {
    let numbers = document.sites.iter().map(|site| number(&site.numbers));
    sorted(numbers.filter(|&number| number > 0).collect())
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn every_stack_has_the_report_s_numbers() {
    for (name, bytes) in reports() {
        let document = dhat_file::read(&bytes).unwrap();
        let data = decode(&exported(&bytes, &[]), &[]);
        let is_copy = document.verb == "Copied";
        let [blocks, space] = if is_copy {
            ["copied_objects/count", "copied_space/bytes"]
        } else {
            ["alloc_objects/count", "alloc_space/bytes"]
        };
        type Number = fn(&Numbers) -> u64;
        let mut all: Vec<(&str, Number)> =
            vec![(blocks, |n| n.total_blocks), (space, |n| n.total_bytes)];
        if document.knows_frees() {
            all.extend([
                ("inuse_objects/count", (|n| n.end_blocks) as Number),
                ("inuse_space/bytes", |n| n.end_bytes),
                ("peak_objects/count", |n| n.peak_blocks),
                ("peak_space/bytes", |n| n.peak_bytes),
            ]);
        }
        assert_eq!(types(&data).len(), all.len(), "{name}");
        for (kind, number) in all {
            let found = sorted(values(&data, kind));
            assert_eq!(found, expected(&document, number), "{name} {kind}");
        }
        for profile in data["profiles"].as_array().unwrap() {
            let period = if is_copy { &profile["type"] } else { &json!("space/bytes") };
            assert_eq!(&profile["period_type"], period, "{name}");
        }
    }
}

/// A report of two objects, with stacks of inlined functions, of a group and of code without a
/// name.
fn two_objects() -> Value {
    let frames = [
        "0x1010: inner (a.rs:1:5)",
        "0x1010: outer (a.rs:2:9)",
        "0x5020: ??? (in /lib/b.so)",
        "[group: requests]",
    ];
    let points = [flat(3, &[1, 2, 1, 2]), flat(5, &[3, 4])];
    let mut report = report(&points, &frames.map(String::from));
    report["x_executable"] = "/bin/app".into();
    report["x_modules"] = json!([
        { "path": "/bin/app", "build_id": "0aff", "start": 0x41000, "end": 0x44000, "bias": 0x40000 },
        { "path": "/lib/b.so", "build_id": "", "start": 0x85000, "end": 0x86000, "bias": 0x80000 },
    ]);
    report
}

#[test]
fn stacks_objects_and_groups_are_those_of_the_report() {
    let data = decode(&exported(two_objects().to_string().as_bytes(), &["--metric", "end"]), &[]);
    assert_eq!(types(&data)[0], "inuse_space/bytes", "the metric that is shown first");
    let samples = data["profiles"][0]["samples"].as_array().unwrap();
    let outer = json!({ "function": "outer", "file": "a.rs", "line": 2, "column": 9 });
    let inner = json!({ "function": "inner", "file": "a.rs", "line": 1, "column": 5 });
    let location = json!({
        "address": 0x1010, "mapping": "/bin/app", "start": 0x1000, "limit": 0x4000,
        "mapping_attributes": { "process.executable.build_id.gnu": "0aff" },
        "lines": [inner, outer],
    });
    assert_eq!(samples[0]["value"], 3);
    let place = |sample: &Value, depth: usize| {
        data["locations"][sample["stack"][depth].as_u64().unwrap() as usize].clone()
    };
    assert_eq!(samples[0]["stack"].as_array().unwrap().len(), 2, "outer calls inner twice");
    assert_eq!([place(&samples[0], 0), place(&samples[0], 1)], [location.clone(), location]);
    assert_eq!(place(&samples[1], 0)["mapping"], "/lib/b.so");
    assert_eq!(place(&samples[1], 0)["lines"], json!([]));
    assert_eq!(place(&samples[1], 1)["lines"][0]["function"], "[group: requests]");
    assert_eq!(samples[1]["attributes"], json!({ "group": "requests" }));
    let resource = &data["resource"];
    assert_eq!(resource["service.name"], "app");
    assert_eq!(resource["process.pid"], 42);
    assert_eq!(resource["process.command_line"], "app --work");
    assert_eq!(data["scope"][0], "mod-alloc");
    assert_eq!(data["profiles"][0]["duration"], 5_000_000);
    assert_eq!(data["profiles"][0]["period"], 1);
}

#[test]
fn samples_and_losses_are_told() {
    let mut report = two_objects();
    report["x_sampling"] = json!({ "mean_gap": 4096, "total_bytes": 8, "total_blocks": 8,
        "peak_bytes": 8, "end_bytes": 8, "end_blocks": 8 });
    report["x_losses"] = json!({ "table_full": 7 });
    let data = decode(&exported(report.to_string().as_bytes(), &[]), &[]);
    let profile = &data["profiles"][0];
    assert_eq!(profile["period"], 4096);
    let sampling = profile["attributes"]["mod_alloc.sampling"].as_str().unwrap();
    assert!(sampling.starts_with("sampled, "), "{sampling}");
    assert_eq!(profile["attributes"]["mod_alloc.lost.table_full"], "7");
}

#[test]
fn hostile_reports_stay_within_the_format() {
    let report = hostile().to_string();
    let bytes = exported(report.as_bytes(), &["--top", "40"]);
    let data = decode(&bytes, &[]);
    let largest = values(&data, "alloc_space/bytes").into_iter().max();
    assert_eq!(largest, Some(i64::MAX as u64), "numbers are signed there");
}

#[test]
fn a_folder_gets_a_file_of_a_name_that_tells_the_format() {
    let scratch = Scratch::new("export-otlp-name");
    fs::write(scratch.join("heap.json"), two_objects().to_string()).unwrap();
    let output = scratch.run(&["export", "heap.json", "--to", "otlp", "-o", "out/"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let data = decode(&fs::read(scratch.join("out/heap.otlp.pb")).unwrap(), &["request"]);
    assert_eq!(types(&data).len(), 6);
}
