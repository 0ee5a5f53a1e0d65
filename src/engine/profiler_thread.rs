//! The life of the profiler's thread. It describes the program at each `MOD_ALLOC_SIGNAL`, writes
//! the report when a signal of `MOD_ALLOC_REPORT_ON` ends the program, and reports at the times of
//! `MOD_ALLOC_EVERY`; with `MOD_ALLOC_TIMELINE=sites` it takes the sites' numbers down now and
//! then.
//!
//! ```text
//!  signal ─▶ os::signals: a number is raised ─▶ the thread `mod-alloc` wakes ─▶ Work::dump
//!                └─▶ the handler that was there            │
//!                                    a moment is due ──────┴──────────────────▶ Work::moment
//! ```
//!
//! The thread is started with the recording, if it has anything to do. All signals are blocked in
//! it, its allocations are the profiler's, and no report counts it as a thread of the program.
//! Signals that come while it is at work are served by one more dump together.
//!
//! A process lives as long as it has threads. If its first thread ends by `pthread_exit`, this
//! thread ends when it is the last.
//!
//! A thread does not survive a fork. The child's is started with its first event after the fork,
//! not in the fork handler: most children execute another program at once, and some depend on
//! having one thread. The front of the child's thread is [halted](crate::store::peak::Front::halt),
//! which costs other events nothing.

use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::OnceLock;

use crate::base::os;
use crate::base::os::message::say;
use crate::base::os::signal_kinds::SignalSet;
use crate::base::os::signals;
#[cfg(feature = "dhat-compat")]
use crate::base::os::signals::endings;
use crate::base::os::signals::{DUMPS, REQUESTS};
use crate::base::sync::{AtomicU32, Ordering};
use crate::base::{current, settings};
use crate::engine::session;
use crate::store::peak::Front;
use crate::store::thread_slot::ThreadSlot;

/// Enough to name functions by debug information; backed by memory where it is used.
const STACK: usize = 8 << 20;

/// The signal; 0: none was asked for.
static SIGNAL: AtomicU32 = AtomicU32::new(0);
/// 1: this process has the thread.
static RUNNING: AtomicU32 = AtomicU32::new(0);
/// The requests that are served.
static SERVED: AtomicU32 = AtomicU32::new(0);
/// 1: signals end the program after a report.
static ENDS_WITH_REPORT: AtomicU32 = AtomicU32::new(0);
/// 1: the process is a child that has no thread yet.
static NEEDED: AtomicU32 = AtomicU32::new(0);
/// The mode that the front of the child's one thread goes on with.
static HALTED_MODE: AtomicU32 = AtomicU32::new(0);

/// The functions that do the work.
static WORK: OnceLock<Work> = OnceLock::new();

/// The functions of upper layers that the thread calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// Describes the program at this signal. `false`: it panicked.
    pub(crate) dump: fn(c_int) -> bool,
    /// Writes the report, as this signal has come. `false`: it panicked.
    #[cfg(feature = "dhat-compat")]
    pub(crate) report: fn(c_int) -> bool,
    /// Takes a moment of the timeline; returns the milliseconds to the next one. `None`: there are
    /// no moments.
    pub(crate) moment: Option<fn() -> u32>,
    /// The milliseconds to the first report on a schedule, and the function that writes one and
    /// returns the milliseconds to the next. `None`: there is no schedule.
    pub(crate) scheduled: Option<(u32, fn() -> u32)>,
    /// True if the calling thread is the only one of the process that has not ended.
    pub(crate) is_last_thread: fn() -> bool,
}

/// Starts the thread, which describes the program at each `signal`, and writes the report at those
/// of `report_on`.
pub(crate) fn start(signal: Option<c_int>, report_on: SignalSet, work: Work) {
    WORK.get_or_init(|| work);
    if !start_thread() {
        return;
    }
    if signal.is_some() || !report_on.is_empty() {
        os::at_exit(finish);
    }
    handle_endings(report_on);
    let Some(signal) = signal else { return };
    SIGNAL.store(signal.cast_unsigned(), Ordering::Relaxed);
    if !signals::count_signal(signal) {
        say(format_args!(
            "cannot handle {}; set MOD_ALLOC_SIGNAL to another signal",
            signals::Name(signal)
        ));
    }
}

/// Has the thread write the report when one of these signals comes.
#[cfg(feature = "dhat-compat")]
fn handle_endings(report_on: SignalSet) {
    if report_on.is_empty() {
        return;
    }
    ENDS_WITH_REPORT.store(1, Ordering::Relaxed);
    endings::is_served();
    if let Err(signal) = endings::handle_all(report_on) {
        say(format_args!(
            "cannot handle {}; name another signal in MOD_ALLOC_REPORT_ON",
            signals::Name(signal)
        ));
    }
}

/// There are no reports.
#[cfg(not(feature = "dhat-compat"))]
fn handle_endings(_: SignalSet) {}

/// True if the thread exists.
fn start_thread() -> bool {
    let result = signals::start_thread(STACK, serve);
    if let Err(error) = result {
        say(format_args!("cannot start a thread (error {error}); its work is not done"));
    }
    RUNNING.store(u32::from(result.is_ok()), Ordering::Relaxed);
    #[cfg(feature = "dhat-compat")]
    if result.is_ok() && ENDS_WITH_REPORT.load(Ordering::Relaxed) != 0 {
        endings::is_served();
    }
    result.is_ok()
}

/// The thread: serves one request after another, until it is the last thread of the process.
extern "C" fn serve(_: *mut c_void) -> *mut c_void {
    /// The pause between two looks of the thread if it is the last, while that is to be expected.
    const LOOK_MILLIS: u32 = 20;
    /// A program that is over by then has no need of moments.
    const FIRST_MOMENT_MILLIS: u32 = 20;
    current::mute();
    signals::name_thread(c"mod-alloc");
    let Some(work) = WORK.get() else { return ptr::null_mut() };
    let mut moments = Repeated::new(work.moment.map(|take| (FIRST_MOMENT_MILLIS, take)));
    let mut reports = Repeated::new(work.scheduled);
    loop {
        let pause = moments.do_if_due().into_iter().chain(reports.do_if_due()).min();
        // Acquire pairs with the Release of the signal's handler.
        let requested = REQUESTS.load(Ordering::Acquire);
        if requested == SERVED.load(Ordering::Relaxed) {
            let is_left = !has_threads();
            // A thread may have asked for something, and ended, while this one looked.
            let is_unasked = || requested == REQUESTS.load(Ordering::Acquire);
            if is_left && (work.is_last_thread)() && is_unasked() {
                break;
            }
            let look = is_left.then_some(LOOK_MILLIS);
            signals::wait(&REQUESTS, requested, look.into_iter().chain(pause).min());
            continue;
        }
        // Each request was noted before it was counted. A nudge is none.
        if DUMPS.swap(0, Ordering::Relaxed) != 0 && !(work.dump)(signal()) {
            say(format_args!("cannot make the dump: a defect of mod-alloc, please report it"));
        }
        #[cfg(feature = "dhat-compat")]
        serve_ending(work);
        // Release pairs with the Acquire in `finish`: all of it is written.
        SERVED.store(requested, Ordering::Release);
        signals::wake(&SERVED);
    }
    // The process exits with this thread, and its exit handlers are the program's.
    RUNNING.store(0, Ordering::Relaxed);
    #[cfg(feature = "dhat-compat")]
    endings::is_served_no_more();
    current::unmute();
    ptr::null_mut()
}

/// Writes the report if a signal of `MOD_ALLOC_REPORT_ON` has come, and ends the process if the
/// signal does.
#[cfg(feature = "dhat-compat")]
fn serve_ending(work: &Work) {
    let Some(came) = endings::next() else { return };
    let (endings::Came::Ends(signal) | endings::Came::GoesOn(signal)) = came;
    if !(work.report)(signal) {
        say(format_args!("cannot make the report: a defect of mod-alloc, please report it"));
    }
    if came == endings::Came::Ends(signal) {
        endings::end_process(signal);
    }
}

/// Work that the thread does again and again.
struct Repeated {
    work: Option<fn() -> u32>,
    /// When it is due, by the monotonic clock.
    due: u64,
}

impl Repeated {
    const NANOS: u64 = 1_000_000;

    /// `work`: the milliseconds to its first time, and the function that does it.
    fn new(work: Option<(u32, fn() -> u32)>) -> Self {
        let pause = work.map_or(0, |(pause, _)| pause);
        let due = os::monotonic_nanos().saturating_add(u64::from(pause) * Self::NANOS);
        Self { work: work.map(|(_, work)| work), due }
    }

    /// Does it if it is due; returns the milliseconds to the next time.
    fn do_if_due(&mut self) -> Option<u32> {
        let work = self.work?;
        if self.due <= os::monotonic_nanos() {
            let pause = work();
            self.due = os::monotonic_nanos().saturating_add(u64::from(pause) * Self::NANOS);
        }
        let left = self.due.saturating_sub(os::monotonic_nanos()).div_ceil(Self::NANOS);
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }
}

/// True if any thread of the program is known.
fn has_threads() -> bool {
    let session = session::decided().ok().flatten();
    session.is_some_and(|session| session.heap().threads.load(Ordering::Relaxed) != 0)
}

/// Tells this thread that a thread of the program has ended. After the last one it must not keep
/// the process alive.
pub(crate) fn thread_ended() {
    if RUNNING.load(Ordering::Relaxed) != 0 && !has_threads() {
        // Release pairs with the Acquire in `serve`.
        REQUESTS.fetch_add(1, Ordering::Release);
        signals::wake(&REQUESTS);
    }
}

/// The signal that is served.
fn signal() -> c_int {
    SIGNAL.load(Ordering::Relaxed).cast_signed()
}

/// Runs when the process exits: waits for dumps and for the end by a signal that were asked for
/// before, or a file would be cut off. The wait has a limit: the exiting thread may hold a lock
/// that this thread waits for.
extern "C" fn finish() {
    const PATIENCE_MILLIS: u32 = 10_000;
    const STEP_MILLIS: u32 = 100;
    start_anyway();
    let requested = REQUESTS.load(Ordering::Relaxed);
    for _ in 0..PATIENCE_MILLIS / STEP_MILLIS {
        let served = SERVED.load(Ordering::Acquire);
        let is_late = requested.wrapping_sub(served).cast_signed() > 0;
        if !is_late || RUNNING.load(Ordering::Relaxed) == 0 {
            return;
        }
        signals::wait(&SERVED, served, Some(STEP_MILLIS));
    }
}

/// In a forked child that is recorded. `slot`: that of its one thread, if it has one.
pub(crate) fn in_forked_child(slot: Option<&ThreadSlot>) {
    let Some(work) = WORK.get() else { return };
    RUNNING.store(0, Ordering::Relaxed);
    if !settings::is_signal_kept() {
        stop_in_child();
    }
    let ends_with_report = ENDS_WITH_REPORT.load(Ordering::Relaxed) != 0;
    let repeats = work.moment.is_some() || work.scheduled.is_some();
    if signal() == 0 && !repeats && !ends_with_report {
        return;
    }
    SERVED.store(REQUESTS.load(Ordering::Relaxed), Ordering::Relaxed);
    if signal() != 0 {
        signals::count_in_child();
    }
    if NEEDED.swap(1, Ordering::Relaxed) == 0
        && let Some(slot) = slot
    {
        HALTED_MODE.store(slot.front.halt(), Ordering::Relaxed);
        #[cfg(feature = "backtraces")]
        crate::base::changes::announce();
    }
}

/// In a forked child that is not recorded, or answers no signal.
pub(crate) fn stop_in_child() {
    if signal() != 0 {
        signals::stop_counting(signal());
        SIGNAL.store(0, Ordering::Relaxed);
    }
}

/// Called when the calling thread's front is not set up for an event. If it was halted in a forked
/// child, this starts the thread that the child needs.
#[cold]
pub(crate) fn start_where_needed(front: &Front) {
    if front.go_on(HALTED_MODE.load(Ordering::Relaxed)) {
        start_anyway();
    }
}

/// Starts the thread that a forked child needs, if that was not done.
pub(crate) fn start_anyway() {
    if NEEDED.load(Ordering::Relaxed) != 0 && NEEDED.swap(0, Ordering::Relaxed) != 0 {
        start_thread();
    }
}
