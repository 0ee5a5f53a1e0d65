//! A line when the program aborts: an abort runs no exit handlers, so there is no report.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::{action, end_by, in_place_of, set_action};
use crate::base::os::KeepErrno;
use crate::base::sync::{AtomicPtr, Ordering};

/// The function that says the line.
static SAY: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Calls `say_it` when the process aborts, which must be safe in a signal handler. Does nothing if
/// the program handles or ignores aborts.
pub(crate) fn say_at_abort(say_it: fn()) {
    let Some(previous) = action(libc::SIGABRT) else { return };
    if previous.sa_sigaction != libc::SIG_DFL {
        return;
    }
    SAY.store(say_it as *mut (), Ordering::Relaxed);
    set_action(libc::SIGABRT, &in_place_of(&previous, handle));
}

/// The profiler's handler. The core file, if one is written, has the stack of the call of `abort`.
extern "C" fn handle(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    let _errno = KeepErrno::new();
    let say_it = SAY.load(Ordering::Relaxed);
    if !say_it.is_null() {
        // SAFETY: `say_at_abort` has stored a function of this type.
        let say_it = unsafe { core::mem::transmute::<*mut (), fn()>(say_it) };
        say_it();
    }
    end_by(signal);
}
