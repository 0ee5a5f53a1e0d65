//! One signal that wakes the profiler's thread, and that thread.
//!
//! A signal handler may do next to nothing. The profiler's handler raises a number and wakes the
//! threads that wait for it to change; both are safe wherever the program was interrupted. Then it
//! calls the handler that was there before.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

pub(crate) use self::names::{Name, number_of};
use super::{KeepErrno, process_id};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};

#[cfg(feature = "dhat-compat")]
pub(crate) mod abort;
#[cfg(feature = "dhat-compat")]
pub(crate) mod endings;
mod names;
pub(crate) mod off;

/// The number of signals that came. Wraps.
///
/// A request is first noted in [`DUMPS`] or [`endings`], then counted here.
pub(crate) static REQUESTS: AtomicU32 = AtomicU32::new(0);

/// 1: a dump is asked for.
pub(crate) static DUMPS: AtomicU32 = AtomicU32::new(0);

/// The process whose signals are counted; a child of an unannounced fork must not count its
/// parent's.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// 1: the handler before ours was to run once, and has run.
static USED_UP: AtomicU32 = AtomicU32::new(0);

/// The program's earlier action for the signal. Written before the profiler's handler takes its
/// place.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: see the description.
unsafe impl Sync for Previous {}

static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));

/// Counts the signal in [`REQUESTS`] from now on. The present handler is still called; the signal
/// does not end the program. `false` if the kernel refuses.
pub(crate) fn count_signal(signal: c_int) -> bool {
    let Some(previous) = action(signal) else { return false };
    OWNER.store(process_id(), Ordering::Relaxed);
    PREVIOUS.0.with_mut(|place| {
        // SAFETY: no thread reads before the profiler's handler is there.
        unsafe { &mut *place }.write(previous);
    });
    set_action(signal, &in_place_of(&previous, handle))
}

/// The handler of the signal.
fn action(signal: c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the out-pointer is valid, and nothing is changed.
    let result = unsafe { libc::sigaction(signal, core::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed above; all bit patterns are valid.
    (result == 0).then(|| unsafe { action.assume_init() })
}

/// True if the signal's present handler is this one.
fn is_handled_by(signal: c_int, handler: Handler) -> bool {
    action(signal).is_some_and(|action| action.sa_sigaction == handler as *const () as usize)
}

/// Sets the handler of the signal; `false` if the kernel refuses.
fn set_action(signal: c_int, action: &libc::sigaction) -> bool {
    // SAFETY: the action's handler lives as long as the program: it is ours, or was there before.
    unsafe { libc::sigaction(signal, action, core::ptr::null_mut()) == 0 }
}

/// Counts signals anew in a forked process.
pub(crate) fn count_in_child() {
    OWNER.store(process_id(), Ordering::Relaxed);
}

/// Puts back the action from before [`count_signal`], unless the program has set another.
pub(crate) fn stop_counting(signal: c_int) {
    if is_handled_by(signal, handle) {
        set_action(signal, &previous());
    }
}

/// The action from before the profiler's handler.
fn previous() -> libc::sigaction {
    // SAFETY: the profiler's handler is in place or was, so no thread writes any more.
    let previous = PREVIOUS.0.with(|place| unsafe { &*place });
    // SAFETY: and it was written.
    unsafe { previous.assume_init() }
}

/// The profiler's handler.
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _errno = KeepErrno::new();
    let is_ours = process_id() == OWNER.load(Ordering::Relaxed);
    if is_ours {
        DUMPS.store(1, Ordering::Relaxed);
        request();
    }
    let previous = previous();
    if previous.sa_sigaction != libc::SIG_DFL {
        call(&previous, &USED_UP, signal, info, context);
    } else if !is_ours {
        end_by(signal);
    }
}

/// Wakes the thread that serves requests. Safe in signal handlers.
fn request() {
    // Release pairs with the Acquire of the thread: it sees the request as well.
    REQUESTS.fetch_add(1, Ordering::Release);
    wake(&REQUESTS);
}

/// Gives the signal its default action and raises it. In a handler of this signal, it comes once
/// the handler returns. Safe in signal handlers.
fn end_by(signal: c_int) {
    set_default(signal);
    // SAFETY: no memory is involved.
    unsafe { libc::raise(signal) };
}

/// Gives the signal its default action.
fn set_default(signal: c_int) {
    let mut default = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros is a valid value: no flags, no mask, and SIG_DFL is 0.
    let default = unsafe { default.assume_init_mut() };
    set_action(signal, default);
}

/// The type of the profiler's handlers.
type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

/// The profiler's action in place of `previous`: with its mask and its way to be called.
fn in_place_of(previous: &libc::sigaction, handler: Handler) -> libc::sigaction {
    let mut ours = *previous;
    ours.sa_sigaction = handler as *const () as usize;
    ours.sa_flags = match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => libc::SA_RESTART | libc::SA_ONSTACK,
        // The program has chosen if calls are restarted, and the stack on which the handler runs.
        _ => previous.sa_flags & !libc::SA_RESETHAND,
    } | libc::SA_SIGINFO;
    ours
}

/// Calls the program's handler from before the profiler's; `used_up` is 1 once a handler that was
/// to run once has run.
fn call(
    previous: &libc::sigaction,
    used_up: &AtomicU32,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
) {
    let is_once = previous.sa_flags & libc::SA_RESETHAND != 0;
    match previous.sa_sigaction {
        libc::SIG_IGN | libc::SIG_DFL => {}
        _ if is_once && used_up.swap(1, Ordering::Relaxed) != 0 => {}
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: neither of the two numbers above, so the program's handler, of that kind.
            let handler = unsafe { core::mem::transmute::<usize, Handler>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: as above, of the other kind.
            let handler = unsafe { core::mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
            handler(signal);
        }
    }
}

/// Waits until the number differs from `seen`, or N milliseconds have passed; may return early.
pub(crate) fn wait(number: &AtomicU32, seen: u32, millis: Option<u32>) {
    let limit = millis.map(|millis| libc::timespec {
        tv_sec: (millis / 1000).into(),
        tv_nsec: libc::c_long::from(millis % 1000) * 1_000_000,
    });
    let limit = limit.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    let how = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel reads the number, and the time if there is one.
    unsafe { libc::syscall(libc::SYS_futex, number.as_ptr(), how, seen, limit) };
}

/// Wakes all threads that [`wait`] for the number.
pub(crate) fn wake(number: &AtomicU32) {
    let how = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel takes the address for a name.
    unsafe { libc::syscall(libc::SYS_futex, number.as_ptr(), how, c_int::MAX) };
}

/// Starts a thread that gets no signal of the program and that is never joined; or returns the
/// error's number.
pub(crate) fn start_thread(
    stack: usize,
    start: extern "C" fn(*mut c_void) -> *mut c_void,
) -> Result<(), c_int> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) };
    if result != 0 {
        return Err(result);
    }
    // SAFETY: initialised above.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack) };
    // SAFETY: initialised above.
    unsafe {
        libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED)
    };
    let result = with_signals_blocked(|| {
        let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
        let argument = core::ptr::null_mut();
        // SAFETY: the attributes are initialised; the function needs no argument.
        unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), start, argument) }
    });
    // SAFETY: initialised above and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if result == 0 { Ok(()) } else { Err(result) }
}

/// A thread begins with the signals blocked that its starter has blocked.
fn with_signals_blocked<R>(work: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the out-pointer is valid.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: filled above; the out-pointer is valid.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let result = work();
    // SAFETY: written by the call above, which does not fail with valid arguments.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), core::ptr::null_mut()) };
    result
}

/// Names the calling thread.
pub(crate) fn name_thread(name: &core::ffi::CStr) {
    // SAFETY: PR_SET_NAME reads a string that ends with a zero byte.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}
