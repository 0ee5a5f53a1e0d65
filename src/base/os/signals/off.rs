//! The answer to `MOD_ALLOC_SIGNAL` in a process that is not recorded: a line, so that a command of
//! operations does not end the program.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::{Name, action, call, in_place_of, set_action};
use crate::base::os::KeepErrno;
use crate::base::os::message::say;
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};

/// The program's earlier action. Written before the profiler's handler takes its place.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: see the description.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));

/// 1: the earlier handler was to run once, and has run.
static USED_UP: AtomicU32 = AtomicU32::new(0);

/// 1: the process was to be recorded, but could not be.
static FAILED: AtomicU32 = AtomicU32::new(0);

/// Answers the signal with a line from now on. `is_wanted`: the process was to be recorded.
pub(crate) fn answer(signal: c_int, is_wanted: bool) {
    let Some(previous) = action(signal) else { return };
    FAILED.store(is_wanted.into(), Ordering::Relaxed);
    PREVIOUS.0.with_mut(|place| {
        // SAFETY: no thread reads before the profiler's handler is there.
        unsafe { &mut *place }.write(previous);
    });
    set_action(signal, &in_place_of(&previous, handle));
}

/// The profiler's handler.
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _errno = KeepErrno::new();
    if FAILED.load(Ordering::Relaxed) == 0 {
        say(format_args!("{}: recording is off; set MOD_ALLOC=on", Name(signal)));
    } else {
        say(format_args!("{}: nothing is recorded, for lack of memory", Name(signal)));
    }
    // SAFETY: no thread writes any more.
    let previous = PREVIOUS.0.with(|place| unsafe { &*place });
    // SAFETY: written before this handler was set.
    let previous = unsafe { previous.assume_init_ref() };
    call(previous, &USED_UP, signal, info, context);
}
