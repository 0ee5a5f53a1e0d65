//! Signals while a program runs under `mod-alloc run`.

#[expect(dead_code, reason = "each test file uses its part")]
mod pty_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pty_support::{Terminal, lead_session};
use run_support::{Scratch, json, sum_of};

/// Starts the program and waits until it waits.
fn start(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, lines)
}

fn wrapped(scratch: &Scratch, program: &Path) -> Command {
    scratch.command(&["run", "-o", "r.json", program.to_str().unwrap()])
}

fn rest_of(mut lines: impl Read) -> String {
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    rest
}

#[test]
fn what_is_sent_to_us_is_passed_on() {
    let scratch = Scratch::new("passed-on");
    let program = scratch.compile("waits", &[]);
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGINT] {
        let (mut child, lines) = start(wrapped(&scratch, &program));
        // SAFETY: sends a signal to a child that was not waited for.
        assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
        assert_eq!(rest_of(lines), format!("got {signal}\n"));
        assert_eq!(child.wait().unwrap().code(), Some(signal));
        assert_eq!(sum_of(&json(&scratch.join("r.json")), "main", "tb"), 100 + 4096);
        std::fs::remove_file(scratch.join("r.json")).unwrap();
    }
}

#[test]
fn a_key_on_the_terminal_is_the_program_s() {
    let scratch = Scratch::new("terminal");
    let program = scratch.compile("waits", &[]);
    let mut terminal = Terminal::open(24, 80);
    let mut command = wrapped(&scratch, &program);
    command.arg("2").stdin(terminal.stream());
    lead_session(&mut command);
    let (mut child, mut lines) = start(command);
    terminal.press("\x03");
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, format!("got {}\n", libc::SIGINT));
    // Passed on after all that came before it: the key was not.
    // SAFETY: sends a signal to a child that was not waited for.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGUSR1) }, 0);
    assert_eq!(rest_of(lines), format!("got {}\n", libc::SIGUSR1));
    assert_eq!(child.wait().unwrap().code(), Some(libc::SIGUSR1));
    assert_eq!(json(&scratch.join("r.json"))["mode"], "rust-heap");
}

#[test]
fn a_pipe_that_breaks_ends_the_program_as_ever() {
    let scratch = Scratch::new("pipe");
    let script = format!(
        "{} run -o r.json yes | head -n 1; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_mod-alloc")
    );
    let output =
        Command::new("bash").args(["-c", &script]).current_dir(scratch.path()).output().unwrap();
    // 128 + SIGPIPE
    assert_eq!(run_support::text(&output.stdout), "y\n141\n");
}

/// The entry point of a container: no other process waits for orphans there.
#[test]
fn process_one_waits_for_orphans() {
    let scratch = Scratch::new("process-one");
    let program = scratch.compile("orphans", &[]);
    let ours = scratch.command(&["run", "-o", "r.json", program.to_str().unwrap()]);
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--mount-proc"]).arg(ours.get_program()).args(ours.get_args());
    let output = command.current_dir(scratch.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "needs root: {output:?}");
    assert_eq!(sum_of(&json(&scratch.join("r.json")), "main", "tb"), 100);
}
