//! Waits for a child as if it stood in the place of this process: it gets the signals of this
//! process, which ends as the child ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

/// The signals that would end this process before its child.
const FORWARDED: [libc::c_int; 6] =
    [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2];

/// The process that gets the signals; 0 before it is there.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// Starts `command` and waits for its end.
pub(crate) fn run(command: &mut Command) -> io::Result<ExitStatus> {
    for signal in FORWARDED {
        catch(signal);
    }
    let mut child = command.spawn()?;
    // Release: the handler sees a process that is there.
    CHILD.store(child.id().try_into().unwrap_or(0), Ordering::Release);
    let status = child.wait();
    CHILD.store(0, Ordering::Release);
    status
}

/// Handlers are back at the default in the process that is started; a signal that is ignored would
/// be ignored there too. A signal that was ignored at the start stays ignored.
fn catch(signal: libc::c_int) {
    // SAFETY: all zeroes are a value of this plain structure.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: asks for the action that is there.
    unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    if action.sa_sigaction == libc::SIG_IGN {
        return;
    }
    action.sa_sigaction = forward as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: a handler of the type that SA_SIGINFO asks for, which only makes calls that may be
    // made in a handler.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
}

extern "C" fn forward(signal: libc::c_int, info: *const libc::siginfo_t, _: *const libc::c_void) {
    // SAFETY: the kernel hands a structure over.
    let code = unsafe { (*info).si_code };
    // Acquire: as stored above.
    let child = CHILD.load(Ordering::Acquire);
    // A terminal sends its signals to the child too.
    if child > 0 && code != libc::SI_KERNEL {
        // SAFETY: a number and a signal; the child has not been waited for, so the number is its.
        unsafe { libc::kill(child, signal) };
    }
}

/// Ends as `status` says: by the same signal, or with the same number.
pub(crate) fn end_as(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        die_of(signal);
        return ExitCode::from(128u8.wrapping_add(signal as u8));
    }
    ExitCode::from(status.code().unwrap_or(1) as u8)
}

fn die_of(signal: libc::c_int) {
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a structure to read. The process that died has left its own core.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) };
    // SAFETY: back to the default, which is what the other died of.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: a signal to ourselves.
    unsafe { libc::raise(signal) };
}
