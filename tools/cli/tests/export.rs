//! `mod-alloc export`: every format has the report's numbers, and says what it lacks.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;

use export_support::documents::{self, flat, random, report, reports};
use export_support::pprof::Profile;
use export_support::totals::{self, known, of_report};
use mod_alloc_cli::dhat_file::{self, Document};
use run_support::{Scratch, ours, status, text};
use serde_json::Value;

/// Calls `check` with every report, in a folder where it is `in.json`.
fn each(check: impl Fn(&Scratch, &str, &Document)) {
    for (name, bytes) in reports() {
        let scratch = Scratch::new("export");
        fs::write(scratch.join("in.json"), &bytes).unwrap();
        check(&scratch, &name, &dhat_file::read(&bytes).unwrap());
    }
}

/// The output of `export`.
fn exported(scratch: &Scratch, to: &str, more: &[&str]) -> Vec<u8> {
    let output = scratch.run(&[&["export", "in.json", "--to", to], more].concat());
    assert_eq!(status(&output), 0, "{to} {more:?}: {}", text(&output.stderr));
    output.stdout
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn pprof_has_the_report_s_totals() {
    each(|scratch, name, document| {
        let profile = Profile::decode(&exported(scratch, "pprof", &[]));
        let sums = document.totals();
        let is_copy = document.verb == "Copied";
        let [objects, space] = if is_copy {
            ["copied_objects/count", "copied_space/bytes"]
        } else {
            ["alloc_objects/count", "alloc_space/bytes"]
        };
        let mut expected = vec![(objects, sums.total_blocks), (space, sums.total_bytes)];
        if document.knows_frees() {
            expected.extend([
                ("inuse_objects/count", sums.end_blocks),
                ("inuse_space/bytes", sums.end_bytes),
                ("peak_objects/count", sums.peak_blocks),
                ("peak_space/bytes", sums.peak_bytes),
            ]);
        }
        let types: Vec<_> = expected.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(profile.types(), types, "{name}");
        for (kind, number) in expected {
            assert_eq!(profile.sum(kind), i128::from(number), "{name} {kind}");
        }
    });
}

#[test]
fn pprof_opens_the_metric_that_was_asked_for() {
    let scratch = Scratch::new("export");
    fs::write(scratch.join("in.json"), random(1, 50).to_string()).unwrap();
    for (metric, kind) in [
        ("total", "alloc_space"),
        ("blocks", "alloc_objects"),
        ("peak", "peak_space"),
        ("end", "inuse_space"),
        ("short", "short_objects"),
    ] {
        let profile = Profile::decode(&exported(&scratch, "pprof", &["--metric", metric]));
        assert_eq!(profile.text(profile.default_sample_type), kind);
        assert_eq!(profile.types().len(), if metric == "short" { 7 } else { 6 });
    }
    let profile = Profile::decode(&exported(&scratch, "pprof", &[]));
    assert_eq!(profile.text(profile.default_sample_type), "peak_space", "as all formats");
    let document = dhat_file::read(random(1, 50).to_string().as_bytes()).unwrap();
    let short = Profile::decode(&exported(&scratch, "pprof", &["--metric", "short"]));
    assert!(of_report(&document, "short") > 0);
    assert_eq!(short.sum("short_objects/count"), of_report(&document, "short") as i128);
    let period = profile.period_type.as_ref().unwrap();
    assert_eq!((profile.text(period.kind), profile.text(period.unit)), ("space", "bytes"));
    assert_eq!(profile.duration_nanos, 5_000_000);
    assert_eq!(profile.text(profile.comment[1]), "command: app --work");
}

#[test]
fn inlined_functions_are_lines_of_one_location() {
    let frames = ["0x10: inner (a.rs:1:1)", "0x10: outer (a.rs:2:1)", "0x20: main (b.rs:3:1)"];
    let mut frames = frames.map(String::from).to_vec();
    frames.push("0x30: ??? (in /lib/x.so)".into());
    // The chain of `outer` twice: it calls itself.
    let points = [flat(1, &[1, 2, 1, 2, 3]), flat(2, &[3, 3]), flat(3, &[4])];
    let scratch = Scratch::new("export");
    fs::write(scratch.join("in.json"), report(&points, &frames).to_string()).unwrap();
    let profile = Profile::decode(&exported(&scratch, "pprof", &[]));
    let stacks: Vec<Vec<Vec<&str>>> = profile
        .sample
        .iter()
        .map(|sample| sample.location_id.iter().map(|&id| profile.functions(id)).collect())
        .collect();
    let twice = vec!["inner", "outer"];
    assert_eq!(
        stacks,
        [
            vec![twice.clone(), twice, vec!["main"]],
            vec![vec!["main"], vec!["main"]],
            vec![Vec::new()]
        ]
    );
    let unnamed = &profile.location[profile.sample[2].location_id[0] as usize - 1];
    assert_eq!(unnamed.address, 0x30);
    let mapping = &profile.mapping[unnamed.mapping_id as usize - 1];
    assert_eq!(profile.text(mapping.filename), "/lib/x.so");
}

#[test]
fn mappings_have_build_ids_and_addresses_as_linked() {
    let mut document = report(
        &[flat(1, &[1]), flat(2, &[2])],
        &["0x1010: main (a.rs:1:1)".into(), "0x5020: lib (b.rs:1:1)".into()],
    );
    document["x_modules"] = serde_json::json!([
        { "path": "/bin/app", "build_id": "0aff", "start": 0x41000, "end": 0x44000, "bias": 0x40000 },
        { "path": "/lib/b.so", "build_id": "", "start": 0x81000, "end": 0x86000, "bias": 0x80000 },
    ]);
    let scratch = Scratch::new("export");
    fs::write(scratch.join("in.json"), document.to_string()).unwrap();
    let profile = Profile::decode(&exported(&scratch, "pprof", &[]));
    let app = &profile.mapping[0];
    assert_eq!((profile.text(app.filename), profile.text(app.build_id)), ("/bin/app", "0aff"));
    assert_eq!((app.memory_start, app.memory_limit), (0x1000, 0x4000));
    assert!(app.has_inline_frames);
    // 0x1010 may be in either of the two.
    assert_eq!(profile.location[0].mapping_id, 0);
    let of_lib = profile.location[1].mapping_id as usize;
    assert_eq!(profile.text(profile.mapping[of_lib - 1].filename), "/lib/b.so");
    // A dhat file keeps them.
    let again = json(&exported(&scratch, "dhat", &[]));
    assert_eq!(again["x_modules"], document["x_modules"]);
}

#[test]
fn groups_are_labels() {
    let frames = ["0x10: f (a.rs:1)", "[group: parser: a]", "[group]"].map(String::from);
    let document = report(&[flat(5, &[1, 2]), flat(7, &[1]), flat(9, &[1, 3])], &frames);
    let scratch = Scratch::new("export_groups");
    fs::write(scratch.join("in.json"), document.to_string()).unwrap();
    let profile = Profile::decode(&exported(&scratch, "pprof", &[]));
    let label =
        |label: &export_support::pprof::Label| (profile.text(label.key), profile.text(label.text));
    let labels = profile.sample.iter().map(|sample| (sample.value[1], &sample.label));
    let labels: Vec<_> =
        labels.map(|(bytes, labels)| (bytes, labels.iter().map(label).collect())).collect();
    let none = Vec::new();
    assert_eq!(labels, [(5, vec![("group", "parser: a")]), (7, none.clone()), (9, none)]);
}

#[test]
fn speedscope_and_firefox_have_a_profile_for_each_metric() {
    each(|scratch, name, document| {
        let metrics = known(document);
        for (opened, metric) in metrics.iter().enumerate() {
            let speedscope = json(&exported(scratch, "speedscope", &["--metric", metric]));
            let firefox = json(&exported(scratch, "firefox", &["--metric", metric]));
            assert_eq!(speedscope["activeProfileIndex"], opened, "{name}");
            assert_eq!(firefox["meta"]["initialSelectedThreads"][0], opened, "{name}");
            assert_eq!(speedscope["profiles"].as_array().unwrap().len(), metrics.len());
            assert_eq!(firefox["threads"].as_array().unwrap().len(), metrics.len());
            let sum = of_report(document, metric);
            assert_eq!(totals::of_speedscope(&speedscope, opened), sum, "{name} {metric}");
            assert_eq!(totals::of_firefox(&firefox, opened), sum, "{name} {metric}");
            let profile = &speedscope["profiles"][opened];
            assert_eq!(u128::from(profile["endValue"].as_u64().unwrap()), sum);
            let unit = if ["blocks", "short"].contains(metric) { "none" } else { "bytes" };
            assert_eq!(profile["unit"], unit, "{name} {metric}");
            assert_eq!(profile["name"], firefox["threads"][opened]["name"]);
        }
    });
}

#[test]
fn collapsed_stacks_add_up_to_the_metric() {
    each(|scratch, name, document| {
        for metric in known(document) {
            let collapsed = text(&exported(scratch, "collapsed", &["--metric", metric]));
            assert_eq!(totals::of_collapsed(&collapsed), of_report(document, metric), "{name}");
        }
        let default = if document.knows_frees() { "peak" } else { "total" };
        let asked = exported(scratch, "collapsed", &["--metric", default]);
        assert_eq!(exported(scratch, "collapsed", &[]), asked, "{name}");
    });
}

#[test]
fn the_picture_says_the_total_and_every_counter() {
    let scratch = Scratch::new("export");
    let frames = ["0x1: main (a.rs:1:1)".into(), "0x2: a::leaf (a.rs:2:1)".into()];
    let points = [flat(300, &[2, 1]), flat(200, &[1])];
    fs::write(scratch.join("in.json"), report(&points, &frames).to_string()).unwrap();
    let svg = text(&exported(&scratch, "svg", &["--metric", "end"]));
    assert!(svg.contains("Bytes live at the end: 500 B</text>"), "{svg}");
    let title = "<title>a::leaf\nBytes live at the end: 300 B (60.0 %)\n\
                 Bytes allocated: 300 B in 300 blocks\nBytes live at the peak: 300 B in 300 blocks\n\
                 Bytes live at the end: 300 B in 300 blocks\nA block lives 1.0 µs on average</title>";
    assert!(svg.contains(title), "{svg}");
    assert!(svg.contains("of which not in a function called by it: 200 B"), "{svg}");
    assert!(svg.contains("width=\"708.0\""), "a::leaf has three fifths of 1180 pixels: {svg}");
    assert!(!svg.contains("<script") && !svg.contains("http://www.w3.org/1999/xlink"));
    assert_eq!(
        text(&exported(&scratch, "svg", &["--metric", "end"])),
        svg,
        "it is always the same"
    );
}

#[test]
fn narrow_and_deep_frames_are_counted_in_the_picture() {
    let frames: Vec<String> = (0..20_000).map(|id| format!("{id:#x}: f{id} (a.rs:1:1)")).collect();
    let mut points: Vec<Value> = (1..=20_000).map(|id| flat(1, &[id])).collect();
    let deep: Vec<u64> = (1..=1000).rev().collect();
    points.push(flat(20_000, &deep));
    let scratch = Scratch::new("export");
    fs::write(scratch.join("in.json"), report(&points, &frames).to_string()).unwrap();
    let svg = text(&exported(&scratch, "svg", &[]));
    assert!(
        svg.contains("19,999 frames narrower than 1.0 px (0.1 %) not drawn"),
        "{}",
        &svg[..6000]
    );
    assert!(svg.contains("744 frames below level 256 not drawn"));
    assert_eq!(svg.matches("<g>").count(), 1 + 256);
}

#[test]
fn a_dhat_file_is_what_was_read() {
    each(|scratch, name, document| {
        let again = dhat_file::read(&exported(scratch, "dhat", &[])).unwrap();
        assert_eq!(again.sites, document.sites, "{name}");
        assert_eq!(again.frames, document.frames, "{name}");
        assert_eq!(again.extras.losses, document.extras.losses, "{name}");
        assert_eq!(again.extras.executable, document.extras.executable, "{name}");
        assert_eq!(again.extras.threads, document.extras.threads, "{name}");
        assert_eq!(again.extras.thread_list, document.extras.thread_list, "{name}");
        assert_eq!(again.extras.timeline, document.extras.timeline, "{name}");
        assert_eq!(again.extras.moments, document.extras.moments, "{name}");
        assert_eq!(again.extras.histograms, document.extras.histograms, "{name}");
        assert_eq!(again.extras.coverage, document.extras.coverage, "{name}");
        assert_eq!(again.extras.cut_stacks, document.extras.cut_stacks, "{name}");
        assert_eq!(again.extras.recorder, document.extras.recorder, "{name}");
        assert_eq!(again.extras.sampling, document.extras.sampling, "{name}");
    });
}

/// Sums of the stacks' numbers at their latest moments.
fn latest(document: &Document) -> [u64; 2] {
    let latest = document.sites.iter().filter_map(|site| site.moments.last());
    latest.fold([0, 0], |[total, live], of| [total + of.total_bytes, live + of.live_bytes])
}

#[test]
fn the_largest_stacks_stay_and_the_others_are_one() {
    each(|scratch, name, document| {
        for metric in known(document) {
            let top = ["--top", "3", "--metric", metric];
            let kept = dhat_file::read(&exported(scratch, "dhat", &top)).unwrap();
            assert_eq!(kept.totals(), document.totals(), "{name} {metric}");
            let stacks = document.sites.len();
            let others = kept.sites.len() - stacks.min(3);
            assert_eq!(others == 0, stacks <= 3, "{name}");
            if stacks > 3 {
                // At the last moment, the numbers of all stacks are there.
                assert_eq!(latest(&kept), latest(document), "{name} {metric}");
                for other in &kept.sites[3..] {
                    let text = kept.stack(other).collect::<Vec<_>>().join(" ");
                    assert!(["(other)", "(other, short-lived)"].contains(&&*text), "{text}");
                }
                // With all that is left out, the metric of no stack is larger than those kept.
                let collapsed = text(&exported(scratch, "collapsed", &top));
                assert_eq!(totals::of_collapsed(&collapsed), of_report(document, metric), "{name}");
            }
        }
    });
    let scratch = Scratch::new("export");
    let frames: Vec<String> = (1..=4).map(|id| format!("{id:#x}: f{id} (a.rs:1:1)")).collect();
    let points = [flat(1, &[1]), flat(9, &[2]), flat(5, &[3]), flat(2, &[4])];
    fs::write(scratch.join("in.json"), report(&points, &frames).to_string()).unwrap();
    let collapsed = text(&exported(&scratch, "collapsed", &["--top", "2"]));
    assert_eq!(collapsed, "f2 9\nf3 5\n(other, short-lived) 3\n");
}

#[test]
fn what_a_report_lacks_is_refused_or_said() {
    let scratch = Scratch::new("export");
    let mut document = report(&[flat(5, &[1])], &["0x1: f (a.c:1)".into()]);
    document["bklt"] = false.into();
    fs::write(scratch.join("in.json"), document.to_string()).unwrap();
    for metric in ["peak", "end", "short"] {
        for to in ["pprof", "speedscope", "firefox", "collapsed", "svg", "dhat"] {
            let output = scratch.run(&["export", "in.json", "--to", to, "--metric", metric]);
            assert_eq!((status(&output), output.stdout.len()), (1, 0));
            let part = format!("in.json: --metric {metric} needs to know of frees");
            assert!(ours(&output).contains(&part), "{}", ours(&output));
        }
    }
    let output = scratch.run(&["export", "in.json", "--to", "collapsed"]);
    assert_eq!((status(&output), text(&output.stdout)), (0, "f 5\n".into()));
    assert!(ours(&output).contains("without block lifetimes: totals alone"), "{}", ours(&output));
    // Valgrind's ad hoc events are no bytes.
    let mut events = document.clone();
    for (key, value) in [("verb", "Occurred"), ("bu", "unit"), ("bsu", "units"), ("bksu", "events")]
    {
        events[key] = value.into();
    }
    events["mode"] = "ad-hoc".into();
    fs::write(scratch.join("in.json"), events.to_string()).unwrap();
    let output = scratch.run(&["export", "in.json", "--to", "pprof"]);
    assert!(
        ours(&output).contains("mode ad-hoc: the numbers are units in all"),
        "{}",
        ours(&output)
    );
    let profile = Profile::decode(&output.stdout);
    assert_eq!(profile.types(), ["events/count", "units/count"]);
    assert_eq!(profile.period_type, None);
    let speedscope = json(&exported(&scratch, "speedscope", &[]));
    assert_eq!(speedscope["profiles"][0]["unit"], "none");
}

#[test]
fn a_metric_that_is_nowhere_is_said() {
    let scratch = Scratch::new("export");
    let mut point = flat(5, &[1]);
    (point["eb"], point["ebk"]) = (0.into(), 0.into());
    let report = report(&[point], &["0x1: f (a.c:1)".into()]);
    fs::write(scratch.join("in.json"), report.to_string()).unwrap();
    for to in ["pprof", "speedscope", "firefox", "collapsed", "svg", "dhat"] {
        let output = scratch.run(&["export", "in.json", "--to", to, "--metric", "end"]);
        assert_eq!(status(&output), 0);
        let told = "in.json: bytes live at the end: none; --metric shows another number\n";
        assert!(ours(&output).ends_with(told), "{}", ours(&output));
    }
    let svg = text(&exported(&scratch, "svg", &["--metric", "end"]));
    assert!(svg.contains("Bytes live at the end: 0 B</text>") && !svg.contains("<g>"), "{svg}");
    assert_eq!(exported(&scratch, "collapsed", &["--metric", "end"]), b"");
}

#[test]
fn a_binary_format_is_not_written_to_a_terminal() {
    let scratch = Scratch::new("export");
    fs::write(scratch.join("in.json"), random(3, 9).to_string()).unwrap();
    let export = format!("{} export in.json --to", env!("CARGO_BIN_EXE_mod-alloc"));
    let on_terminal = |to: &str| {
        let mut script = std::process::Command::new("script");
        let command = format!("{export} {to}");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script.current_dir(scratch.path()).stdin(std::process::Stdio::null()).output().unwrap()
    };
    for to in ["pprof", "pprof -o -"] {
        let output = on_terminal(to);
        assert_eq!(status(&output), 2);
        assert!(text(&output.stdout).contains("name a file with -o FILE"), "{output:?}");
    }
    assert_eq!(status(&on_terminal("collapsed")), 0);
}

#[test]
fn in_a_folder_the_file_is_named_after_the_report_and_the_format() {
    let scratch = Scratch::new("export-folder");
    let report = report(&[flat(5, &[1])], &["0x1: f (a.rs:1:1)".into()]);
    fs::write(scratch.join("in.json"), report.to_string()).unwrap();
    for (to, name) in [
        ("html", "in.html"),
        ("pprof", "in.pb.gz"),
        ("speedscope", "in.speedscope.json"),
        ("firefox", "in.firefox.json"),
        ("collapsed", "in.folded"),
        ("svg", "in.svg"),
        ("dhat", "in.dhat.json"),
    ] {
        exported(&scratch, to, &["-o", "new/deep/"]);
        let entries = fs::read_dir(scratch.join("new/deep")).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [name]);
        fs::remove_dir_all(scratch.join("new")).unwrap();
    }
}

#[test]
fn a_file_has_what_standard_output_has_even_if_it_looks_like_colours() {
    let scratch = Scratch::new("export");
    let escape = format!("0x1: \u{1b}[31mred{} (a.rs:1:1)", documents::HOSTILE_NAMES[5]);
    let report = report(&[flat(5, &[1])], &[escape]);
    fs::write(scratch.join("in.json"), report.to_string()).unwrap();
    for to in ["pprof", "speedscope", "firefox", "collapsed", "svg", "dhat"] {
        let out = exported(&scratch, to, &[]);
        exported(&scratch, to, &["-o", "out"]);
        assert_eq!(fs::read(scratch.join("out")).unwrap(), out, "{to}");
        assert!(!out.contains(&0x1b) || to == "pprof", "{to}");
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output =
        scratch.command(&["export", "in.json", "--to", "svg"]).stdout(full).output().unwrap();
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("No space left on device"), "{}", ours(&output));
    let missing = scratch.run(&["export", "missing", "--to", "svg"]);
    assert_eq!(status(&missing), 1);
    assert!(ours(&missing).contains("missing: No such file"), "{}", ours(&missing));
}
