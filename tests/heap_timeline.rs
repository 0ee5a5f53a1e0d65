//! `MOD_ALLOC_TIMELINE`: the heap over time of a program that uses the crate and takes the moments
//! of its sites itself.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[path = "support/over_time.rs"]
mod over_time;
#[expect(dead_code, reason = "other tests look at more of a dump")]
mod signal_support;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;

use heap_support::{Launch, memory_programs, programs};
use over_time::{OverTime, PLATEAU, assert_phases, is_over, latest, read, until, wait_for};
use serde_json::Value;
use signal_support::Running;

fn launch(name: &str, program: &str, timeline: &str) -> Launch {
    Launch::new(name, programs(), &[program]).env("MOD_ALLOC_TIMELINE", timeline)
}

fn json(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// Lets the program go on after each of these phases, once `wait` has seen a moment of it.
fn pass(running: &mut Running, phases: &[&str], mut wait: impl FnMut(&mut Running, &str)) {
    for phase in phases {
        assert_eq!(running.line(), *phase);
        wait(running, phase);
        running.send(1);
    }
}

/// The names of the threads in a report.
fn threads(report: &Value) -> Vec<&str> {
    let threads = report["x_threads"].as_array().expect("a list").iter();
    threads.map(|thread| thread["name"].as_str().expect("a name")).collect()
}

#[test]
fn a_program_takes_moments_of_its_own_recording() {
    let launch = launch("file", "over-time", "sites").env("MOD_ALLOC_RECORD", "one.rec");
    let path = launch.folder.join("one.rec");
    let mut running = Running::start(launch);
    pass(&mut running, &["1", "2", "3", "4"], |_, phase| wait_for(&path, phase));
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    let report = json(&left.folder.join("dhat-heap.json"));
    assert_phases(&report, true);
    assert_eq!(threads(&report).len(), 1, "{:?}", threads(&report));
    let taker = mod_alloc::recording::file::RecordingFile::open(&path).expect("a recording");
    let taker = taker.moment_taker().expect("it can be written");
    assert!(taker.is_none(), "the process took them itself");
}

/// A dump at a signal tells which moments there are.
#[test]
fn so_it_does_in_memory() {
    let launch = launch("memory", "over-time", "sites").env("MOD_ALLOC_SIGNAL", "USR1");
    let mut running = Running::start(launch);
    pass(&mut running, &["1", "2", "3", "4"], |running, phase| {
        until(|| {
            running.signal(libc::SIGUSR1);
            let dump = running.dump();
            let report = running.folder.join(dump.report());
            let json = json(&report);
            fs::remove_file(report).expect("it was there");
            let over = OverTime::of(&json);
            let last = over.at.len().checked_sub(1)?;
            over.assert_agrees();
            is_over(phase, over.all(last)).then_some(())
        });
    });
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    let report = json(&left.folder.join("dhat-heap.json"));
    assert_phases(&report, true);
    assert_eq!(threads(&report).len(), 1, "{:?}", threads(&report));
}

#[test]
fn a_forked_child_goes_on_with_moments_of_its_own() {
    let launch = launch("fork", "over-time-fork", "sites").env("MOD_ALLOC_RECORD", "one.rec");
    let path = launch.folder.join("one.rec");
    let mut running = Running::start(launch);
    pass(&mut running, &["1"], |_, phase| wait_for(&path, phase));
    let line = running.line();
    let child = line.strip_prefix("child ").expect("the child's line").to_owned();
    let of_child = path.with_file_name(format!("one.rec.{child}"));
    pass(&mut running, &["2"], |_, _| {
        until(|| read(&of_child).filter(|all| latest(all)[0] >= PLATEAU + 100_000));
    });
    pass(&mut running, &["3"], |_, _| {});
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    for (name, leaked) in [("", [0; 4]), (&*format!(".{child}"), [100_000, 100, 100_000, 100])] {
        let report = json(&left.folder.join(format!("dhat-heap.json{name}")));
        let over = OverTime::of(&report);
        over.assert_agrees();
        let last = over.at.len() - 1;
        assert_eq!(over.function(last, "site_leak"), leaked, "{name}");
        assert_eq!(over.function(last, "site_plateau"), [PLATEAU, 1, PLATEAU, 1], "{name}");
        assert_eq!(threads(&report).len(), 1, "{:?}", threads(&report));
    }
}

/// Its lists have nothing from before the window, and times count from there.
#[test]
fn a_window_has_a_heap_over_time_of_its_own() {
    let launch = launch("window", "over-time-window", "sites").env("MOD_ALLOC_RECORD", "one.rec");
    let path = launch.folder.join("one.rec");
    let mut running = Running::start(launch);
    assert_eq!(running.line(), "0");
    until(|| read(&path).filter(|recording| latest(recording)[0] >= 2_000_000));
    running.send(1);
    pass(&mut running, &["1", "2", "3", "4"], |_, phase| wait_for(&path, phase));
    // Not `end`: standard error has lines of dhat's.
    assert_eq!(running.line(), "", "it has ended");
    let report = json(&running.folder.join("window.json"));
    assert_phases(&report, true);
    let over = OverTime::of(&report);
    assert_eq!((over.intervals[0].least, over.function(0, "site_before")), (0, [0; 4]));
    // As many bytes were live before the window.
    let mut first = over.intervals.iter().take_while(|interval| interval.total_bytes < PLATEAU);
    assert!(first.all(|interval| interval.most < 2_000_000), "{:?}", over.intervals);
    assert_eq!(over.thinned, 0);
}

/// The profiler's thread does not keep a process whose first thread has ended.
#[test]
fn a_process_ends_with_the_last_thread_of_its_own() {
    let launch = Launch::new("last", memory_programs(), &[]).env("TEST_FIRST_ENDS", "1");
    let mut launch = launch.env("MOD_ALLOC_TIMELINE", "sites");
    let ignore = || {
        // SAFETY: no memory is involved; the program raises the signal.
        unsafe { libc::signal(libc::SIGUSR1, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: one system call.
    unsafe { launch.command.pre_exec(ignore) };
    let mut running = Running::start(launch);
    running.send(1);
    assert_eq!(running.line(), "last");
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    let report = json(&left.folder.join("dhat-heap.json"));
    assert!(!threads(&report).contains(&"mod-alloc"), "{:?}", threads(&report));
}

/// Its end waits neither for the first moment nor for the next one.
#[test]
fn a_program_that_is_over_at_once_has_a_timeline() {
    for timeline in ["sites", "totals"] {
        let ended = launch(timeline, "simple", timeline).run().with_status(0);
        OverTime::of(&ended.report().json);
    }
    let ended = launch("off", "simple", "off").run().with_status(0);
    assert!(ended.report().json.get("x_timeline").is_none());
}

#[test]
fn an_invalid_value_is_named() {
    let ended = launch("maybe", "simple", "maybe").run().with_status(0);
    let said = ended.said();
    let expected = "invalid MOD_ALLOC_TIMELINE=maybe; using totals";
    assert_eq!(said.iter().filter(|line| line.starts_with("invalid ")).count(), 1, "{said:?}");
    assert!(said.contains(&expected), "{said:?}");
    let report = ended.report();
    OverTime::of(&report.json);
    assert!(report.json.get("x_moments").is_none());
}
