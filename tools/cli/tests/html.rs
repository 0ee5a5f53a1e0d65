//! The page of `report --html` in a browser, driven by `tests/viewer/page.test.mjs`.

mod html_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::path::Path;
use std::process::Command;

use html_support::{hostile, later, whole};
use run_support::{Scratch, ours, status, text};
use serde_json::{Value, json};

/// Writes the page of `report`.
fn page(scratch: &Scratch, name: &str, report: &Value, words: &[&str]) {
    let (json, page) = (format!("{name}.json"), format!("{name}.html"));
    fs::write(scratch.join(&json), report.to_string()).unwrap();
    let words = [&["report", &json, "--html", "-o", &page], words].concat();
    let output = scratch.run(&words);
    assert_eq!(status(&output), 0, "{}", ours(&output));
}

fn difference(scratch: &Scratch, name: &str, before: &Value, after: &Value) {
    for (name, report) in [("before.json", before), ("after.json", after)] {
        fs::write(scratch.join(name), report.to_string()).unwrap();
    }
    let output = scratch.run(&["diff", "before.json", "after.json", "--html", "-o", name]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
}

#[test]
fn exported_with_the_metric_to_show_first() {
    let scratch = Scratch::new("html export");
    fs::write(scratch.join("whole.json"), whole().to_string()).unwrap();
    let words = ["export", "whole.json", "--to", "html", "--metric", "blocks", "-o", "blocks.html"];
    let output = scratch.run(&words);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let page = fs::read_to_string(scratch.join("blocks.html")).unwrap();
    assert!(page.contains("\"metric\":\"blocks\""), "the page begins with it");
}

#[test]
fn in_a_browser() {
    let scratch = Scratch::new("html");
    page(&scratch, "whole", &whole(), &[]);
    page(&scratch, "hostile", &hostile(), &[]);
    difference(&scratch, "difference.html", &whole(), &later());
    difference(&scratch, "same.html", &whole(), &whole());
    let mut timeless = whole();
    timeless.as_object_mut().unwrap().remove("x_timeline");
    page(&scratch, "timeless", &timeless, &[]);
    difference(&scratch, "half.html", &timeless, &later());
    let cut = fs::read_to_string(scratch.join("whole.html")).unwrap();
    let data = cut.find("id=\"data\">").unwrap();
    fs::write(scratch.join("cut.html"), &cut[..data + 200]).unwrap();
    // Another script than the hashed one: the browser must refuse it, and the driver must see that.
    let altered = cut.replacen("<script>", "<script>;", 1);
    fs::write(scratch.join("altered.html"), altered).unwrap();
    let totals = scratch.run(&["report", "whole.json", "--format", "json"]);
    fs::write(scratch.join("expected.json"), &totals.stdout).unwrap();
    with_source(&scratch);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/viewer");
    let drivers = ["page.test.mjs", "layout.test.mjs"].map(|name| folder.join(name));
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).args(drivers).env("PAGES", scratch.path());
    let output = node.env_remove("NODE_TEST_CONTEXT").output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

fn with_source(scratch: &Scratch) {
    fs::create_dir(scratch.join("src")).unwrap();
    let lines: String = (1..=40).map(|line| format!("let line_{line} = \"</pre>\";\n")).collect();
    fs::write(scratch.join("src/main.rs"), lines).unwrap();
    page(scratch, "source", &whole(), &["--source"]);
}

#[test]
fn the_page_goes_where_it_is_wanted() {
    let scratch = Scratch::new("html");
    fs::write(scratch.join("r.json"), whole().to_string()).unwrap();
    let named = scratch.run(&["report", "r.json", "--html"]);
    assert_eq!(status(&named), 0, "{}", ours(&named));
    assert_eq!(text(&named.stdout), "");
    assert!(ours(&named).contains("saved to r.html"), "{}", ours(&named));
    let written = fs::read(scratch.join("r.html")).unwrap();
    let piped = scratch.run(&["report", "r.json", "--html", "-o", "-"]);
    assert!(piped.stdout == written, "the page on standard output is another");
    assert!(String::from_utf8(written).unwrap().starts_with("<!doctype html>"));
    fs::create_dir(scratch.join("there")).unwrap();
    for folder in ["there", "new/deep/"] {
        let output = scratch.run(&["report", "r.json", "--html", "-o", folder]);
        assert_eq!(status(&output), 0, "{}", ours(&output));
        assert!(scratch.join(folder).join("r.html").is_file(), "{folder}");
    }
}

#[test]
fn what_cannot_be_written_or_meant_is_an_error() {
    let scratch = Scratch::new("html");
    fs::write(scratch.join("r.json"), whole().to_string()).unwrap();
    let nowhere = scratch.run(&["report", "r.json", "--html", "-o", "no/such/folder.html"]);
    assert_eq!(status(&nowhere), 1);
    assert!(ours(&nowhere).contains("writing the page to no/such/folder.html failed"));
    for words in [&["--open"][..], &["-o", "x"], &["--source"], &["--html", "--sort", "peak"]] {
        let words: Vec<_> = ["report", "r.json"].iter().chain(words).copied().collect();
        assert_eq!(status(&scratch.run(&words)), 2, "{words:?}");
    }
}

#[test]
fn a_browser_is_asked_by_open() {
    let scratch = Scratch::new("html");
    fs::write(scratch.join("r.json"), whole().to_string()).unwrap();
    let empty = scratch.join("bin");
    fs::create_dir(&empty).unwrap();
    let open = |path: &Path| {
        let mut command = scratch.command(&["report", "r.json", "--html", "--open"]);
        command.env("PATH", path).output().unwrap()
    };
    let without = open(&empty);
    assert_eq!(status(&without), 1);
    assert!(ours(&without).contains("xdg-open cannot be started"), "{}", ours(&without));
    std::os::unix::fs::symlink("/bin/true", empty.join("xdg-open")).unwrap();
    assert_eq!(status(&open(&empty)), 0);
}

#[test]
fn lists_over_time_that_do_not_fit_are_errors() {
    let scratch = Scratch::new("html");
    let refused = |change: &dyn Fn(&mut Value), why: &str| {
        let mut report = whole();
        change(&mut report);
        fs::write(scratch.join("r.json"), report.to_string()).unwrap();
        let output = scratch.run(&["report", "r.json", "--html"]);
        assert_eq!(status(&output), 1, "{why}");
        assert!(ours(&output).contains(why), "{why}: {}", ours(&output));
    };
    refused(
        &|report| report["x_timeline"]["blocks"] = json!([1]),
        "`blocks` has 1 entries, not 20",
    );
    refused(&|report| report["x_timeline"]["end_us"][3] = json!(0), "`end_us` does not ascend");
    refused(
        &|report| report["pps"][0]["x_moments"] = json!([[20, 1, 1, 1, 1]]),
        "x_moments of pps[0]",
    );
    refused(
        &|report| report["pps"][1]["x_moments"] = json!([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]),
        "x_moments of pps[1]",
    );
}

#[test]
fn run_writes_a_page_beside_the_report() {
    let scratch = Scratch::new("html");
    let output = scratch.run(&["run", "--html", "-o", "ls.json", "--", "/bin/ls"]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert!(ours(&output).contains("saved to ls.html"), "{}", ours(&output));
    assert_eq!(scratch.names(), ["ls.html", "ls.json"]);
    let by_page = scratch.run(&["run", "--html", "-o", "page.html", "--", "/bin/ls"]);
    assert!(ours(&by_page).contains("saved to page.json"), "{}", ours(&by_page));
    assert_eq!(scratch.names(), ["ls.html", "ls.json", "page.html", "page.json"]);
    let printed = scratch.run(&["run", "--html", "--format", "text", "-o", "-", "--", "/bin/ls"]);
    assert_eq!(status(&printed), 0, "{}", ours(&printed));
    scratch.only("mod-alloc.ls.", ".html");
}
