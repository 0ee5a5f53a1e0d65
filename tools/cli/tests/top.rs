//! `mod-alloc top` on programs that are running.

mod top_support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use top_support::Program;

fn top(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
    command.arg("top").args(arguments).stdin(Stdio::null()).env("LC_ALL", "C.UTF-8");
    command
}

fn run(arguments: &[&str]) -> Output {
    top(arguments).output().unwrap()
}

/// The tables that were written.
fn tables(output: &Output) -> Vec<Value> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn table(target: &str) -> Value {
    tables(&run(&[target, "--once", "--format", "json"])).remove(0)
}

fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

/// The functions of the first site.
fn functions(table: &Value) -> Vec<&str> {
    let frames = table["sites"][0]["frames"].as_array().unwrap();
    frames.iter().filter_map(|frame| frame["function"].as_str()).collect()
}

#[test]
fn a_running_program_by_process_and_by_path() {
    let mut program = Program::start("running", "no");
    let before = table(&program.pid());
    program.tell("50000000");
    let recording = program.recording();
    for target in [program.pid().as_str(), recording.to_str().unwrap()] {
        let after = table(target);
        assert_eq!(after["state"], "running");
        assert_eq!(after["pid"], program.child.id());
        assert!(after["command"].as_str().unwrap().starts_with("/usr/bin/python3 -c"), "{after}");
        let grown = after["live_bytes"].as_u64().unwrap() - before["live_bytes"].as_u64().unwrap();
        // Python's buffers come and go meanwhile.
        assert!(grown.abs_diff(50_000_000) < 100_000, "{grown}");
        let site = &after["sites"][0];
        assert_eq!((&site["live_bytes"], &site["live_blocks"]), (&50_000_001.into(), &1.into()));
        assert!(functions(&after).contains(&"_PyEval_EvalFrameDefault"), "{site}");
    }
    program.end();
}

#[test]
fn tables_are_sorted_filtered_and_cut() {
    let mut program = Program::start("tables", "no");
    program.tell("7000000");
    let pid = program.pid();
    let sites = |more: &[&str]| {
        let arguments = [&[pid.as_str(), "--once", "--format", "json"], more].concat();
        tables(&run(&arguments)).remove(0)["sites"].as_array().unwrap().clone()
    };
    let by = |key: &str, sites: &[Value]| -> Vec<u64> {
        sites.iter().map(|site| site[key].as_u64().unwrap()).collect()
    };
    let blocks = by("total_blocks", &sites(&["--sort", "total-blocks", "--top", "50"]));
    assert_eq!(blocks.len(), 50);
    assert!(blocks.is_sorted_by(|one, next| one >= next), "{blocks:?}");
    assert_eq!(by("live_bytes", &sites(&["--top", "1"])), [7_000_001]);
    let named = sites(&["--filter", "pybytearray_resize"]);
    assert!(by("live_bytes", &named).contains(&7_000_001));
    assert!(named.iter().all(|site| site.to_string().contains("PyByteArray_Resize")));
    assert!(sites(&["--filter", "no function has such a name"]).is_empty());
    let text = String::from_utf8(run(&[&pid, "--once", "--top", "1"]).stdout).unwrap();
    assert!(text.contains("  PyByteArray_Resize ← _PyObject_MakeTpCall ← "), "{text}");
    program.end();
}

#[test]
fn a_stream_ends_with_its_program() {
    let mut program = Program::start("stream", "no");
    let pid = program.pid();
    let arguments = [pid.as_str(), "--format", "json", "--interval", "0.02"];
    let mut stream = top(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(stream.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    next();
    program.tell("60000000");
    // Every table is newer than the one before, so one of them shows it.
    while next()["live_bytes"].as_u64().unwrap() < 60_000_000 {}
    program.end();
    let last = loop {
        let table = next();
        if table["state"] != "running" {
            break table;
        }
    };
    assert_eq!(last["state"], "ended");
    assert!(last["total_bytes"].as_u64().unwrap() > 60_000_000);
    assert!(lines.next().is_none());
    assert!(stream.wait().unwrap().success());
}

#[test]
fn a_program_that_was_killed_is_shown_as_it_was() {
    let mut program = Program::start("killed", "no");
    program.tell("3000000");
    let recording = program.recording();
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let after = table(recording.to_str().unwrap());
    assert_eq!(after["state"], "unknown");
    assert_eq!(after["sites"][0]["live_bytes"], 3_000_001);
    assert!(complaint(&[&program.pid(), "--once"]).contains("there is no such process"));
}

#[test]
fn a_recording_that_was_deleted_is_found_through_its_process() {
    let mut program = Program::start("deleted", "no");
    program.tell("4000000");
    fs::remove_file(program.recording()).unwrap();
    // SAFETY: asks the kernel for a number.
    if unsafe { libc::geteuid() } == 0 {
        assert_eq!(table(&program.pid())["sites"][0]["live_bytes"], 4_000_001);
    } else {
        assert!(
            complaint(&[&program.pid(), "--once"])
                .contains("cannot be opened: run mod-alloc as root")
        );
    }
    program.end();
}

/// Watches while the program becomes another; returns the tables.
fn tables_over_exec(mut program: Program) -> Vec<Value> {
    program.tell("1000000");
    let pid = program.pid();
    let arguments = [pid.as_str(), "--format", "json", "--interval", "0.02"];
    let mut stream = top(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(stream.stdout.take().unwrap()).lines();
    let mut tables = vec![lines.next().unwrap().unwrap()];
    assert_eq!(program.tell("exec"), "ready");
    program.tell("2000000");
    // Once it has seen the other program, or that there is nothing to see.
    for line in &mut lines {
        let line = line.unwrap();
        let is_it =
            line.contains("\"live_bytes\":2000001,") || line.contains("\"state\":\"ended\"");
        tables.push(line);
        if is_it {
            break;
        }
    }
    program.end();
    tables.extend(lines.map(Result::unwrap));
    assert!(stream.wait().unwrap().success());
    tables.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn exec_is_followed_where_it_is_recorded() {
    let tables = tables_over_exec(Program::start("exec-yes", "yes"));
    let has = |size: u64| {
        let is_it = |table: &Value| table["sites"][0]["live_bytes"] == size;
        tables.iter().position(is_it).unwrap_or_else(|| panic!("no site of {size} bytes"))
    };
    assert!(has(1_000_001) < has(2_000_001));
    assert_eq!(tables.last().unwrap()["state"], "ended");
}

#[test]
fn exec_is_an_end_where_it_is_not_recorded() {
    let tables = tables_over_exec(Program::start("exec-no", "no"));
    let last = tables.last().unwrap();
    assert_eq!(
        (&last["state"], &last["sites"][0]["live_bytes"]),
        (&"ended".into(), &1_000_001.into())
    );
}

#[test]
fn recorded_children_are_named() {
    let program = Program::start("children", "no");
    let said = complaint(&[&std::process::id().to_string(), "--once"]);
    let (_, pids) =
        said.trim().split_once("these processes that it started are recorded: ").unwrap();
    assert!(pids.split(", ").any(|pid| pid == program.pid()), "{said}");
    program.end();
}

#[test]
fn what_cannot_be_shown_is_said() {
    let said = complaint(&["4194999", "--once"]);
    assert_eq!(said, "mod-alloc: process 4194999: there is no such process\n");
    // This program, which starts recorded ones in other tests.
    let said = complaint(&[&std::process::id().to_string(), "--once"]);
    assert!(said.contains(" is not recorded; "), "{said}");
    let said = complaint(&["/etc/passwd", "--once"]);
    assert_eq!(said, "mod-alloc: /etc/passwd: not a recording of mod-alloc\n");
    for arguments in [&["1", "--interval", "0"][..], &["1", "--count", "0"], &["1", "--sort", "x"]]
    {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// The live view on a terminal of its own.
struct Terminal {
    child: Child,
    output: ChildStdout,
    seen: Vec<u8>,
}

impl Terminal {
    fn open(pid: &str) -> Self {
        let mut command = Command::new("timeout");
        let top = format!("{} top {pid} --interval 0.05", env!("CARGO_BIN_EXE_mod-alloc"));
        // A pseudo-terminal; as large as most, because one without a size has no room.
        let view = format!("stty rows 30 cols 100; exec {top}");
        command.args(["600", "script", "--quiet", "--return", "--command", &view, "/dev/null"]);
        command.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        Self { child, output, seen: Vec::new() }
    }

    /// Reads until `text` is on the screen.
    fn wait_for(&mut self, text: &str) {
        while !screen(&self.seen).contains(text) {
            let mut some = [0; 4096];
            let read = self.output.read(&mut some).unwrap();
            assert!(read > 0, "no {text:?} in\n{}", screen(&self.seen));
            self.seen.extend_from_slice(&some[..read]);
        }
    }

    fn press(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end; asserts that the terminal was given back.
    fn end(mut self) -> Option<i32> {
        self.output.read_to_end(&mut self.seen).unwrap();
        let text = String::from_utf8_lossy(&self.seen);
        let after = |what: &str| text.rfind(what).unwrap_or_else(|| panic!("no {what:?}: {text}"));
        assert!(after("\u{1b}[?1049l") > after("\u{1b}[?1049h"), "the screen of before: {text}");
        assert!(after("\u{1b}[?25h") > after("\u{1b}[?25l"), "the cursor: {text}");
        self.child.wait().unwrap().code()
    }
}

/// The screen of a terminal that was sent this: text, and moves of the cursor.
fn screen(sent: &[u8]) -> String {
    let mut cells = vec![[' '; 100]; 30];
    let (mut row, mut column) = (0, 0);
    let sent = String::from_utf8_lossy(sent);
    let mut characters = sent.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => {
                let is_end = |c: &char| c.is_ascii_alphabetic();
                let mut sequence = String::new();
                for part in characters.by_ref() {
                    sequence.push(part);
                    if is_end(&part) {
                        break;
                    }
                }
                let numbers = sequence.trim_start_matches('[').strip_suffix('H');
                if let Some((line, place)) = numbers.and_then(|text| text.split_once(';')) {
                    (row, column) = (line.parse().unwrap_or(1) - 1, place.parse().unwrap_or(1) - 1);
                }
            }
            _ => {
                if let Some(cell) =
                    cells.get_mut(row).and_then(|row: &mut [char; 100]| row.get_mut(column))
                {
                    *cell = character;
                }
                column += 1;
            }
        }
    }
    cells.iter().map(|row| row.iter().collect::<String>() + "\n").collect()
}

#[test]
fn the_live_view_shows_keys_work_and_the_terminal_is_given_back() {
    let mut program = Program::start("live", "no");
    program.tell("5000000");
    let mut terminal = Terminal::open(&program.pid());
    terminal.wait_for("PyByteArray_Resize");
    terminal.press("\r");
    terminal.wait_for("At its own most");
    terminal.press("t");
    terminal.wait_for("THREAD");
    program.end();
    terminal.wait_for("has ended");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_signal_ends_the_live_view_and_gives_the_terminal_back() {
    let program = Program::start("signal", "no");
    let mut terminal = Terminal::open(&program.pid());
    terminal.wait_for("running for");
    let top = innermost_child(terminal.child.id());
    // SAFETY: sends a signal to a process that this test has had started, and that still runs.
    assert_eq!(unsafe { libc::kill(top.cast_signed(), libc::SIGTERM) }, 0);
    assert_eq!(terminal.end(), Some(128 + libc::SIGTERM));
    program.end();
}

/// Of a chain of processes that have one child each, the last.
fn innermost_child(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    match children.split_whitespace().next() {
        Some(child) => innermost_child(child.parse().unwrap()),
        None => pid,
    }
}
