//! Starts the program as if mod-alloc were not in between, and waits for it.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use crate::base::exit_status::{NOT_EXECUTABLE, NOT_FOUND};

use super::signals::{Inherited, Signals};

/// The end of the program.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) pid: u32,
    pub(super) status: ExitStatus,
}

/// Runs `command` to its end. Standard streams, process group, signal mask and dispositions are
/// those that mod-alloc was given. Signals that are sent to mod-alloc are passed on.
/// `started` is told the process's id.
pub(super) fn run(command: &mut Command, started: impl FnOnce(u32)) -> io::Result<Ended> {
    // Before the process starts, so that no signal is missed.
    let signals = Signals::take_over()?;
    let inherited = Inherited::of(&signals);
    let restore = move || inherited.restore();
    // SAFETY: `restore` makes system calls alone and touches no memory but its own.
    unsafe { command.pre_exec(restore) };
    let child = command.spawn()?;
    started(child.id());
    let status = wait(child.id(), &signals)?;
    Ok(Ended { pid: child.id(), status })
}

/// The exit status of a shell that cannot start the program.
pub(super) fn status_of_start(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE }
}

fn wait(pid: u32, signals: &Signals) -> io::Result<ExitStatus> {
    // Process ids are positive and fit.
    let pid = pid as libc::pid_t;
    loop {
        let signal = signals.next()?;
        if signal.number == libc::SIGCHLD {
            if let Some(status) = ended(pid)? {
                return Ok(status);
            }
        } else if signal.is_for_program() {
            // SAFETY: sends a signal to our own child, which is not waited for yet: the number is
            // still its own. It may have ended; there is nothing to do then.
            unsafe { libc::kill(pid, signal.number) };
        }
    }
}

/// The status of the child if it has ended. Process 1 is given the orphans of all others and waits
/// for them, too: they would stay as zombies.
fn ended(pid: libc::pid_t) -> io::Result<Option<ExitStatus>> {
    const ANY: libc::pid_t = -1;
    let awaited = if std::process::id() == 1 { ANY } else { pid };
    loop {
        let mut status = 0;
        // SAFETY: fills the number that it is given.
        let found = unsafe { libc::waitpid(awaited, &raw mut status, libc::WNOHANG) };
        match found {
            0 => return Ok(None),
            -1 => return Err(io::Error::last_os_error()),
            _ if found == pid => return Ok(Some(ExitStatus::from_raw(status))),
            _ => {}
        }
    }
}
