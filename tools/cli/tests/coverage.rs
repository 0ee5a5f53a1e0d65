//! `x_coverage`: memory of a process that is in no block is said, with the likely holder, wherever
//! a person looks; and nothing is said where all was seen.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mod_alloc::recording::file::RecordingFile;
use run_support::{Scratch, json, ours, status, text};
use serde_json::Value;

const MIB: u64 = 1 << 20;
/// Memory that the programs take, and the part of it that must be told: stacks and variables are
/// taken off by a rough rule.
const TAKEN: u64 = 64 * MIB;
const TOLD: u64 = 58 * MIB;
/// Longer than a look is late on any machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs `pool` to its end, and reads its report.
fn run(scratch: &Scratch, how: &str) -> (String, Value) {
    let pool = scratch.compile("pool", &[]);
    let output = scratch.run(&["run", "-o", "r.json", "--", pool.to_str().unwrap(), "64", how]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    (ours(&output), json(&scratch.join("r.json")))
}

fn unseen(report: &Value) -> u64 {
    report["x_coverage"]["unseen_bytes"].as_u64().expect("a number")
}

/// The line on standard error.
fn line(ours: &str) -> Option<&str> {
    ours.lines().find_map(|line| line.strip_prefix("mod-alloc: Not seen: "))
}

fn assert_told(unseen: u64) {
    assert!((TOLD..=TAKEN + 4 * MIB).contains(&unseen), "{unseen}");
}

/// Starts a program that says `ready` when it has taken memory, and waits until its recording tells
/// of that. `go_on` is told the process's id; then the program may end.
fn while_ready(mut command: Command, recording: &Path, go_on: impl FnOnce(u32)) -> (i32, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    go_on(wait_until_seen(recording));
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let output = child.wait_with_output().unwrap();
    (status(&output), ours(&output))
}

fn recorded(scratch: &Scratch, program: &[&str]) -> Command {
    let words = ["run", "--record", "rec", "-o", "r.json", "--"];
    scratch.command(&[&words, program].concat())
}

fn with_pool(scratch: &Scratch, how: &str, go_on: impl FnOnce(u32)) -> (i32, String) {
    let pool = scratch.compile("pool", &[]);
    let command = recorded(scratch, &[pool.to_str().unwrap(), "64", how]);
    while_ready(command, &scratch.join("rec"), go_on)
}

/// Waits until most of the memory has been looked at; the process's id. The process waits, too, so
/// there is no hurry.
fn wait_until_seen(path: &Path) -> u32 {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let recording = RecordingFile::open(path).and_then(|file| file.read());
        if let Ok(recording) = recording
            && recording.anonymous.most_bytes.is_some_and(|bytes| bytes >= TAKEN)
        {
            return recording.pid;
        }
        std::thread::yield_now();
    }
    panic!("nobody looked at the process's memory");
}

#[test]
fn mapped_memory_is_told_in_every_output() {
    let scratch = Scratch::new("kept");
    let (ours, report) = run(&scratch, "kept");
    assert_told(unseen(&report));
    let said = line(&ours).expect("a line");
    assert!(said.contains("not in the report: the program maps memory itself"), "{ours}");
    let end = report["x_coverage"]["end_anonymous_bytes"].as_u64().unwrap();
    assert!(end >= TAKEN && report["x_coverage"]["peak_anonymous_bytes"].as_u64() >= Some(end));

    let told = text(&scratch.run(&["report", "r.json"]).stdout);
    assert!(told.contains("Of what was seen, nothing was lost.\n\nNot seen\n  6"), "{told}");
    assert!(!told.contains("\nNothing was lost"), "{told}");
    let for_programs = scratch.run(&["report", "--format", "json", "r.json"]).stdout;
    let for_programs: Value = serde_json::from_slice(&for_programs).unwrap();
    assert_eq!(for_programs["coverage"], report["x_coverage"]);
}

#[test]
fn nothing_is_said_where_all_was_seen() {
    for how in ["blocks", "reserved"] {
        let scratch = Scratch::new(how);
        let (ours, report) = run(&scratch, how);
        assert_eq!((unseen(&report), line(&ours)), (0, None), "{how} {report}");
        let told = text(&scratch.run(&["report", "r.json"]).stdout);
        assert!(told.contains("\nNothing was lost.\n") && !told.contains("Not seen"), "{told}");
    }
}

#[test]
fn memory_that_is_given_back_before_the_end_was_seen_meanwhile() {
    let scratch = Scratch::new("returned");
    let (status, ours) = with_pool(&scratch, "returned", |pid| {
        let table = scratch.run(&["top", "--once", &pid.to_string()]).stdout;
        let told = text(&table);
        assert!(told.contains("\nNot seen: 6"), "{told}");
        let table = scratch.run(&["top", "--once", "--format", "json", &pid.to_string()]).stdout;
        let table: Value = serde_json::from_slice(&table).unwrap();
        assert_told(table["coverage"]["unseen_bytes"].as_u64().unwrap());
    });
    assert_eq!(status, 0);
    let report = json(&scratch.join("r.json"));
    assert_told(unseen(&report));
    assert!(report["x_coverage"]["end_anonymous_bytes"].as_u64().unwrap() < TAKEN / 2);
    assert!(line(&ours).is_some(), "{ours}");
}

#[test]
fn the_memory_of_a_killed_process_is_known() {
    let scratch = Scratch::new("killed");
    let (status, ours) = with_pool(&scratch, "killed", |_| {});
    assert_eq!(status, 128 + 9);
    let report = json(&scratch.join("r.json"));
    assert_told(unseen(&report));
    assert!(report["x_coverage"]["end_anonymous_bytes"].is_null());
    assert!(line(&ours).is_some(), "{ours}");
}

#[test]
fn a_sum_has_the_unseen_memory_of_each_process() {
    let scratch = Scratch::new("sum");
    let pool = scratch.compile("pool", &[]);
    let script = format!("{0} 64 kept; {0} 64 kept; {0} 64 blocks", pool.display());
    let words = ["run", "--children", "yes", "-o", "r.json", "--", "sh", "-c", &script];
    let output = scratch.run(&words);
    assert_eq!(status(&output), 0);
    let report = json(&scratch.join("r.json"));
    assert!((2 * TOLD..=2 * TAKEN + 8 * MIB).contains(&unseen(&report)), "{}", unseen(&report));
    assert_eq!(report["x_coverage"]["reasons"].as_array().unwrap().len(), 1);
    assert!(line(&ours(&output)).is_some());
}

#[test]
fn an_allocator_without_symbols_is_told_by_its_texts() {
    let scratch = Scratch::new("stripped");
    let pool = scratch.compile("pool", &["-DTEXT", "-s"]);
    let output = scratch.run(&["run", "-o", "r.json", "--", pool.to_str().unwrap(), "64", "kept"]);
    let ours = ours(&output);
    let said = line(&ours).expect("a line");
    let expected = format!("{} seems to bring jemalloc (it has the text", pool.display());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn python_is_told_with_the_way_out() {
    const MANY: &str = "x = [(i,) for i in range(10**6)]; print('ready', flush=True); input()";
    let run = |variable: Option<(&str, &str)>| {
        let scratch = Scratch::new("python");
        let mut command = recorded(&scratch, &["/usr/bin/python3", "-c", MANY]);
        command.env_remove("PYTHONMALLOC").envs(variable);
        let (status, ours) = while_ready(command, &scratch.join("rec"), |_| {});
        assert_eq!(status, 0, "{ours}");
        ours
    };
    let told = run(None);
    assert!(line(&told).is_some_and(|line| line.contains("PYTHONMALLOC=malloc")), "{told}");
    let with_it = run(Some(("PYTHONMALLOC", "malloc")));
    assert_eq!(line(&with_it), None, "{with_it}");
}
