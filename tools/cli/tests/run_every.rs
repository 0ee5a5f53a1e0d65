//! `mod-alloc run --every`: reports while the program runs, and a bounded number of files.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use run_support::{Scratch, json, status, sum, text};

/// A program that waits, with a report each 100 ms.
struct Running {
    child: Child,
    errors: BufReader<ChildStderr>,
}

impl Running {
    fn start(scratch: &Scratch, options: &[&str], script: &str) -> Self {
        let program = ["--", "/usr/bin/python3", "-c", script];
        let words = [&["run", "--every", "100ms"], options, &program].concat();
        let mut command = scratch.command(&words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut began = String::new();
        let output = child.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut began).unwrap();
        assert_eq!(began, "began\n");
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, errors }
    }

    /// Waits for a line of standard error with these words.
    fn wait_for_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.errors.read_line(&mut line).unwrap() > 0, "nothing of {words:?}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Lets the program end, whose status is that of the run; gives the rest of standard error.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(7), "{rest}");
        rest
    }
}

const WAITS: &str = "
import sys
kept = bytearray(5000000)
print('began', flush=True)
sys.stdin.read()
sys.exit(7)
";

/// The numbers of the reports in a folder, whose names are so around them.
fn numbers(folder: &Path, begin: &str, end: &str) -> BTreeSet<u32> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter_map(|name| name.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()).collect()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::yield_now();
    }
}

#[test]
fn the_latest_reports_stay_and_the_last_has_the_next_number() {
    let scratch = Scratch::new("every-kept");
    let running = Running::start(&scratch, &["-o", "heap-%n.json", "--keep", "2"], WAITS);
    let found = || numbers(scratch.path(), "heap-", ".json");
    wait_until(|| found().last().is_some_and(|last| *last >= 5));
    let told = running.end();
    let numbers: Vec<u32> = found().into_iter().collect();
    let last = *numbers.last().unwrap();
    assert!(last > 5, "{numbers:?}");
    assert_eq!(numbers, [last - 2, last - 1, last], "two, and the one at the end: {told}");
    assert_eq!(scratch.names().len(), 3, "nothing else is there: {:?}", scratch.names());
    for number in numbers {
        let report = json(&scratch.join(&format!("heap-{number}.json")));
        assert!(sum(&report, "eb") >= 5_000_000 || number == last, "{number}");
    }
    let summaries = told.lines().filter(|line| line.contains("Total:")).count();
    assert_eq!(summaries, 1, "reports on a schedule say nothing: {told}");
}

#[test]
fn without_a_place_for_the_number_it_stands_before_the_extension() {
    let scratch = Scratch::new("every-plain");
    let running = Running::start(&scratch, &["-o", "out/", "--format", "text"], WAITS);
    let pid = || {
        let name = scratch.names().into_iter().find(|name| name == "out")?;
        let entry = fs::read_dir(scratch.join(&name)).unwrap().next()?;
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_prefix("mod-alloc.python3.")?.split('.').next()?.parse::<u32>().ok()
    };
    wait_until(|| pid().is_some());
    let begin = format!("mod-alloc.python3.{}.", pid().unwrap());
    let found = || numbers(&scratch.join("out"), &begin, ".txt");
    wait_until(|| found().contains(&2));
    running.end();
    assert!(found().contains(&1));
    for end in ["1.txt", "2.txt", "txt"] {
        let report = fs::read_to_string(scratch.join(&format!("out/{begin}{end}"))).unwrap();
        assert!(report.contains("Most bytes"), "{end}: {report}");
    }
}

#[test]
fn with_children_each_report_is_the_sum_of_all_so_far() {
    const FORKS: &str = "
import os, sys
child = os.fork()
if not child:
    kept = bytearray(5000000)
    print('began', flush=True)
    sys.stdin.read()
    os._exit(0)
os.waitpid(child, 0)
sys.exit(7)
";
    let scratch = Scratch::new("every-children");
    let options = ["-o", "heap.json", "--children", "yes", "--keep", "3"];
    let running = Running::start(&scratch, &options, FORKS);
    let found = || numbers(scratch.path(), "heap.", ".json");
    let has_child = |number: &u32| {
        // Between the list and the reading, it may have been removed for a newer one.
        let report = fs::read(scratch.join(&format!("heap.{number}.json"))).ok()?;
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let processes = report["x_processes"].as_array().map_or(0, Vec::len);
        Some(processes == 2 && sum(&report, "eb") >= 5_000_000)
    };
    wait_until(|| found().iter().any(|number| has_child(number) == Some(true)));
    let last = *found().last().unwrap();
    wait_until(|| found().last().is_some_and(|now| *now > last + 3));
    running.end();
    assert_eq!(found().len(), 3, "{:?}", scratch.names());
    let report = json(&scratch.join("heap.json"));
    assert_eq!(report["x_processes"].as_array().unwrap().len(), 2);
}

#[test]
fn a_full_disk_and_a_place_that_is_gone_are_told_and_the_next_report_is_tried() {
    let scratch = Scratch::new("every-full");
    fs::create_dir(scratch.join("place")).unwrap();
    std::os::unix::fs::symlink("/dev/full", scratch.join("place/heap.1.json")).unwrap();
    let mut running = Running::start(&scratch, &["-o", "place/heap.json"], WAITS);
    let line = running.wait_for_line("cannot write the report");
    assert!(line.contains("place/heap.1.json: No space left"), "{line}");
    assert!(line.contains("the next one is tried as ever"), "{line}");
    wait_until(|| scratch.join("place/heap.2.json").exists());
    fs::rename(scratch.join("place"), scratch.join("moved")).unwrap();
    let line = running.wait_for_line("cannot write the report");
    assert!(line.contains("No such file or directory"), "{line}");
    fs::rename(scratch.join("moved"), scratch.join("place")).unwrap();
    let known = numbers(&scratch.join("place"), "heap.", ".json").len();
    wait_until(|| numbers(&scratch.join("place"), "heap.", ".json").len() > known);
    running.end();
    assert!(sum(&json(&scratch.join("place/heap.json")), "tb") >= 5_000_000);
}

#[test]
fn words_that_cannot_be_meant_are_refused() {
    let scratch = Scratch::new("every-refused");
    for (options, words) in [
        (&["--every", "10"][..], "a time such as `30s`"),
        (&["--every", "1ms"], "100ms to 7d is possible"),
        (&["--keep", "3"], "--every"),
        (&["--every", "10m", "--keep", "0"], "--keep"),
        (&["--every", "10m", "-o", "-"], "--every needs files"),
    ] {
        let output = scratch.run(&[&["run"], options, &["--", "/usr/bin/touch", "began"]].concat());
        assert_eq!(status(&output), 125, "{options:?}");
        let told = text(&output.stderr);
        assert!(told.contains(words), "{options:?}: {told}");
    }
    assert!(!scratch.join("began").exists());
}
