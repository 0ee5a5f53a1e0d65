//! Programs that are killed at a certain call of the system.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::ptr::null_mut;

/// Calls that write to a file or name it. `rename` itself is missing on some architectures.
const CHANGES: [libc::c_long; 6] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_linkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(not(target_arch = "x86_64"))]
    libc::SYS_ftruncate,
];

/// Set in the signal of a stop at a call, so that it is none of the program's.
const AT_CALL: i32 = libc::SIGTRAP | 0x80;

/// A program, in a group of its own, that stops at each call. Its tracer is the thread that started
/// it.
#[derive(Debug)]
pub(crate) struct Traced {
    child: Child,
}

impl Traced {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let trace = || match request(libc::PTRACE_TRACEME, 0, 0) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        };
        // SAFETY: one call of the system, which is allowed in a forked child.
        unsafe { command.pre_exec(trace) };
        let child = command.spawn().expect("the program can be started and traced");
        let traced = Self { child };
        // It has stopped at its start.
        traced.wait().expect("it is there");
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE;
        let options = options | libc::PTRACE_O_EXITKILL;
        assert_eq!(request(libc::PTRACE_SETOPTIONS, traced.id(), options as usize), 0);
        traced.go_on(traced.id(), 0);
        traced
    }

    fn id(&self) -> libc::pid_t {
        self.child.id().cast_signed()
    }

    /// Kills the program when it has come to so many stops at [`CHANGES`]: before the call and
    /// after it are two. False if it has ended before.
    pub(crate) fn kill_at(mut self, stops: usize) -> bool {
        let mut seen = 0;
        let mut call = Vec::new();
        while let Some((thread, status)) = self.wait() {
            if !libc::WIFSTOPPED(status) {
                if thread == self.id() {
                    return false;
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            if signal != AT_CALL {
                // A new thread stops once, and what created it stops with a trap.
                let is_passed_on = ![libc::SIGSTOP, libc::SIGTRAP].contains(&signal);
                self.go_on(thread, if is_passed_on { signal } else { 0 });
                continue;
            }
            if is_change(thread, &mut call) {
                if seen == stops {
                    self.child.kill().expect("it is there");
                    while self.wait().is_some() {}
                    return true;
                }
                seen += 1;
            }
            self.go_on(thread, 0);
        }
        false
    }

    fn go_on(&self, thread: libc::pid_t, signal: i32) {
        // A thread that is gone has been ended by the program's end.
        let _ = request(libc::PTRACE_SYSCALL, thread, signal as usize);
    }

    /// The next of its threads that stops or ends, with the status; `None` if all have ended.
    fn wait(&self) -> Option<(libc::pid_t, i32)> {
        let mut status = 0;
        // SAFETY: the status is valid.
        let thread = unsafe { libc::waitpid(-self.id(), &raw mut status, libc::__WALL) };
        (thread > 0).then_some((thread, status))
    }
}

/// True if the call at which the thread stops, or from which it comes back, is one of [`CHANGES`].
/// `inside`: the threads that are in such a call.
fn is_change(thread: libc::pid_t, inside: &mut Vec<libc::pid_t>) -> bool {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most `size` bytes there.
    let got = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info) };
    if got <= 0 {
        return false;
    }
    // SAFETY: the kernel has filled it, and zeros are valid for the rest.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        let place = inside.iter().position(|other| *other == thread);
        return place.map(|place| inside.swap_remove(place)).is_some();
    }
    // SAFETY: it is an entry.
    let number = unsafe { info.u.entry.nr };
    let is_one = CHANGES.iter().any(|change| u64::try_from(*change) == Ok(number));
    if is_one {
        inside.push(thread);
    }
    is_one
}

fn request(kind: libc::c_uint, thread: libc::pid_t, data: usize) -> libc::c_long {
    // SAFETY: none of our requests has an address.
    unsafe { libc::ptrace(kind, thread, null_mut::<u8>(), data) }
}
