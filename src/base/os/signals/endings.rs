//! Signals that end the program, after a report.
//!
//! ```text
//!  signal ─▶ the handler from before ─▶ a number is noted ─▶ the thread `mod-alloc`: the report
//!                                                                │
//!      the program has a handler of its own: it goes on ◀────────┼─────▶ no: the signal ends it
//! ```
//!
//! The program has a handler of its own if one was there before the profiler's, or if it has set
//! one since, which calls the earlier one (as signal-hook's and tokio's do). Then the program
//! decides if it ends. Else the default action is put back at once, so that a second signal ends
//! the program without waiting for the report.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::{action, call, end_by, in_place_of, is_handled_by, request, set_action, set_default};
use crate::base::os::signal_kinds::SignalSet;
use crate::base::os::{KeepErrno, process_id};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};

/// Room for the standard signals, by number.
const ROOM: usize = 32;

/// The actions from before. Each is written before the profiler's handler of that signal is set.
struct Previous(UnsafeCell<[MaybeUninit<libc::sigaction>; ROOM]>);

// SAFETY: see the description.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new([MaybeUninit::uninit(); ROOM]));

/// 1 for a signal whose earlier handler was to run once, and has run.
static USED_UP: [AtomicU32; ROOM] = [const { AtomicU32::new(0) }; ROOM];

/// The process that has the thread for the report; 0: none yet. A child of a fork has none at
/// first, and ends by the signal at once.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// The signal that ends the program; 0: none.
static ENDING: AtomicU32 = AtomicU32::new(0);

/// The signal after which the program may go on; 0: none, or its report is being written.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// The program ends by it, once the report is written.
    Ends(c_int),
    /// The program has a handler of its own.
    GoesOn(c_int),
}

/// Handles the signals, but those that are ignored. Gives the first one that the kernel refuses.
pub(crate) fn handle_all(signals: SignalSet) -> Result<(), c_int> {
    for signal in signals.iter() {
        let previous = action(signal).ok_or(signal)?;
        if previous.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        PREVIOUS.0.with_mut(|place| {
            // SAFETY: no thread reads this one before the profiler's handler is there, and a set
            // has each signal once.
            let place = unsafe { &mut *place };
            if let Some(place) = place.get_mut(signal.cast_unsigned() as usize) {
                place.write(previous);
            }
        });
        if !set_action(signal, &in_place_of(&previous, handle)) {
            return Err(signal);
        }
    }
    Ok(())
}

/// Notes that this process has the thread that writes the report.
pub(crate) fn is_served() {
    ENDING.store(0, Ordering::Relaxed);
    OWNER.store(process_id(), Ordering::Relaxed);
}

/// Notes that the thread has ended: signals end the program at once.
pub(crate) fn is_served_no_more() {
    OWNER.store(0, Ordering::Relaxed);
}

/// The signal that is to be served now.
pub(crate) fn next() -> Option<Came> {
    match (ENDING.load(Ordering::Relaxed), ASKED.swap(0, Ordering::Relaxed)) {
        (0, 0) => None,
        (0, asked) => Some(Came::GoesOn(asked.cast_signed())),
        (ending, _) => Some(Came::Ends(ending.cast_signed())),
    }
}

/// Ends the process by the signal, as it would have ended without the profiler.
pub(crate) fn end_process(signal: c_int) -> ! {
    set_default(signal);
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the out-pointer is valid.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: emptied above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    // SAFETY: filled above.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), core::ptr::null_mut()) };
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal) };
    // The first process of a container does not end by signals. Its status is what a shell says of
    // a process that has.
    // SAFETY: no preconditions.
    unsafe { libc::_exit(128 + signal) }
}

/// The profiler's handler.
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _errno = KeepErrno::new();
    let index = signal.cast_unsigned() as usize;
    // SAFETY: no thread writes any more to what is read here.
    let all = PREVIOUS.0.with(|all| unsafe { &*all });
    let (Some(previous), Some(used_up)) = (all.get(index), USED_UP.get(index)) else { return };
    // SAFETY: written before this handler was set.
    let previous = unsafe { previous.assume_init_ref() };
    call(previous, used_up, signal, info, context);
    let is_served = OWNER.load(Ordering::Relaxed) == process_id();
    let ends = previous.sa_sigaction == libc::SIG_DFL && is_handled_by(signal, handle);
    let number = signal.cast_unsigned();
    if !ends {
        if is_served && ASKED.swap(number, Ordering::Relaxed) == 0 {
            request();
        }
    } else if is_served && ENDING.swap(number, Ordering::Relaxed) == 0 {
        set_default(signal);
        request();
    } else {
        end_by(signal);
    }
}
