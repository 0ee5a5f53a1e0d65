//! `mod-alloc run`: the heap over time, of a program that is known from phase to phase.

#[path = "../../../tests/support/over_time.rs"]
mod over_time;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mod_alloc::recording::file::{Error, RecordingFile};
use mod_alloc::report::{Options, Profile, dhat};
use over_time::{OverTime, PLATEAU, assert_phases, latest, read, until, wait_for};
use run_support::{Scratch, json, ours, status, sum, text};
use serde_json::Value;

/// `over_time`, and what waits for it. Without its standard input the program ends.
struct Phases {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Phases {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Under `mod-alloc run`, with the recording at `rec` and the report at `r.json`.
    fn run(scratch: &Scratch, timeline: Option<&str>, options: &[&str], how: &[&str]) -> Self {
        let program = scratch.compile("over_time", &["-pthread"]);
        let words = ["run", "--record", "rec", "-o", "r.json"];
        let words = [&words, options, &[program.to_str().unwrap()], how].concat();
        let mut command = scratch.command(&words);
        command.env_remove("MOD_ALLOC_TIMELINE");
        command.envs(timeline.map(|value| ("MOD_ALLOC_TIMELINE", value)));
        Self::start(&mut command)
    }

    /// The phase that the program says is over.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn answer(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Answers each of these phases once the recording has a moment with its numbers.
    fn pass(&mut self, path: &Path, phases: &[&str]) {
        for phase in phases {
            assert_eq!(self.line(), *phase);
            wait_for(path, phase);
            self.answer();
        }
    }

    /// Waits for the command's end.
    fn end(mut self) -> (i32, String) {
        drop(self.input.take());
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), errors)
    }
}

impl Drop for Phases {
    fn drop(&mut self) {
        // After a failure: it may have ended, and then neither can be done.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(id: u32) {
    // SAFETY: a process that this test started, by its own hand or by the command's.
    assert_eq!(unsafe { libc::kill(id.cast_signed(), libc::SIGKILL) }, 0);
}

fn phases_of(how: &[&str], is_exact: bool) {
    let scratch = Scratch::new("over-time");
    let mut phases = Phases::run(&scratch, None, &[], how);
    phases.pass(&scratch.join("rec"), &["1", "2", "3", "4"]);
    let (status, said) = phases.end();
    assert_eq!(status, 0, "{said}");
    assert_phases(&json(&scratch.join("r.json")), is_exact);
}

#[test]
fn ranges_and_the_chart_know_each_phase() {
    phases_of(&[], true);
}

#[test]
fn so_they_do_if_a_second_thread_did_it() {
    phases_of(&["thread"], false);
}

#[test]
fn a_program_that_is_killed_has_its_heap_over_time() {
    for how in [&[][..], &["thread"]] {
        let scratch = Scratch::new("over-time-killed");
        let path = scratch.join("rec");
        let mut phases = Phases::run(&scratch, None, &[], how);
        phases.pass(&path, &["1", "2", "3"]);
        assert_eq!(phases.line(), "4");
        wait_for(&path, "4");
        kill(read(&path).unwrap().pid);
        assert_eq!(phases.end().0, 128 + libc::SIGKILL);
        assert_phases(&json(&scratch.join("r.json")), how.is_empty());
    }
}

#[test]
fn so_it_does_if_the_command_is_killed() {
    for is_killed in [false, true] {
        let scratch = Scratch::new("over-time-orphaned");
        let path = scratch.join("rec");
        let mut phases = Phases::run(&scratch, None, &[], &[]);
        phases.pass(&path, &["1", "2", "3"]);
        assert_eq!(phases.line(), "4");
        wait_for(&path, "4");
        let program = read(&path).unwrap().pid;
        kill(phases.child.id());
        phases.child.wait().unwrap();
        assert_recovered(&scratch, "now.json");
        if is_killed {
            kill(program);
        } else {
            drop(phases.input.take());
        }
        assert_eq!(phases.line(), "", "its end of the pipe is closed");
        assert_recovered(&scratch, "then.json");
        let report = scratch.run(&["report", "rec"]);
        assert_eq!(status(&report), 0, "{}", ours(&report));
        assert!(text(&report.stdout).contains("site_plateau"), "{}", text(&report.stdout));
    }
}

fn assert_recovered(scratch: &Scratch, name: &str) {
    let recovered = scratch.run(&["recover", "rec", "-o", name]);
    assert_eq!(status(&recovered), 0, "{}", ours(&recovered));
    assert_phases(&json(&scratch.join(name)), true);
}

#[test]
fn a_forked_child_has_moments_of_its_own() {
    let scratch = Scratch::new("over-time-children");
    let mut phases = Phases::run(&scratch, None, &["--children", "yes"], &["fork"]);
    let recordings = || {
        let entries = fs::read_dir(scratch.join("rec")).into_iter().flatten().flatten();
        entries.filter_map(|entry| read(&entry.path())).collect::<Vec<_>>()
    };
    let has = |total: u64| {
        until(|| recordings().into_iter().find(|recording| latest(recording)[0] >= total))
    };
    assert_eq!(phases.line(), "1");
    let parent = has(PLATEAU).pid;
    phases.answer();
    assert_eq!(phases.line(), "2");
    let child = has(PLATEAU + 100_000).pid;
    assert_ne!(parent, child);
    phases.answer();
    assert_eq!(phases.line(), "3");
    phases.answer();
    let (status, said) = phases.end();
    assert_eq!(status, 0, "{said}");
    for (id, leaked) in [(parent, [0; 4]), (child, [100_000, 100, 100_000, 100])] {
        let report = format!("r.{parent}.reports/mod-alloc.over_time.{id}.json");
        let report = json(&scratch.join(&report));
        let over = OverTime::of(&report);
        over.assert_agrees();
        let last = over.at.len() - 1;
        assert_eq!(over.function(last, "site_leak"), leaked);
        assert_eq!(over.function(last, "site_plateau"), [PLATEAU, 1, PLATEAU, 1]);
        assert_eq!(over.most(), sum(&report, "gb"));
    }
}

#[test]
fn the_setting_says_how_much_is_told() {
    for (timeline, is_there) in [("totals", true), ("off", false)] {
        let scratch = Scratch::new("over-time-setting");
        let mut phases = Phases::run(&scratch, Some(timeline), &[], &[]);
        for phase in ["1", "2", "3", "4"] {
            assert_eq!(phases.line(), phase);
            phases.answer();
        }
        assert_eq!(phases.end().0, 0);
        let report = json(&scratch.join("r.json"));
        assert!(report.get("x_moments").is_none(), "{timeline}");
        assert_eq!(report.get("x_timeline").is_some(), is_there, "{timeline}");
        if is_there {
            assert_eq!(OverTime::of(&report).most(), sum(&report, "gb"));
        }
    }
}

/// A program without `mod-alloc run`, so that the test takes the moments; recorded to `rec`.
fn steps(scratch: &Scratch) -> (Phases, RecordingFile) {
    let program = scratch.compile("over_time", &["-pthread"]);
    let mut command = Command::new(program);
    command.arg("steps").env("LD_PRELOAD", env!("MOD_ALLOC_PRELOAD_LIBRARY"));
    command.env("MOD_ALLOC_RECORD", scratch.join("rec")).env_remove("MOD_ALLOC_TIMELINE");
    let mut phases = Phases::start(&mut command);
    assert_eq!(phases.line(), ".");
    (phases, RecordingFile::open(&scratch.join("rec")).unwrap())
}

/// One moment for each block, and no time between them.
#[test]
fn of_very_many_moments_some_are_kept_and_the_others_are_counted() {
    const MOMENTS: u64 = 600;
    let scratch = Scratch::new("over-time-thinned");
    let (mut phases, file) = steps(&scratch);
    let mut taker = file.moment_taker().unwrap().unwrap();
    for _ in 0..MOMENTS {
        phases.answer();
        assert_eq!(phases.line(), ".");
        assert!(taker.take().unwrap().is_some(), "it runs");
        // Nothing has changed since: that is no moment.
        assert!(taker.take().unwrap().is_some(), "it runs");
    }
    assert_eq!(phases.end().0, 0);
    assert!(taker.take().unwrap().is_none(), "it has ended");
    let profile = Profile::from_recording(&file.read().unwrap(), &Options::default());
    let mut report = Vec::new();
    dhat::write(&profile, &mut report).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let over = OverTime::of(&report);
    over.assert_agrees();
    assert!((64..=256).contains(&over.at.len()), "{}", over.at.len());
    assert_eq!(over.at.len() as u64 + over.thinned, MOMENTS);
    let mut last = 0;
    for moment in 0..over.at.len() {
        let [bytes, blocks, live, _] = over.function(moment, "step");
        assert!(blocks > last && bytes == 10 * blocks && live == bytes, "{moment}: {blocks}");
        last = blocks;
    }
    assert_eq!(last, MOMENTS, "the latest moment is always there");
}

/// The file is there before the process has written that it keeps a timeline.
#[test]
fn a_recording_that_has_not_begun_is_none_yet() {
    const SAMPLE_AT: u64 = 280;
    let scratch = Scratch::new("over-time-early");
    let (phases, file) = steps(&scratch);
    assert_eq!(phases.end().0, 0);
    let bytes = fs::File::options().read(true).write(true).open(scratch.join("rec")).unwrap();
    let mut words = [0; 16];
    bytes.read_exact_at(&mut words, SAMPLE_AT).unwrap();
    bytes.write_all_at(&[0; 16], SAMPLE_AT).unwrap();
    assert!(matches!(file.moment_taker(), Err(Error::NotARecording)));
    bytes.write_all_at(&words, SAMPLE_AT).unwrap();
    assert!(file.moment_taker().unwrap().is_some());
}
