//! Programs that tests talk to while they run, and what they print at a signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use crate::heap_support::Launch;

/// A program that runs longer than this hangs, even on a machine that has much else to do.
const TIME_LIMIT: Duration = Duration::from_secs(1200);

/// A program that is running. It is killed if it hangs; the test then finds its output to end early.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: BufReader<ChildStderr>,
    pub(crate) folder: PathBuf,
    /// Dropped when the program has ended.
    watched: Option<Sender<()>>,
}

/// The rest of a program that has ended.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) status: ExitStatus,
    /// Its output after the lines that were read.
    pub(crate) stdout: String,
    /// Its standard error after the lines that were read.
    pub(crate) errors: String,
    /// Dumps that nobody has read.
    pub(crate) dumps: usize,
    pub(crate) folder: PathBuf,
}

impl Running {
    pub(crate) fn start(mut launch: Launch) -> Self {
        let command = &mut launch.command;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let (watched, ended) = mpsc::channel::<()>();
        let id = child.id().cast_signed();
        thread::spawn(move || {
            if ended.recv_timeout(TIME_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                // SAFETY: no memory is involved. Nobody has waited for the child yet.
                unsafe { libc::kill(id, libc::SIGKILL) };
            }
        });
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("piped")),
            errors: BufReader::new(child.stderr.take().expect("piped")),
            child,
            folder: launch.folder,
            watched: Some(watched),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends so many bytes to the program's standard input.
    pub(crate) fn send(&mut self, bytes: usize) {
        let input = self.input.as_mut().expect("not ended yet");
        input.write_all(&vec![b'.'; bytes]).expect("the program reads");
    }

    pub(crate) fn signal(&self, signal: i32) {
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::kill(self.id().cast_signed(), signal) }, 0);
    }

    /// The signals that are blocked in the thread of that name, a bit each.
    pub(crate) fn blocked_signals(&self, thread: &str) -> u64 {
        let tasks = format!("/proc/{}/task", self.id());
        let tasks = std::fs::read_dir(tasks).expect("it is running").flatten();
        let mut statuses = tasks.filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            (name.trim_end() == thread).then_some(status)
        });
        let status = statuses.next().expect("a thread of that name");
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        u64::from_str_radix(blocked.expect("a set").trim(), 16).expect("hexadecimal")
    }

    /// The next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it is text");
        line.trim_end().to_owned()
    }

    /// The next dump on standard error, from its first line to its last.
    ///
    /// # Panics
    /// If there is none, or a line is not marked as ours.
    pub(crate) fn dump(&mut self) -> Dump {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.errors.read_line(&mut line).expect("it is text");
            assert!(read > 0, "a dump, not the end, after {lines:#?}");
            let line =
                line.strip_prefix("mod-alloc:").unwrap_or_else(|| panic!("{line:?} is not marked"));
            // Before it there may be the end of a child.
            if !lines.is_empty() || line.contains(" (dump ") {
                lines.push(line.trim_start_matches(' ').trim_end_matches('\n').to_owned());
            }
            if !lines.is_empty() && Dump::is_last(lines.last().expect("pushed")) {
                return Dump { lines };
            }
        }
    }

    /// Makes the pipe of standard error as small as it gets: a dump does not fit.
    pub(crate) fn narrow_errors(&self) {
        let pipe = self.errors.get_ref().as_raw_fd();
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::fcntl(pipe, libc::F_SETPIPE_SZ, 1) }, 4096);
    }

    /// Waits for the first byte on standard error, and leaves it there.
    pub(crate) fn wait_for_errors(&self) {
        let mut waiting = libc::pollfd {
            fd: self.errors.get_ref().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: the pointer is valid for one entry.
        assert_eq!(unsafe { libc::poll(&raw mut waiting, 1, 600_000) }, 1);
    }

    /// Reads standard error up to a line with this text.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn error_line_with(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.errors.read_line(&mut line).expect("it is text");
            assert!(read > 0, "no line with {text:?} on standard error");
        }
    }

    /// True if the program has a handler for the signal.
    pub(crate) fn handles(&self, signal: i32) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it is running");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught.expect("a set").trim(), 16).expect("hexadecimal");
        caught & 1 << (signal - 1) != 0
    }

    /// The id of the one process that the program has started.
    pub(crate) fn only_child(&self) -> i32 {
        let path = format!("/proc/{0}/task/{0}/children", self.id());
        let children = std::fs::read_to_string(path).expect("it is running");
        children.trim().parse().expect("one id")
    }

    /// Closes the program's standard input and waits for its end.
    pub(crate) fn end(mut self) -> Left {
        drop(self.input.take());
        self.end_by_signal()
    }

    /// Waits for the program's end by a signal, its standard input open.
    pub(crate) fn end_by_signal(mut self) -> Left {
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).expect("it is text");
        let mut stdout = String::new();
        self.output.read_to_string(&mut stdout).expect("it is text");
        let status = self.child.wait().expect("it is our child");
        drop(self.watched.take());
        let ours = |line: &&str| !line.starts_with("mod-alloc:");
        assert_eq!(errors.lines().find(ours), None, "on standard error");
        let dumps = errors.lines().filter(|line| line.contains(" (dump ")).count();
        Left { status, stdout, errors, dumps, folder: std::mem::take(&mut self.folder) }
    }
}

impl Drop for Running {
    /// After a failure: nobody would end the program.
    fn drop(&mut self) {
        if self.watched.is_some() {
            // Neither can fail: it is our child, and nobody has waited for it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The report printed at a signal, without our name before each line.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) lines: Vec<String>,
}

/// A line of the table of threads.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// 0 where there is none.
    pub(crate) id: u32,
    /// Live bytes, as printed.
    pub(crate) live: f64,
}

impl Dump {
    /// The first in a text.
    pub(crate) fn first(text: &str) -> Option<Self> {
        let lines = text.lines().map(|line| line.trim_start_matches("mod-alloc:").trim_start());
        let mut lines = lines.map(str::to_owned).skip_while(|line| !line.contains(" (dump "));
        let mut dump = Vec::new();
        loop {
            dump.push(lines.next()?);
            if Self::is_last(dump.last()?) {
                return Some(Self { lines: dump });
            }
        }
    }

    /// With stacks the last line says where the report is; without, what was lost.
    fn is_last(line: &str) -> bool {
        line.starts_with("report: ") || line.ends_with("in signal handlers")
    }

    /// The text before the colon in the first line.
    pub(crate) fn heading(&self) -> &str {
        self.lines[0].split_once(": ").expect("a heading").0
    }

    /// The process's id.
    pub(crate) fn process(&self) -> u32 {
        let (_, rest) = self.lines[0].split_once("process ").expect("a heading");
        rest.split_once(',').expect("and the time").0.parse().expect("a number")
    }

    /// The path of the report.
    pub(crate) fn report(&self) -> &str {
        self.lines.last().and_then(|line| line.strip_prefix("report: ")).expect("a report")
    }

    /// True if a line begins so.
    pub(crate) fn has(&self, beginning: &str) -> bool {
        self.lines.iter().any(|line| line.starts_with(beginning))
    }

    /// The table's lines, its headings included.
    pub(crate) fn table_lines(&self) -> &[String] {
        let end = self.lines[2..].iter().position(String::is_empty).expect("an empty line");
        &self.lines[2..2 + end]
    }

    /// The table's rows, the sums included.
    pub(crate) fn table(&self) -> Vec<Row> {
        let lines = self.table_lines();
        let id_ends = lines[0].find("id  ").expect("a column of ids") + 2;
        let live_ends = lines[0].find("live  ").expect("a column of live bytes") + 4;
        let row = |line: &String| {
            let first = line[..id_ends].trim_end();
            let (name, id) = first.rsplit_once("  ").unwrap_or((first, ""));
            let mut live = line[id_ends..live_ends].split_whitespace();
            let number: f64 = live.next().expect("a number").parse().expect("a number");
            let unit = match live.next().expect("a unit") {
                "B" => 1.0,
                "KiB" => 1024.0,
                unit => {
                    assert_eq!(unit, "MiB");
                    1_048_576.0
                }
            };
            let id = id.trim().parse().unwrap_or(0);
            Row { name: name.trim_end().to_owned(), id, live: number * unit }
        };
        lines[1..].iter().map(row).collect()
    }
}
