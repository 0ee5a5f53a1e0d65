//! One signal that wakes the profiler's thread, and that thread.
//!
//! A signal handler may do next to nothing. The profiler's handler raises a number and wakes the
//! threads that wait for it to change; both are safe wherever the program was interrupted. Then it
//! calls the handler that was there before.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::{KeepErrno, process_id};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};

/// The number of signals that came. Wraps.
pub(crate) static REQUESTS: AtomicU32 = AtomicU32::new(0);

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

const NAMES: [(&str, c_int); 21] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
];

/// Signals that cannot be caught, and signals of a broken program: to go on after those would
/// repeat the same instruction for ever.
const REFUSED: [c_int; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// The signal of that name or number, if it can be caught and the program can go on after it.
pub(crate) fn number_of(text: &[u8]) -> Option<c_int> {
    let text = core::str::from_utf8(text.trim_ascii()).ok()?;
    let number = text.parse().ok().or_else(|| {
        let prefix = text.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("SIG"));
        let name = prefix.map_or(text, |_| &text[3..]);
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, number)| *number)
    })?;
    // Between these lie those that the C library uses itself.
    let is_known =
        (1..32).contains(&number) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
    (is_known && !REFUSED.contains(&number)).then_some(number)
}

/// Prints a signal's name: `SIGQUIT`, or `signal 40`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name(pub(crate) c_int);

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// Counts the signal in [`REQUESTS`] from now on. The present handler is still called; the signal
/// does not end the program. `false` if the kernel refuses.
pub(crate) fn count_signal(signal: c_int) -> bool {
    let Some(previous) = action(signal) else { return false };
    OWNER.store(process_id(), Ordering::Relaxed);
    PREVIOUS.0.with_mut(|place| {
        // SAFETY: no thread reads before the profiler's handler is there.
        unsafe { &mut *place }.write(previous);
    });
    let mut ours = previous;
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    ours.sa_sigaction = handler as *const () as usize;
    ours.sa_flags = match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => libc::SA_RESTART | libc::SA_ONSTACK,
        // The program has chosen if calls are restarted, and the stack on which the handler runs.
        _ => previous.sa_flags & !libc::SA_RESETHAND,
    } | libc::SA_SIGINFO;
    set_action(signal, &ours)
}

/// The handler of the signal.
fn action(signal: c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the out-pointer is valid, and nothing is changed.
    let result = unsafe { libc::sigaction(signal, core::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeroed above; all bit patterns are valid.
    (result == 0).then(|| unsafe { action.assume_init() })
}

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
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    let is_ours = |action: libc::sigaction| action.sa_sigaction == handler as *const () as usize;
    if action(signal).is_some_and(is_ours) {
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

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _errno = KeepErrno::new();
    let is_ours = process_id() == OWNER.load(Ordering::Relaxed);
    if is_ours {
        // Release pairs with the Acquire of the thread that serves the request.
        REQUESTS.fetch_add(1, Ordering::Release);
        wake(&REQUESTS);
    }
    let previous = previous();
    let is_once = previous.sa_flags & libc::SA_RESETHAND != 0;
    match previous.sa_sigaction {
        libc::SIG_IGN => {}
        libc::SIG_DFL if is_ours => {}
        libc::SIG_DFL => {
            // Once this returns, the signal comes again and has its default effect.
            set_action(signal, &previous);
            // SAFETY: no memory is involved.
            unsafe { libc::raise(signal) };
        }
        _ if is_once && USED_UP.swap(1, Ordering::Relaxed) != 0 => {}
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
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
        tv_sec: libc::time_t::from(millis / 1000),
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
        let mut thread = 0;
        let argument = core::ptr::null_mut();
        // SAFETY: the attributes are initialised; the function needs no argument.
        unsafe { libc::pthread_create(&raw mut thread, attributes.as_ptr(), start, argument) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "signal 34 is none of Miri's")]
    fn signals_are_named_as_people_do() {
        for (text, signal) in [
            ("QUIT", libc::SIGQUIT),
            ("SIGQUIT", libc::SIGQUIT),
            ("sigquit", libc::SIGQUIT),
            (" usr1 ", libc::SIGUSR1),
            ("Sighup", libc::SIGHUP),
            ("12", libc::SIGUSR2),
            ("34", 34),
            ("64", 64),
        ] {
            assert_eq!(number_of(text.as_bytes()), Some(signal), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_gone_on_after_is_refused() {
        for text in [
            "KILL",
            "SIGKILL",
            "9",
            "STOP",
            "19",
            "SEGV",
            "11",
            "BUS",
            "ILL",
            "FPE",
            "TRAP",
            "SYS",
            "ABRT",
            "6",
            "0",
            "-1",
            "32",
            "33",
            "65",
            "",
            "SIG",
            "QUITE",
            "SIGSIGQUIT",
            "sí",
        ] {
            assert_eq!(number_of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_come_back() {
        use std::string::ToString;
        assert_eq!(Name(libc::SIGQUIT).to_string(), "SIGQUIT");
        assert_eq!(Name(40).to_string(), "signal 40");
    }
}
