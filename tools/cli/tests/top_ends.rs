//! `mod-alloc top` ends by itself when nobody is before its terminal or reads its pipe any more.
//! One that does not end would run for ever, at full load.

#[expect(dead_code, reason = "each test file uses its part")]
mod pty_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod top_support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use pty_support::{Awaited, Terminal, lead_session};
use top_support::Program;

/// No second table comes while a test runs.
const SELDOM: &str = "80000";

fn top(program: &Program, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
    command.args(["top", &program.pid()]).args(more);
    command
}

fn ignore_hangup(command: &mut Command) {
    let ignore = || {
        // SAFETY: no function is installed.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: it makes a system call only.
    unsafe { command.pre_exec(ignore) };
}

/// Shows the live view on a terminal, and takes the terminal away when `key` was pressed.
fn live_until_hangup(test: &str, key: &str, prepare: impl FnOnce(&mut Command)) -> Child {
    let program = Program::start(test, "no");
    let mut terminal = Terminal::open(30, 100);
    let mut command = top(&program, &["--interval", "0.05"]);
    terminal.connect(&mut command);
    prepare(&mut command);
    let child = command.spawn().unwrap();
    drop(command);
    // The first picture, and some of a later one: it waits for keys by now.
    terminal.wait_until("a second picture", |seen| {
        seen.split_once("? help").is_some_and(|(_, later)| later.len() > 50)
    });
    terminal.press(key);
    let awaited = Awaited::new(child.id());
    drop(terminal);
    awaited.end();
    program.end();
    child
}

#[test]
fn the_live_view_ends_with_its_terminal_by_the_signal() {
    let mut child = live_until_hangup("hangup-signal", "", lead_session);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
}

/// As a lost connection does it for a program that is not in the terminal's session.
#[test]
fn the_live_view_ends_with_its_terminal_without_a_signal() {
    let mut child = live_until_hangup("hangup-alone", "", |_| {});
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
}

#[test]
fn the_live_view_ends_with_its_terminal_though_the_signal_is_ignored() {
    let mut child = live_until_hangup("hangup-ignored", "", |command| {
        ignore_hangup(command);
        lead_session(command);
    });
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
}

/// The rest of the key is waited for, in a reading that never comes back.
#[test]
fn the_live_view_ends_with_its_terminal_within_a_key() {
    let mut child = live_until_hangup("hangup-within", "\u{1b}[", |_| {});
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
}

#[test]
fn tables_end_with_their_terminal() {
    let program = Program::start("tables-hangup", "no");
    let mut terminal = Terminal::open(30, 100);
    let mut command = top(&program, &["--format", "text", "--interval", SELDOM]);
    terminal.connect(&mut command);
    ignore_hangup(&mut command);
    lead_session(&mut command);
    let mut child = command.spawn().unwrap();
    drop(command);
    terminal.wait_for("TOTAL");
    let awaited = Awaited::new(child.id());
    drop(terminal);
    awaited.end();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    program.end();
}

#[test]
fn tables_end_with_their_reader() {
    let program = Program::start("tables-pipe", "no");
    let mut command = top(&program, &["--format", "json", "--interval", SELDOM]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let awaited = Awaited::new(child.id());
    drop(lines);
    awaited.end();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    program.end();
}

/// A script that was killed leaves the view behind: the shell takes the terminal back, and keys are
/// the shell's.
#[test]
fn the_live_view_ends_when_it_was_left_behind() {
    let program = Program::start("left-behind", "no");
    let mut terminal = Terminal::open(30, 100);
    let mut shell = Command::new("bash");
    // The inner shell is a job of the outer one, as scripts of interactive shells are.
    let script = r#""$@" </dev/tty & echo "script $$ view $! "; wait"#;
    shell.args(["-c", r#"set -m; bash -c "$@"; echo back; read -r"#, "bash", script, "bash"]);
    shell.arg(env!("CARGO_BIN_EXE_mod-alloc")).args(["top", &program.pid(), "--interval", "0.05"]);
    terminal.connect(&mut shell);
    lead_session(&mut shell);
    let mut shell = shell.spawn().unwrap();
    terminal.wait_for("? help");
    let text = terminal.text();
    let mut words = text.split_whitespace();
    let mut after = |word| {
        words.find(|found| *found == word).unwrap();
        words.next().unwrap().parse::<u32>().unwrap()
    };
    let (script, view) = (after("script"), after("view"));
    let awaited = Awaited::new(view);
    // SAFETY: sends a signal to a process that this test has had started, and that still runs.
    assert_eq!(unsafe { libc::kill(script.cast_signed(), libc::SIGKILL) }, 0);
    terminal.wait_for("back");
    terminal.press("x");
    awaited.end();
    terminal.press("\r\n");
    shell.wait().unwrap();
    program.end();
}
