//! Reports that no sound program writes break no export, no comparison and no sum.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::Command;

use export_support::documents::{HOSTILE_NAMES, hostile};
use export_support::pprof::Profile;
use export_support::totals;
use mod_alloc_cli::dhat_file;
use run_support::{Scratch, status, text};
use serde_json::Value;

/// The hostile report as `in.json`.
fn scratch() -> Scratch {
    let scratch = Scratch::new("hostile");
    fs::write(scratch.join("in.json"), hostile().to_string()).unwrap();
    scratch
}

fn exported(scratch: &Scratch, to: &str, metric: &str) -> Vec<u8> {
    let output = scratch.run(&["export", "in.json", "--to", to, "--metric", metric]);
    assert_eq!(status(&output), 0, "{to}: {}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    output.stdout
}

#[test]
fn pprof_saturates_and_keeps_every_name() {
    let profile = Profile::decode(&exported(&scratch(), "pprof", "total"));
    for name in HOSTILE_NAMES.iter().filter(|name| !name.starts_with('(')) {
        assert!(profile.string_table.iter().any(|text| text == name), "{name:?}");
    }
    let largest = profile.sample.iter().flat_map(|sample| &sample.value).max();
    assert_eq!(largest, Some(&i64::MAX));
    let deepest = profile.sample.iter().map(|sample| sample.location_id.len()).max();
    assert_eq!(deepest, Some(100_000));
}

#[test]
fn json_formats_stay_json() {
    let scratch = scratch();
    for to in ["speedscope", "firefox", "dhat"] {
        let bytes = exported(&scratch, to, "peak");
        let file: Value =
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{to}: {error}"));
        assert!(text(&bytes).contains("script"), "{to}");
        if to == "firefox" {
            assert!(file["shared"]["stackTable"]["length"].as_u64().unwrap() > 100_000);
            totals::of_firefox(&file, 2);
        }
        if to == "speedscope" {
            totals::of_speedscope(&file, 2);
            assert_eq!(file["profiles"][2]["endValue"].as_u64(), Some(u64::MAX));
        }
    }
}

#[test]
fn collapsed_stacks_are_a_line_each() {
    let collapsed = text(&exported(&scratch(), "collapsed", "total"));
    let document = dhat_file::read(hostile().to_string().as_bytes()).unwrap();
    assert_eq!(totals::of_collapsed(&collapsed), totals::of_report(&document, "total"));
    assert!(collapsed.lines().any(|line| line.matches(';').count() == 99_999));
    assert!(!collapsed.contains(|letter: char| letter.is_control() && letter != '\n'));
    assert!(!collapsed.lines().any(|line| line.starts_with('#')));
}

#[test]
fn the_picture_is_well_formed_and_small() {
    let scratch = scratch();
    for metric in ["peak", "end"] {
        assert_picture(&scratch, &exported(&scratch, "svg", metric));
    }
    // All names are wide enough to be drawn.
    let svg = text(&exported(&scratch, "svg", "end"));
    assert!(svg.contains("<title>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;\n"));
    assert!(svg.contains("<title>quote&quot; and 'quote' &amp; \\ and &amp;amp;\n"));
    assert!(svg.contains("frames below level 256 not drawn"));
}

fn assert_picture(scratch: &Scratch, svg: &[u8]) {
    assert!(svg.len() < 4_000_000, "{} bytes", svg.len());
    fs::write(scratch.join("out.svg"), svg).unwrap();
    let program = "import sys, xml.etree.ElementTree as E; r = E.parse(sys.argv[1]).getroot(); \
                   print(r.tag, sum(1 for _ in r.iter()), any('script' in e.tag for e in r.iter()))";
    let mut python = Command::new("/usr/bin/python3");
    let output = python.args(["-c", program]).arg(scratch.join("out.svg")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(
        told.starts_with("{http://www.w3.org/2000/svg}svg ") && told.ends_with("False\n"),
        "{told}"
    );
}

#[test]
fn it_can_be_compared_and_added_up() {
    let scratch = scratch();
    for more in [&[][..], &["--stacks", "--by", "line", "--format", "json"]] {
        let output =
            scratch.run(&[&["diff", "in.json", "in.json", "--fail-above", "0%"], more].concat());
        assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    }
    let mut other = hostile();
    other["pid"] = 43.into();
    fs::write(scratch.join("other.json"), serde_json::to_vec(&other).unwrap()).unwrap();
    let output = scratch.run(&["merge", "in.json", "other.json", "-o", "sum.json"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let sum = dhat_file::read(&fs::read(scratch.join("sum.json")).unwrap()).unwrap();
    assert_eq!(sum.totals().total_bytes, u64::MAX);
    assert_eq!(sum.sites.len(), hostile()["pps"].as_array().unwrap().len());
    let output = scratch.run(&["diff", "in.json", "sum.json", "--sort", "blocks"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
}
