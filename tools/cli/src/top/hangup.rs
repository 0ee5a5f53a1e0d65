//! The end of a terminal, or of the reader of a pipe.

use std::io;
use std::os::fd::RawFd;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use super::signals;

/// The files that the live view needs.
const TERMINAL: [RawFd; 2] = [libc::STDIN_FILENO, libc::STDOUT_FILENO];

/// From now on this process ends when its terminal goes away.
///
/// A thread of its own sees to that: crossterm reads the end of a terminal again and again, and
/// never comes back from that.
pub(super) fn end_with_terminal() -> io::Result<()> {
    let watch = || {
        while !is_gone(&TERMINAL, None) {}
        end()
    };
    thread::Builder::new().name("terminal".into()).spawn(watch).map(drop)
}

/// The terminal of the live view has gone away.
pub(super) fn has_terminal_gone() -> bool {
    is_gone(&TERMINAL, Some(Duration::ZERO))
}

/// Ends this process as a terminal that goes away ends any program. Nothing is given back.
pub(super) fn end() -> ! {
    // Nobody is there to be told of a failure.
    let _ = signals::obey(libc::SIGHUP);
    // The signal may be blocked.
    process::exit(128 + libc::SIGHUP)
}

/// Waits for `time`, or until standard output leads nowhere; `true`: that is so.
pub(super) fn pause(time: Duration) -> bool {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if is_gone(&[libc::STDOUT_FILENO], Some(left)) {
            return true;
        }
        if left.is_zero() {
            return false;
        }
    }
}

/// Nobody is at the other end of one of `files`. Waits for that at most `time`, or less if a signal
/// comes; `None`: without end.
fn is_gone(files: &[RawFd], time: Option<Duration>) -> bool {
    // No event is asked for: hang-ups and errors are told of always.
    let mut polled: Vec<_> =
        files.iter().map(|&fd| libc::pollfd { fd, events: 0, revents: 0 }).collect();
    // Rounded up, because a wait of no time would be repeated until the time is over.
    let whole = time.map(|time| time.as_nanos().div_ceil(1_000_000));
    let timeout = whole.map_or(-1, |time| i32::try_from(time).unwrap_or(i32::MAX));
    // SAFETY: the list is of that length, and the call changes its elements alone.
    let found = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout) };
    found > 0
}

/// Other processes have the terminal, and this one is not stopped for that: the shell that started
/// it has left it. It cannot read keys.
pub(super) fn is_left_behind() -> bool {
    // Without a parent in its session, a process is not stopped by this signal; one that is stopped
    // goes on when it has the terminal.
    // SAFETY: sends a signal to this process.
    is_in_background() && unsafe { libc::raise(libc::SIGTTIN) } == 0 && is_in_background()
}

fn is_in_background() -> bool {
    // SAFETY: asks the kernel for a number.
    let front = unsafe { libc::tcgetpgrp(libc::STDIN_FILENO) };
    // SAFETY: as above.
    let own = unsafe { libc::getpgrp() };
    // A terminal that is not this session's has no processes in front.
    front > 0 && front != own
}
