//! Signals while the program runs in the place of mod-alloc.
//!
//! They are blocked and taken one by one, without a handler. The terminal sends its own to the
//! program as well, since it is in the same process group: they are for the program to answer, and
//! mod-alloc stays to make the report. A signal that a process sends to mod-alloc is meant for the
//! program, and is passed on.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Signals that are taken.
const TAKEN: [libc::c_int; 7] = [
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCHLD,
];

/// The taken signals. Dropped, the process answers to them as before.
#[derive(Debug)]
pub(super) struct Signals {
    set: libc::sigset_t,
    mask_before: libc::sigset_t,
    child_before: libc::sighandler_t,
}

/// A signal that came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) number: libc::c_int,
    /// The kernel sent it: a key on the terminal.
    from_kernel: bool,
}

impl Signal {
    /// The program has not got it from the terminal.
    pub(super) fn is_for_program(self) -> bool {
        match self.number {
            libc::SIGINT | libc::SIGQUIT => !self.from_kernel,
            _ => true,
        }
    }
}

impl Signals {
    pub(super) fn take_over() -> io::Result<Self> {
        let mut set = empty_set();
        for signal in TAKEN {
            // SAFETY: a set, and a signal there is.
            unsafe { libc::sigaddset(&raw mut set, signal) };
        }
        let mut mask_before = empty_set();
        // SAFETY: two sets.
        let failed =
            unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, &raw mut mask_before) };
        if failed != 0 {
            return Err(io::Error::last_os_error());
        }
        // If it is ignored, children vanish without a status.
        // SAFETY: no handler is installed.
        let child_before = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        Ok(Self { set, mask_before, child_before })
    }

    /// Waits for the next.
    pub(super) fn next(&self) -> io::Result<Signal> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            // SAFETY: a set, and a structure to fill.
            let number = unsafe { libc::sigwaitinfo(&raw const self.set, info.as_mut_ptr()) };
            if number > 0 {
                // SAFETY: all zeroes are a value of it, and the call has filled it.
                let info = unsafe { info.assume_init() };
                // Positive codes are the kernel's.
                return Ok(Signal { number, from_kernel: info.si_code > 0 });
            }
            let error = io::Error::last_os_error();
            // Stopped and continued, or a debugger.
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the set that was in force; making the report may be interrupted.
        unsafe {
            libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask_before, std::ptr::null_mut())
        };
        // SAFETY: what was in force.
        unsafe { libc::signal(libc::SIGCHLD, self.child_before) };
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: makes a set of the memory it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: it is one now.
    unsafe { set.assume_init() }
}

/// The signal state that mod-alloc was started with, for the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inherited {
    mask: libc::sigset_t,
    child: libc::sighandler_t,
    pipe: libc::sighandler_t,
}

impl Inherited {
    pub(super) fn of(signals: &Signals) -> Self {
        std::hint::black_box(&AT_START);
        let pipe = PIPE_AT_START.load(Ordering::Relaxed);
        Self { mask: signals.mask_before, child: signals.child_before, pipe }
    }

    /// For the child, between fork and exec.
    pub(super) fn restore(&self) -> io::Result<()> {
        // SAFETY: a disposition without a handler: handlers do not outlive an exec.
        unsafe { libc::signal(libc::SIGPIPE, self.pipe) };
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGCHLD, self.child) };
        // SAFETY: a set.
        let failed = unsafe {
            libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, std::ptr::null_mut())
        };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// The disposition of SIGPIPE at the start: Rust's runtime ignores it before `main`.
static PIPE_AT_START: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);

/// Run by the loader, before Rust's runtime.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = remember;

extern "C" fn remember() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: asks only, and fills the structure that it is given.
    if unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) } == 0 {
        // SAFETY: all zeroes are a value of it, and the call has filled it.
        let action = unsafe { action.assume_init() };
        PIPE_AT_START.store(action.sa_sigaction, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;

    #[test]
    fn keys_are_not_passed_on_and_all_else_is() {
        let is_passed_on = |number, from_kernel| Signal { number, from_kernel }.is_for_program();
        assert!(!is_passed_on(libc::SIGINT, true) && !is_passed_on(libc::SIGQUIT, true));
        assert!(is_passed_on(libc::SIGINT, false) && is_passed_on(libc::SIGQUIT, false));
        assert!(is_passed_on(libc::SIGTERM, false) && is_passed_on(libc::SIGHUP, true));
    }
}
