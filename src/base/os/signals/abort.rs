//! A line when the program aborts: an abort runs no exit handlers, so there is no report.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::{action, end_by, in_place_of, set_action};
use crate::base::os::{KeepErrno, spare_stack};
use crate::base::sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};

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

/// The stack for the line, and 1 once a thread has it.
static STACK: Stack = Stack(UnsafeCell::new(MaybeUninit::uninit()));
static TAKEN: AtomicU32 = AtomicU32::new(0);

struct Stack(UnsafeCell<spare_stack::Memory>);

// SAFETY: the one thread that has set `TAKEN` uses it.
unsafe impl Sync for Stack {}

/// The profiler's handler. The core file, if one is written, has the stack of the call of `abort`.
///
/// At a stack overflow, Rust's own handler calls `abort` on an alternate stack of 8 KiB, of which
/// two frames of the kernel, with a processor's large registers, leave some hundred bytes. An
/// overflow of that stack would end the program by SIGSEGV in the place of SIGABRT.
extern "C" fn handle(signal: c_int, _: *mut libc::siginfo_t, _: *mut c_void) {
    let is_first = TAKEN.swap(1, Ordering::Relaxed) == 0;
    match STACK.0.with_mut(NonNull::new).filter(|_| is_first) {
        // SAFETY: memory that no other thread uses, as this one has set the word.
        Some(memory) => unsafe { spare_stack::on(spare_stack::top(memory), || end(signal)) },
        None => end(signal),
    }
}

fn end(signal: c_int) {
    let _errno = KeepErrno::new();
    let say_it = SAY.load(Ordering::Relaxed);
    if !say_it.is_null() {
        // SAFETY: `say_at_abort` has stored a function of this type.
        let say_it = unsafe { core::mem::transmute::<*mut (), fn()>(say_it) };
        say_it();
    }
    end_by(signal);
}
