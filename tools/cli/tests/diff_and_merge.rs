//! `mod-alloc diff` and `mod-alloc merge`.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use export_support::documents::{flat, random, report};
use mod_alloc_cli::dhat_file::{self, Document, Numbers, merge};
use run_support::{Scratch, ours, status, text};
use serde_json::{Value, json};

fn write(scratch: &Scratch, name: &str, report: &Value) {
    fs::write(scratch.join(name), report.to_string()).unwrap();
}

fn document(report: &Value) -> Document {
    dhat_file::read(report.to_string().as_bytes()).unwrap()
}

fn diff(scratch: &Scratch, more: &[&str]) -> Output {
    scratch.run(&[&["diff", "a", "b"], more].concat())
}

fn diff_json(scratch: &Scratch, more: &[&str]) -> Value {
    let output = diff(scratch, &[&["--format", "json"], more].concat());
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Two runs: `grows` doubled, `moved` is some lines further down, `new` came, `gone` went.
fn two_runs(scratch: &Scratch) {
    let main = "0x9: app::main (src/main.rs:2:1)";
    let before = [
        main,
        "0x1: app::grows (src/a.rs:5:1)",
        "0x2: app::moved (src/a.rs:9:1)",
        "0x3: app::gone (src/g.rs:1:1)",
    ];
    let after = [
        main,
        "0x7: app::grows (src/a.rs:5:1)",
        "0x8: app::moved (src/a.rs:19:1)",
        "0x6: app::new (src/n.rs:1:1)",
    ];
    let [before, after] = [before, after].map(|frames| frames.map(String::from));
    let points = [flat(1000, &[2, 1]), flat(500, &[3, 1]), flat(70, &[4, 1])];
    write(scratch, "a", &report(&points, &before));
    let points = [flat(2000, &[2, 1]), flat(500, &[3, 1]), flat(90, &[4, 1])];
    write(scratch, "b", &report(&points, &after));
}

#[test]
fn rows_grow_shrink_come_and_go() {
    let scratch = Scratch::new("diff");
    two_runs(&scratch);
    let output = diff(&scratch, &[]);
    assert_eq!((status(&output), text(&output.stderr)), (0, String::new()));
    let expected = "\
before  app --work  process 42 · 3 stacks
after   app --work  process 42 · 3 stacks

                           before        after       change
  bytes                  1.53 KiB     2.53 KiB      +1020 B   +65.0 %
  blocks                    1,570        2,590       +1,020   +65.0 %
  bytes at peak          1.53 KiB     2.53 KiB      +1020 B   +65.0 %
  bytes at end           1.53 KiB     2.53 KiB      +1020 B   +65.0 %
  short-lived blocks        1,570        2,590       +1,020   +65.0 %

Grew (bytes): 1 site, +1000 B
      +1000 B  +100.0 %, 1000 B → 1.95 KiB, +1,000 blocks
      app::grows  src/a.rs:5

New (bytes): 1 site, +90 B
        +90 B  +90 blocks
      app::new  src/n.rs:1

Gone (bytes): 1 site, -70 B
        -70 B  -70 blocks
      app::gone  src/g.rs:1
";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn by_line_what_moved_is_new_and_gone() {
    let scratch = Scratch::new("diff");
    two_runs(&scratch);
    let leading = |report: &Value, list: &str| -> Vec<String> {
        let rows = report[list].as_array().unwrap().iter();
        rows.map(|row| row["frames"][0]["function"].as_str().unwrap().to_owned()).collect()
    };
    let by_function = diff_json(&scratch, &[]);
    assert_eq!(leading(&by_function, "new"), ["app::new"]);
    assert_eq!(leading(&by_function, "gone"), ["app::gone"]);
    let by_line = diff_json(&scratch, &["--by", "line"]);
    assert_eq!(leading(&by_line, "new"), ["app::moved", "app::new"]);
    assert_eq!(leading(&by_line, "gone"), ["app::moved", "app::gone"]);
    assert_eq!((&by_line["by"], &by_line["sort"]), (&json!("line"), &json!("total")));
    let grown = &by_line["grew"][0];
    assert_eq!((&grown["change"], &grown["before"]["total_bytes"]), (&json!(1000), &json!(1000)));
    assert_eq!(by_line["totals"]["end"]["change"], 1020);
    assert_eq!(by_line["totals"]["end"]["before"], 1570);
    let whole = diff_json(&scratch, &["--stacks", "--top", "0"]);
    assert_eq!(leading(&whole, "new"), [] as [&str; 0]);
}

/// A function without a name is called by its address: in two builds that means nothing.
#[test]
fn nameless_functions_are_the_same_in_one_build_alone() {
    let scratch = Scratch::new("diff");
    let run = |name: &str, address: &str, build: &str| {
        let frames = [format!("0x1: sub_{address} (in /usr/bin/app)")];
        let mut report = report(&[flat(5, &[1])], &frames);
        report["x_modules"] = json!([{ "path": "/usr/bin/app", "build_id": build }]);
        write(&scratch, name, &report);
    };
    run("a", "10", "aa");
    run("b", "10", "aa");
    assert_eq!(diff_json(&scratch, &[])["new"], json!([]));
    run("b", "20", "aa");
    assert_eq!(diff_json(&scratch, &[])["new"].as_array().unwrap().len(), 1);
    run("b", "20", "bb");
    assert_eq!(diff_json(&scratch, &[])["new"], json!([]));
}

#[test]
fn compilers_numbers_and_recursion_make_nothing_new() {
    let scratch = Scratch::new("diff");
    let frames = [
        "0x1: app::parse::h0123456789abcdef (a.rs:1)",
        "0x2: app::expr::{closure#0} (a.rs:2)",
        "0x3: app::main (a.rs:3)",
    ];
    write(&scratch, "a", &report(&[flat(5, &[1, 2, 1, 2, 3])], &frames.map(String::from)));
    let frames = [
        "0x4: app::parse (a.rs:5)",
        "0x5: app::expr::{{closure}} (a.rs:8)",
        "0x6: app[0af1]::main (a.rs:9)",
    ];
    write(
        &scratch,
        "b",
        &report(&[flat(5, &[1, 2, 1, 2, 1, 2, 1, 2, 3])], &frames.map(String::from)),
    );
    let output = diff(&scratch, &["--stacks"]);
    assert!(
        text(&output.stdout).ends_with("\nNo differences: both reports have the same numbers.\n")
    );
    let by_line = text(&diff(&scratch, &["--by", "line"]).stdout);
    assert!(by_line.contains("New (bytes): 1 site, +5 B"), "{by_line}");
}

#[test]
fn a_report_does_not_differ_from_itself() {
    let scratch = Scratch::new("diff");
    for seed in 0..8 {
        write(&scratch, "a", &random(seed, 80));
        write(&scratch, "b", &random(seed, 80));
        for more in [&[][..], &["--stacks"], &["--by", "line"]] {
            for sort in ["total", "blocks", "peak", "end", "short"] {
                let words = [&["--sort", sort], more].concat();
                let output = diff(&scratch, &[&["--fail-above", "0%"], &*words].concat());
                assert_eq!(status(&output), 0);
                assert!(text(&output.stdout).contains("No differences: both"), "{seed} {words:?}");
                let report = diff_json(&scratch, &words);
                for list in ["grew", "new", "shrank", "gone"] {
                    assert_eq!(report[list], json!([]), "{seed} {words:?}");
                }
            }
        }
    }
}

#[test]
fn changes_of_rows_add_up_to_the_change_of_the_total() {
    let scratch = Scratch::new("diff");
    for seed in 0..6 {
        write(&scratch, "a", &random(seed, 70));
        write(&scratch, "b", &random(seed + 100, 70));
        for sort in ["total", "blocks", "peak", "end", "short"] {
            for more in [&[][..], &["--stacks"], &["--by", "line"]] {
                let report = diff_json(&scratch, &[&["--sort", sort], more].concat());
                let lists = ["grew", "new", "shrank", "gone"].map(|list| {
                    let rows = report[list].as_array().unwrap().iter();
                    rows.map(|row| row["change"].as_i64().unwrap()).sum::<i64>()
                });
                let total = &report["totals"][sort];
                assert_eq!(lists.iter().sum::<i64>(), total["change"].as_i64().unwrap());
                let [before, after] = ["before", "after"].map(|key| total[key].as_i64().unwrap());
                assert_eq!(after - before, total["change"].as_i64().unwrap());
                assert!(lists[0] >= 0 && lists[2] <= 0, "{lists:?}");
            }
        }
    }
}

#[test]
fn growth_above_the_limit_fails() {
    let scratch = Scratch::new("diff");
    two_runs(&scratch);
    for (limit, sort, expected) in [
        ("65%", "total", 0),
        ("64.9%", "total", 1),
        ("1020", "blocks", 0),
        ("1019", "blocks", 1),
        ("1KiB", "peak", 0),
        ("0.9KiB", "end", 1),
    ] {
        let output = diff(&scratch, &["--fail-above", limit, "--sort", sort]);
        assert_eq!(status(&output), expected, "{limit} {sort}");
        assert_eq!(ours(&output).is_empty(), expected == 0, "{}", ours(&output));
    }
    let output = diff(&scratch, &["--fail-above", "5%", "--format", "json"]);
    assert_eq!(status(&output), 1);
    assert_eq!(
        ours(&output),
        "mod-alloc: --sort total grew from 1.53 KiB to 2.53 KiB (+65.0 %): more than --fail-above 5 %\n"
    );
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["above_limit"], true);
    let backwards = scratch.run(&["diff", "b", "a", "--fail-above", "0%"]);
    assert_eq!(status(&backwards), 0);
    assert_eq!(status(&diff(&scratch, &["--fail-above", "much"])), 2);
}

#[test]
fn kinds_are_not_mixed() {
    let scratch = Scratch::new("diff");
    let heap = report(&[flat(5, &[1])], &["0x1: f (a.c:1)".into()]);
    let mut events = heap.clone();
    for (key, value) in [("verb", "Occurred"), ("bu", "unit"), ("bsu", "units"), ("bksu", "events")]
    {
        events[key] = value.into();
    }
    events["bklt"] = false.into();
    let mut without_frees = heap.clone();
    without_frees["bklt"] = false.into();
    let mut instructions = heap.clone();
    instructions["tu"] = "instrs".into();
    for (name, report) in
        [("a", &heap), ("events", &events), ("none", &without_frees), ("instrs", &instructions)]
    {
        write(&scratch, name, report);
    }
    for (other, part) in [
        (
            "events",
            "events cannot be added to a: it counts units in events, and the first counts bytes allocated",
        ),
        (
            "none",
            "none cannot be added to a: it knows nothing of frees, and the first knows of frees",
        ),
        (
            "instrs",
            "instrs cannot be added to a: its times are in instrs, and those of the first are in µs",
        ),
    ] {
        let output = scratch.run(&["merge", "a", other, "-o", "sum"]);
        assert_eq!(status(&output), 1);
        assert!(ours(&output).contains(part), "{}", ours(&output));
        assert!(!scratch.join("sum").exists());
    }
    let output = scratch.run(&["diff", "a", "events"]);
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("a counts bytes allocated, and events counts units in events"));
    // Totals can be compared with a report that knows of nothing else.
    assert_eq!(status(&scratch.run(&["diff", "a", "none"])), 0);
    let output = scratch.run(&["diff", "a", "none", "--sort", "peak"]);
    assert_eq!(status(&output), 1);
    assert!(
        ours(&output).contains("none: --sort peak needs to know of frees"),
        "{}",
        ours(&output)
    );
    let output = scratch.run(&["diff", "a", "missing"]);
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("missing: No such file"));
}

/// The stacks by their texts.
fn stacks(document: &Document) -> BTreeMap<Vec<String>, (Numbers, u64)> {
    let key = |site| document.stack(site).map(String::from).collect();
    document.sites.iter().map(|site| (key(site), (site.numbers, site.merged))).collect()
}

/// Blocks of a histogram, all its entries together; `None` if there is no such histogram.
fn histogram_blocks(document: &Document, key: &str) -> Option<u64> {
    let histograms = document.extras.histograms.as_ref().unwrap();
    let one = if key == "sizes" { &histograms.sizes } else { &histograms.lifetimes };
    one.as_ref().map(|histogram| histogram.blocks.iter().sum())
}

#[test]
fn a_sum_has_the_totals_of_its_parts_in_any_order() {
    for seed in 0..10 {
        let parts = [seed, seed + 50, seed + 90].map(|seed| document(&random(seed, 60)));
        let [a, b, c] = &parts;
        let (forwards, backwards) = (merge([a, b, c]), merge([c, b, a]));
        assert_eq!(stacks(&forwards), stacks(&backwards), "{seed}");
        assert_eq!((forwards.end, forwards.peak), (backwards.end, backwards.peak));
        assert_eq!(stacks(&merge([&merge([a, b]), c])), stacks(&forwards), "{seed}");
        assert_eq!(forwards.extras.histograms, backwards.extras.histograms, "{seed}");
        let in_two_steps = merge([&merge([a, b]), c]).extras.histograms;
        assert_eq!(in_two_steps, forwards.extras.histograms, "{seed}");
        for key in ["sizes", "lifetimes"] {
            let blocks = |part: &Document| histogram_blocks(part, key);
            // Only what all parts know is known of the sum.
            assert_eq!(blocks(&forwards), parts.iter().map(blocks).sum(), "{seed} {key}");
            assert_eq!(blocks(&merge([a])), blocks(a), "{seed} {key}");
        }
        let mut sum = Numbers::default();
        parts.iter().for_each(|part| sum.add(&part.totals()));
        assert_eq!(forwards.totals(), sum, "{seed}");
        assert_eq!(stacks(&merge([a])), stacks(a), "{seed}");
    }
}

#[test]
fn a_sum_says_what_its_peaks_are() {
    let scratch = Scratch::new("merge");
    let mut first = report(&[flat(1000, &[1])], &["0x1: f (a.c:1)".into()]);
    first["x_losses"] = json!({ "truncated_stacks": 3, "table_full": 1 });
    let mut second = report(&[flat(500, &[1])], &["0x1: f (a.c:1)".into()]);
    second["x_losses"] = json!({ "truncated_stacks": 4 });
    (second["pid"], second["te"], second["tg"]) = (43.into(), 9000.into(), 7000.into());
    write(&scratch, "a", &first);
    write(&scratch, "b", &second);
    let output = scratch.run(&["merge", "a", "b", "-o", "sum.json"]);
    assert_eq!(status(&output), 0);
    let told = ours(&output);
    assert!(
        told.contains(
            "At t-gmax: 1,500 bytes in 1,500 blocks (at most: the peaks of 2 programs added up)"
        ),
        "{told}"
    );
    let sum = run_support::json(&scratch.join("sum.json"));
    assert_eq!(sum["x_upper_bounds"], json!(["mb", "mbk", "gb", "gbk"]));
    assert_eq!((&sum["te"], &sum["tg"]), (&json!(9000), &json!(2500)));
    assert_eq!(sum["x_losses"]["truncated_stacks"], 7);
    assert_eq!(sum["x_losses"]["table_full"], 1);
    assert_eq!(sum["x_processes"][1]["pid"], 43);
    assert_eq!(sum["x_processes"][0]["peak_bytes"], 1000);
    let report = text(&scratch.run(&["report", "sum.json"]).stdout);
    assert!(report.contains("at most: the processes' peaks added up"), "{report}");
    let difference = text(&scratch.run(&["diff", "a", "sum.json"]).stdout);
    assert!(
        difference.contains("Peaks of several processes are added up: upper bounds."),
        "{difference}"
    );
    assert!(difference.contains("Not recorded in full, after"), "{difference}");
    let piped = scratch.run(&["merge", "b", "a"]);
    let piped: Value = serde_json::from_slice(&piped.stdout).unwrap();
    assert_eq!((&piped["pid"], &piped["tg"]), (&json!(43), &json!(2500)));
}
