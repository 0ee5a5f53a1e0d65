//! Signals that end or stop this program, noted instead of obeyed: the terminal has to be given
//! back first.

use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

/// The signal that came last; 0: none.
static PENDING: AtomicI32 = AtomicI32::new(0);

/// The signals that end or stop a program on a terminal.
const NOTED: [i32; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP];

extern "C" fn note(signal: i32) {
    PENDING.store(signal, Ordering::Relaxed);
}

/// From now on signals are noted.
pub(super) fn note_all() -> io::Result<()> {
    let handler: extern "C" fn(i32) = note;
    NOTED.into_iter().try_for_each(|signal| set(signal, handler as libc::sighandler_t))
}

/// From now on signals do what they do by default.
fn obey_all() -> io::Result<()> {
    NOTED.into_iter().try_for_each(|signal| set(signal, libc::SIG_DFL))
}

fn set(signal: i32, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: the handler only stores to an atomic, which any signal may interrupt.
    let before = unsafe { libc::signal(signal, handler) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The signal that came since this was last asked.
pub(super) fn pending() -> Option<i32> {
    Some(PENDING.swap(0, Ordering::Relaxed)).filter(|&signal| signal != 0)
}

/// Does what `signal` asks for. Returns when the process goes on, or if it cannot be done.
pub(super) fn obey(signal: i32) -> io::Result<()> {
    obey_all()?;
    // SAFETY: sends a signal to this process, which does with it what it does by default.
    let sent = unsafe { libc::raise(signal) };
    if sent != 0 {
        return Err(io::Error::last_os_error());
    }
    note_all()
}
