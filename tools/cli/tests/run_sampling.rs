//! `mod-alloc run --sample`: totals are exact, functions are right within the bounds of their
//! samples, and the report says so.

#[expect(dead_code, reason = "other tests run other commands")]
mod run_support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use run_support::{Scratch, json, ours, status, sum, sum_of, text};
use serde_json::Value;

/// The bounds are those of 6 standard errors, which no run in a million misses.
const ERRORS: f64 = 6.0;
const GAP: f64 = 16.0 * 1024.0;

/// Asserts that a function's estimate is near the truth. `size` of its blocks decides how far.
fn assert_near(report: &Value, function: &str, key: &str, (truth, size): (f64, f64)) {
    let found = sum_of(report, function, key) as f64;
    let weight = 1.0 / (1.0 - (-size / GAP).exp());
    let error = ((weight - 1.0) * size * truth).sqrt();
    let off = (found - truth).abs();
    assert!(off <= ERRORS * error + truth / 500.0, "{function} {key}: {found}, not {truth}");
}

#[test]
fn functions_are_near_the_truth_and_totals_are_exact() {
    let scratch = Scratch::new("samples");
    let program = scratch.compile("samples", &["-O1"]);
    let name = program.to_str().unwrap();
    let all = scratch.run(&["run", "-o", "all.json", "--", name]);
    let words = ["run", "--sample", "16KiB", "-o", "sampled.json", "--", name];
    let sampled = scratch.run(&words);
    assert_eq!((status(&all), status(&sampled)), (0, 0), "{}", ours(&sampled));
    let [all, report] = ["all.json", "sampled.json"].map(|name| json(&scratch.join(name)));
    for (function, total, end, size) in [
        ("small", 5e6, 2.5e6, 50.0),
        ("large", 2e7, 1e7, 1e5),
        ("grown", 4000.0 * 5016.0, 1e7, 5000.0),
        ("shrunk", 4000.0 * 5016.0, 32_000.0, 5000.0),
    ] {
        assert_near(&report, function, "tb", (total, size));
        let size = if function == "shrunk" { 16.0 } else { size };
        assert_near(&report, function, "eb", (end, size));
    }
    let sampling = &report["x_sampling"];
    assert_eq!(sampling["mean_gap"], 16 * 1024);
    for (exact, key) in
        [("total_bytes", "tb"), ("total_blocks", "tbk"), ("peak_bytes", "gb"), ("end_bytes", "eb")]
    {
        assert_eq!(sampling[exact], sum(&all, key), "{exact}");
    }
    let losses = report["x_losses"].as_object().unwrap();
    assert!(losses.values().all(|lost| *lost == 0), "{losses:?}");
    let told = ours(&sampled);
    let line = "mod-alloc: Sampled: a block in 16.0 KiB on average; totals are exact";
    assert!(told.contains(line), "{told}");
    let shown = scratch.run(&["report", "sampled.json"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("Sampled: a block in 16.0 KiB on average."), "{shown}");
    assert!(shown.contains(" to ") && shown.contains(']'), "{shown}");
    let kept = scratch.run(&["report", "all.json"]);
    assert!(!text(&kept.stdout).contains("Sampled"));
    each_form_says_estimates(&scratch, sampling);
}

/// JSON, comparisons and exports of `sampled.json` beside `all.json`.
fn each_form_says_estimates(scratch: &Scratch, sampling: &Value) {
    let of = |arguments: &[&str]| -> Value {
        let made = scratch.run(arguments);
        assert_eq!(status(&made), 0, "{}", ours(&made));
        serde_json::from_slice(&made.stdout).unwrap()
    };
    let sites = |file| of(&["report", "--format", "json", file])["sites"]["end"].clone();
    for site in sites("sampled.json").as_array().unwrap() {
        for key in ["total_bytes", "end_bytes", "end_blocks"] {
            let [least, most] = [0, 1].map(|end| site["bounds"][key][end].as_u64().unwrap());
            let number = site[key].as_u64().unwrap();
            assert!(least <= number && number <= most && least < most, "{key}: {site}");
        }
    }
    assert!(sites("all.json").as_array().unwrap().iter().all(|site| site["bounds"].is_null()));

    let diff = of(&["diff", "all.json", "sampled.json", "--format", "json"]);
    assert_eq!(diff["totals"]["total"]["change"], 0, "totals are exact");
    assert_eq!((&diff["before"]["sampling"], &diff["after"]["sampling"]), (&Value::Null, sampling));
    for list in ["grew", "shrank"] {
        for row in diff[list].as_array().unwrap() {
            let [least, most] = [0, 1].map(|end| row["bounds"][end].as_i64().unwrap());
            let change = row["change"].as_i64().unwrap();
            assert!(least <= change && change <= most && least < most, "{row}");
        }
    }
    let shown = scratch.run(&["diff", "all.json", "sampled.json"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("Sampled, after: ") && !shown.contains("Sampled, before"), "{shown}");

    let exported = scratch.run(&["export", "sampled.json", "--to", "collapsed"]);
    assert!(ours(&exported).contains("all numbers are estimates"), "{}", ours(&exported));
    let merged = scratch.run(&["merge", "sampled.json", "-o", "sum.json"]);
    assert!(ours(&merged).contains("call sites are estimates"), "{}", ours(&merged));
}

#[test]
fn a_killed_program_has_its_whole_report() {
    let scratch = Scratch::new("killed-samples");
    let program = scratch.compile("samples", &["-O1"]);
    let name = program.to_str().unwrap();
    let run = |options: &[&str], file: &str| {
        let words = [&["run"], options, &["-o", file, "--", name, "killed"]].concat();
        let output = scratch.run(&words);
        assert_ne!(status(&output), 0, "{}", ours(&output));
        json(&scratch.join(file))
    };
    let all = run(&[], "all.json");
    let report = run(&["--sample", "16KiB"], "sampled.json");
    assert_eq!(report["x_ending"]["signal"], 9, "{}", report["x_ending"]);
    let sampling = &report["x_sampling"];
    for (exact, key) in [("total_bytes", "tb"), ("total_blocks", "tbk"), ("end_bytes", "eb")] {
        assert_eq!(sampling[exact], sum(&all, key), "{exact}");
    }
    assert_near(&report, "small", "tb", (5e6, 50.0));
    assert_near(&report, "large", "eb", (1e7, 1e5));
    let losses = report["x_losses"].as_object().unwrap();
    assert!(losses.values().all(|lost| *lost == 0), "{losses:?}");
}

#[test]
fn too_few_samples_are_said() {
    let scratch = Scratch::new("few-samples");
    let program = scratch.compile("samples", &["-O1"]);
    let words = ["run", "--sample", "1GiB", "-o", "few.json", "--", program.to_str().unwrap()];
    let run = scratch.run(&words);
    assert_eq!(status(&run), 0, "{}", ours(&run));
    let told = ours(&run);
    assert!(told.contains("(too few samples to tell the blocks)"), "{told}");
    assert!(!told.contains("about 0 blocks"), "{told}");
    let shown = text(&scratch.run(&["report", "few.json"]).stdout);
    assert!(shown.contains("Too few samples"), "{shown}");
}

#[test]
fn a_gap_out_of_range_is_refused_with_the_range() {
    let scratch = Scratch::new("gaps");
    for gap in ["1", "2GiB", "much", "-5"] {
        let refused = scratch.run(&["run", &format!("--sample={gap}"), "--", "true"]);
        assert_ne!(status(&refused), 0, "{gap}");
        let said = text(&refused.stderr);
        let is_clear = said.contains("1KiB to 1GiB") || said.contains("a size such as");
        assert!(is_clear && said.contains("--sample"), "{said}");
    }
}

/// A program that does what it is told, line by line, under `mod-alloc run`.
struct Told {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    pid: String,
}

impl Told {
    fn start(scratch: &Scratch, words: &[&str]) -> Self {
        let program = scratch.compile("asked", &["-O1"]);
        let words = [words, &["--", program.to_str().unwrap()]].concat();
        let mut command = scratch.command(&words);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid = output.next().unwrap().unwrap();
        Told { child, input, output, pid }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        assert_eq!(self.output.next().unwrap().unwrap(), "done");
    }

    /// Ends the program; what was said on standard error.
    fn end(self) -> String {
        let Told { child, input, output, .. } = self;
        drop((input, output));
        let ended = child.wait_with_output().unwrap();
        assert_eq!(status(&ended), 0, "{}", ours(&ended));
        ours(&ended)
    }
}

#[test]
fn a_running_program_takes_other_samples_when_it_is_asked_to() {
    let scratch = Scratch::new("sample asked");
    let mut told = Told::start(&scratch, &["run", "--sample", "1GiB", "-o", "asked.json"]);
    let sample = |pid: &str, gap: &str| scratch.run(&["sample", pid, gap]);
    told.tell("before");
    // Nothing is sampled by itself of so little: 4 MiB bring the thread to look.
    let asked = sample(&told.pid, "all");
    assert_eq!(status(&asked), 0, "{}", ours(&asked));
    assert!(ours(&asked).contains("each block as soon as"), "{}", ours(&asked));
    (0..50).for_each(|_| told.tell("later"));
    told.tell("exactly");
    let asked = sample(&told.pid, "1GiB");
    assert_eq!(status(&asked), 0, "{}", ours(&asked));
    told.tell("before");
    let said = told.end();
    let report = json(&scratch.join("asked.json"));
    assert_eq!(sum_of(&report, "exactly", "tbk"), 1000, "{said}");
    assert_eq!(sum_of(&report, "exactly", "eb"), 100_000);
    assert_eq!(report["x_sampling"]["mean_gaps"], serde_json::json!([1 << 30, 1]));
}

#[test]
fn a_program_that_begins_with_each_block_is_asked_at_once_and_others_are_refused() {
    let scratch = Scratch::new("sample all");
    let mut told = Told::start(&scratch, &["run", "--sample", "all", "-o", "all.json"]);
    told.tell("exactly");
    let sample = |pid: &str, gap: &str| scratch.run(&["sample", pid, gap]);
    for gap in 1..=7 {
        let gap = format!("{gap}MiB");
        let asked = sample(&told.pid, &gap);
        assert_eq!(status(&asked), 0, "{}", ours(&asked));
        (0..50).for_each(|_| told.tell("later"));
    }
    let ninth = sample(&told.pid, "100MiB");
    assert_eq!(status(&ninth), 0, "it is not known yet: {}", ours(&ninth));
    let back = sample(&told.pid, "all");
    assert_eq!(status(&back), 0, "{}", ours(&back));
    (0..100).for_each(|_| told.tell("later"));
    told.tell("before");
    let ninth = sample(&told.pid, "100MiB");
    told.tell("before");
    assert_eq!(status(&ninth), 0, "{}", ours(&ninth));
    let recording = "no such recording";
    assert_eq!(status(&sample(recording, "1MiB")), 1);
    for wrong in ["1", "2GiB", "some"] {
        assert_eq!(status(&sample(&told.pid, wrong)), 2);
    }
    told.end();
    let report = json(&scratch.join("all.json"));
    assert_eq!([sum_of(&report, "exactly", "tbk"), sum_of(&report, "before", "tbk")], [1000, 2000]);
    assert_eq!(report["x_sampling"]["mean_gap"], 7 << 20);
    let mut told = Told::start(&scratch, &["run", "-o", "plain.json"]);
    told.tell("exactly");
    let refused = sample(&told.pid, "1MiB");
    assert_eq!(status(&refused), 1);
    assert!(ours(&refused).contains("--sample all"), "{}", ours(&refused));
    told.end();
    assert!(json(&scratch.join("plain.json")).get("x_sampling").is_none());
}
