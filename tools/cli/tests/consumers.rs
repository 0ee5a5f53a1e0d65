//! Exported files in the programs that they are for: `go tool pprof`, speedscope, the Firefox
//! Profiler and Valgrind's viewer show the report's numbers.

#[path = "../../../tests/support/commands.rs"]
mod commands;
#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

#[expect(dead_code, reason = "each test file uses its part")]
#[path = "../../../tests/support/viewer.rs"]
mod viewer;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use export_support::documents::random;
use mod_alloc::units::Count;
use mod_alloc_cli::dhat_file::{self, Document};
use run_support::{Scratch, status, text};
use serde_json::{Value, json};
use viewer::{Shown, view};

/// A pseudo-random report as `NAME.json`, and what it says.
fn report(scratch: &Scratch, name: &str, seed: u64) -> Document {
    let bytes = random(seed, 50).to_string();
    fs::write(scratch.join(&format!("{name}.json")), &bytes).unwrap();
    dhat_file::read(bytes.as_bytes()).unwrap()
}

/// Exports `NAME.json` to `NAME.TO`.
fn export(scratch: &Scratch, name: &str, to: &str, more: &[&str]) -> std::path::PathBuf {
    let (file, out) = (format!("{name}.json"), format!("{name}.{to}"));
    let output = scratch.run(&[&["export", &file, "--to", to, "-o", &out], more].concat());
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    scratch.join(&out)
}

fn pprof(scratch: &Scratch, words: &[&str]) -> String {
    let mut go = Command::new("/usr/bin/go");
    go.args(["tool", "pprof"]).args(words).current_dir(scratch.path());
    // It keeps copies of profiles in the home folder.
    go.env("PPROF_TMPDIR", scratch.path()).env("HOME", scratch.path());
    let output = go.output().expect("tools/check/setup installs golang-go");
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The sums of the columns of numbers that `pprof -raw` prints, one for each sample type.
fn raw_sums(raw: &str) -> Vec<i64> {
    let (_, samples) = raw.split_once("Samples:\n").unwrap();
    let (samples, _) = samples.split_once("Locations\n").unwrap();
    let mut lines = samples.lines();
    let mut sums = vec![0; lines.next().unwrap().split_whitespace().count()];
    for (numbers, _) in lines.filter_map(|line| line.split_once(": ")) {
        for (sum, number) in sums.iter_mut().zip(numbers.split_whitespace()) {
            *sum += number.parse::<i64>().unwrap();
        }
    }
    sums
}

/// In the order of the sample types.
fn sums(document: &Document) -> Vec<i64> {
    let sums = document.totals();
    let numbers = [
        [sums.total_blocks, sums.total_bytes],
        [sums.end_blocks, sums.end_bytes],
        [sums.peak_blocks, sums.peak_bytes],
    ];
    numbers.concat().into_iter().map(|number| number as i64).collect()
}

#[test]
fn go_tool_pprof_shows_every_total_and_the_difference() {
    let scratch = Scratch::new("pprof");
    let (a, b) = (report(&scratch, "a", 1), report(&scratch, "b", 2));
    export(&scratch, "a", "pprof", &[]);
    export(&scratch, "b", "pprof", &[]);
    let raw = pprof(&scratch, &["-raw", "a.pprof"]);
    assert!(
        raw.contains(
            "inuse_objects/count inuse_space/bytes peak_objects/count peak_space/bytes[dflt]"
        ),
        "{raw}"
    );
    assert!(raw.contains("PeriodType: space bytes\n"), "{raw}");
    assert_eq!(raw_sums(&raw), sums(&a));
    let kinds = [
        "alloc_objects",
        "alloc_space",
        "inuse_objects",
        "inuse_space",
        "peak_objects",
        "peak_space",
    ];
    for (kind, number) in kinds.into_iter().zip(sums(&a)) {
        let (unit, option) =
            if kind.ends_with("space") { ("B", "-unit=B") } else { ("", "-unit=count") };
        let index = format!("-sample_index={kind}");
        let top = pprof(
            &scratch,
            &["-top", "-nodefraction=0", "-nodecount=9999", option, &index, "a.pprof"],
        );
        let total =
            format!("Showing nodes accounting for {number}{unit}, 100% of {number}{unit} total");
        assert!(top.contains(&total) && top.contains(&format!("Type: {kind}\n")), "{total}\n{top}");
    }
    // Names are not taken for those of C++, whose parameters would be left out.
    let top = pprof(&scratch, &["-top", "-nodefraction=0", "-nodecount=9999", "a.pprof"]);
    assert!(top.contains("two::run::<u8>::{closure#"), "{top}");
    let difference = raw_sums(&pprof(&scratch, &["-raw", "-diff_base=a.pprof", "b.pprof"]));
    let expected: Vec<_> = sums(&a).iter().zip(sums(&b)).map(|(a, b)| b - a).collect();
    assert_eq!(difference, expected);
    let same = pprof(&scratch, &["-raw", "-diff_base=a.pprof", "a.pprof"]);
    assert_eq!(raw_sums(&same), [0; 6]);
}

/// Runs a script of `tests/viewer`.
fn node(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/viewer");
    let mut node = Command::new("node");
    node.arg(folder.join(script));
    node
}

/// As speedscope writes bytes.
fn in_speedscope(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KB", "MB", "GB"];
    let power = (bytes.max(1).ilog2() / 10) as usize;
    let decimals = if power == 0 { 0 } else { 2 };
    format!("{:.decimals$} {}", bytes as f64 / 1024_f64.powi(power as i32), UNITS[power])
}

#[test]
fn speedscope_opens_the_metric_and_lists_the_totals() {
    let scratch = Scratch::new("speedscope");
    let sums = report(&scratch, "a", 3).totals();
    let file = export(&scratch, "a", "speedscope", &["--metric", "end"]);
    let output = commands::succeed(node("speedscope.mjs").arg("--json").arg(file));
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(page["opened"], "Bytes live at the end (4/5)");
    let listed = |index: usize, name: &str, total: String| {
        let row = &page["profiles"][index];
        assert_eq!((row[1].as_str(), row[2].as_str()), (Some(name), Some(&*total)), "{page}");
    };
    listed(0, "Bytes allocated", in_speedscope(sums.total_bytes));
    listed(1, "Blocks allocated", Count(sums.total_blocks).to_string());
    listed(2, "Bytes live at the peak", in_speedscope(sums.peak_bytes));
    listed(3, "Bytes live at the end", in_speedscope(sums.end_bytes));
    assert_eq!(
        (&page["errors"], &page["requests"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    assert!(page["functions"].as_array().unwrap().iter().any(|row| row[2] == "four::f4"), "{page}");
}

/// The Firefox Profiler's command line: a server that holds a profile, and commands that ask it.
struct Firefox {
    folder: std::path::PathBuf,
    server: Child,
}

impl Firefox {
    /// Starts the server itself, since its own command waits half a second for it and no longer.
    fn load(scratch: &Scratch, profile: &Path) -> Self {
        let folder = scratch.path().to_owned();
        let mut server = Self::node(&folder);
        server.arg("--daemon").arg(profile).stdout(Stdio::null()).stderr(Stdio::null());
        let server = server.args(["--session", "test"]).spawn();
        let server = server.expect("tools/check/setup installs node");
        let mut firefox = Self { folder, server };
        // A command that comes too early takes the session for a dead one, and removes it.
        while !firefox.log().contains("Profile loaded successfully") {
            let ended = firefox.server.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}", firefox.log());
            std::thread::yield_now();
        }
        firefox
    }

    fn node(folder: &Path) -> Command {
        let mut node = node("node_modules/@firefox-devtools/profiler-cli/dist/profiler-cli.js");
        node.env("PROFILER_CLI_SESSION_DIR", folder);
        node
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("test.log")).unwrap_or_default()
    }

    fn command(&self, words: &[&str]) -> String {
        let mut node = Self::node(&self.folder);
        text(&commands::succeed(node.args(words).args(["--session", "test"])).stdout)
    }

    /// The sum of a thread's tree, and its unit.
    fn total(&self, thread: &str) -> (u64, String) {
        let words = ["thread", "samples-top-down", "--thread", thread, "--json"];
        let answer: Value = serde_json::from_str(&self.command(&words)).unwrap();
        let unit = answer["weightType"].as_str().unwrap().to_owned();
        (answer["regularCallTree"]["totalSamples"].as_u64().unwrap(), unit)
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn the_firefox_profiler_has_a_thread_for_each_metric() {
    let scratch = Scratch::new("firefox");
    let sums = report(&scratch, "a", 4).totals();
    let file = export(&scratch, "a", "firefox", &["--metric", "end"]);
    let firefox = Firefox::load(&scratch, &file);
    let status = firefox.command(&["status"]);
    assert!(status.contains("Selected thread: t-3 (Bytes live at the end"), "{status}");
    let bytes = |number: u64| (number, "bytes".to_owned());
    assert_eq!(firefox.total("t-0"), bytes(sums.total_bytes));
    assert_eq!(firefox.total("t-1"), (sums.total_blocks, "samples".to_owned()));
    assert_eq!(firefox.total("t-2"), bytes(sums.peak_bytes));
    assert_eq!(firefox.total("t-3"), bytes(sums.end_bytes));
    let functions = firefox.command(&["thread", "functions", "--thread", "t-0", "--limit", "0"]);
    assert!(functions.contains("libthree.so!three"), "{functions}");
}

#[test]
fn the_firefox_profiler_shows_the_heap_over_time() {
    let scratch = Scratch::new("firefox-heap");
    let mut report = random(5, 50);
    report["x_version"] = "1.1.0".into();
    report["x_timeline"] = json!({
        "end_us": [1_500, 2_000, 40_000],
        "min_bytes": [0, 100, 100], "max_bytes": [5_000, 9_000, 700], "blocks": [5, 9, 1],
        "total_bytes": [5_000, 10_000, 11_000], "total_blocks": [5, 10, 12],
        "resident_bytes": [null, 50_000, 40_000],
    });
    fs::write(scratch.join("a.json"), report.to_string()).unwrap();
    let file = export(&scratch, "a", "firefox", &[]);
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let samples = &written["counters"][0]["samples"];
    assert_eq!(samples["time"], json!([0.0, 1.5, 2.0, 40.0]));
    assert_eq!(samples["count"], json!([0, 5_000, 4_000, -8_300]));
    assert_eq!(samples["number"], json!([0, 5, 6, 12]));
    assert_eq!(written["counters"][1]["samples"]["count"], json!([0, 50_000, -10_000]));
    let firefox = Firefox::load(&scratch, &file);
    let list = firefox.command(&["counter", "list", "--json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    let labels = list["counters"].as_array().unwrap().iter().map(|counter| &counter["label"]);
    assert!(labels.eq(["Heap", "Resident memory"]), "{list}");
    let heap = firefox.command(&["counter", "info", "c-0", "--json"]);
    let heap: Value = serde_json::from_str(&heap).unwrap();
    assert_eq!((&heap["unit"], &heap["sampleCount"]), (&json!("bytes"), &json!(4)), "{heap}");
    let mut levels = heap["overTime"].as_array().unwrap().iter().map(|part| &part["value"]);
    assert!(levels.clone().any(|level| *level == 9_000), "{heap}");
    assert_eq!(levels.next_back(), Some(&json!(700)), "{heap}");
}

/// A file of dhat-rs, written again.
#[test]
fn valgrind_s_viewer_opens_what_is_exported() {
    let scratch = Scratch::new("viewer");
    let seed = "../../tests/fuzz/seeds/dhat/dhat-rs.json";
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(seed)).unwrap();
    fs::write(scratch.join("a.json"), &bytes).unwrap();
    let sums = dhat_file::read(&bytes).unwrap().totals();
    let file = export(&scratch, "a", "dhat", &["--top", "1"]);
    let page = view(&file, &[], &[], &scratch.join("page.png"));
    assert_eq!(page.error(), None);
    let shown = |bytes, blocks| Shown { bytes, blocks };
    assert_eq!(page.total("total"), shown(sums.total_bytes, sums.total_blocks));
    assert_eq!(page.total("peak"), shown(sums.peak_bytes, sums.peak_blocks));
    assert_eq!(page.total("end"), shown(sums.end_bytes, sums.end_blocks));
}
