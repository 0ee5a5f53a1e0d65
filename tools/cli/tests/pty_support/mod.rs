//! A terminal for tests: the side of a program, and that of the person before it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything, in milliseconds: the machine may be busy.
const LIMIT: i32 = 600_000;

/// A terminal that a person sits at.
pub(crate) struct Terminal {
    person: File,
    program: OwnedFd,
    /// All that was written to it.
    seen: Vec<u8>,
}

impl Terminal {
    pub(crate) fn open(rows: u16, columns: u16) -> Self {
        let (mut person, mut program) = (0, 0);
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let (name, modes) = (std::ptr::null_mut(), std::ptr::null());
        // SAFETY: two numbers to fill and a size to read; the name and the modes may be null.
        let failed = unsafe {
            libc::openpty(&raw mut person, &raw mut program, name, modes, &raw const size)
        };
        assert_eq!(failed, 0, "{}", io::Error::last_os_error());
        // SAFETY: it was opened just now, for us.
        let person = unsafe { OwnedFd::from_raw_fd(person) };
        // SAFETY: as above.
        let program = unsafe { OwnedFd::from_raw_fd(program) };
        for side in [&person, &program] {
            // SAFETY: sets a flag of a file of ours: programs are given it on purpose alone.
            unsafe { libc::fcntl(side.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        Self { person: File::from(person), program, seen: Vec::new() }
    }

    /// The terminal as a standard stream of a program.
    pub(crate) fn stream(&self) -> Stdio {
        Stdio::from(self.program.try_clone().unwrap())
    }

    /// Makes all standard streams of `command` the terminal.
    pub(crate) fn connect(&self, command: &mut Command) {
        command.stdin(self.stream()).stdout(self.stream()).stderr(self.stream());
        command.env("TERM", "xterm-256color").env_remove("COLUMNS").env_remove("NO_COLOR");
    }

    /// Reads until `text` has been written.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |seen| seen.contains(text));
    }

    /// Reads until `is_there` says so of all that was written.
    pub(crate) fn wait_until(&mut self, what: &str, is_there: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !is_there(&self.text()) {
            // A view that draws again and again never leaves the terminal silent.
            let is_late = begin.elapsed() > Duration::from_millis(LIMIT as u64);
            assert!(!is_late, "no {what:?} in {:?}", self.text());
            let person = self.person.as_raw_fd();
            assert!(is_ready(person, libc::POLLIN), "no {what:?} in {:?}", self.text());
            let mut some = [0; 4096];
            let read = self.person.read(&mut some).unwrap_or(0);
            assert!(read > 0, "ended without {what:?}: {:?}", self.text());
            self.seen.extend_from_slice(&some[..read]);
        }
    }

    /// Reads all that was written until now.
    pub(crate) fn read_what_is_there(&mut self) {
        while is_ready_within(self.person.as_raw_fd(), libc::POLLIN, 0) {
            let mut some = [0; 4096];
            let read = self.person.read(&mut some).unwrap();
            self.seen.extend_from_slice(&some[..read]);
        }
    }

    /// All that was read, as it came.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }
}

/// Makes `command` the first of a session whose terminal is its standard input.
pub(crate) fn lead_session(command: &mut Command) {
    let lead = || {
        // SAFETY: takes nothing.
        unsafe { libc::setsid() };
        // SAFETY: standard input is the terminal.
        let failed = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, 0) };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: it makes system calls only.
    unsafe { command.pre_exec(lead) };
}

/// A process, ours or not, whose end can be waited for.
pub(crate) struct Awaited(OwnedFd);

impl Awaited {
    /// The process must exist.
    pub(crate) fn new(pid: u32) -> Self {
        // SAFETY: takes numbers, gives a file or an error.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        assert!(fd >= 0, "process {pid}: {}", io::Error::last_os_error());
        // SAFETY: it was opened just now, for us.
        Self(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    }

    /// Waits for its end; one that goes on is ended, and fails the test.
    pub(crate) fn end(&self) {
        if !is_ready(self.0.as_raw_fd(), libc::POLLIN) {
            let (fd, info) = (self.0.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
            // SAFETY: sends a signal to that process alone.
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGKILL, info, 0) };
            panic!("the process does not end");
        }
    }
}

fn is_ready(fd: RawFd, events: i16) -> bool {
    is_ready_within(fd, events, LIMIT)
}

fn is_ready_within(fd: RawFd, events: i16, limit: i32) -> bool {
    let mut polled = libc::pollfd { fd, events, revents: 0 };
    loop {
        // SAFETY: one element to fill.
        let found = unsafe { libc::poll(&raw mut polled, 1, limit) };
        if found >= 0 {
            return found > 0;
        }
    }
}
