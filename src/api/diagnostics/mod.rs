//! `MOD_ALLOC_SIGNAL`: the program describes its memory while it runs, at each such signal, on
//! standard error and in a report. `MOD_ALLOC_REPORT_ON`: it writes its report when a signal ends
//! it.

#[cfg(feature = "dhat-compat")]
mod abort;
mod alone;
mod dump;
#[cfg(feature = "dhat-compat")]
mod sites;
mod table;

use core::ffi::c_int;
use std::sync::OnceLock;
use std::vec::Vec;

use crate::base::os::signal_kinds::SignalSet;
use crate::base::{current, os, settings};
use crate::engine::profiler_thread;

/// `MOD_ALLOC_OUT` at the start: a running program may change its environment, which other threads
/// cannot read safely meanwhile.
static OUT: OnceLock<Option<Vec<u8>>> = OnceLock::new();

/// `MOD_ALLOC_EVERY` and `MOD_ALLOC_KEEP` at the start.
#[cfg(feature = "dhat-compat")]
static SCHEDULE: OnceLock<settings::Schedule> = OnceLock::new();

/// Called when the recording of the process begins.
pub(crate) fn start() {
    #[cfg(feature = "dhat-compat")]
    abort::say_at_abort();
    let report_on = report_on();
    let (signal, moment) = (settings::signal(report_on), moment());
    let scheduled = scheduled();
    if signal.is_none() && moment.is_none() && scheduled.is_none() && report_on.is_empty() {
        return;
    }
    let out = || os::environment(c"MOD_ALLOC_OUT").map(|out| out.to_bytes().to_vec());
    current::as_profiler(|| OUT.get_or_init(out));
    let work = profiler_thread::Work {
        dump,
        #[cfg(feature = "dhat-compat")]
        report,
        moment,
        scheduled,
        is_last_thread: alone::is_last_thread,
    };
    profiler_thread::start(signal, report_on, work);
}

/// Called when the process is not recorded: the signal that asks for a dump must not end the
/// program. `is_wanted`: it was to be recorded.
pub(crate) fn answer_only(is_wanted: bool) {
    let _errno = os::KeepErrno::new();
    #[cfg(feature = "dhat-compat")]
    let report_on = settings::report_on();
    #[cfg(not(feature = "dhat-compat"))]
    let report_on = SignalSet::EMPTY;
    if let Some(signal) = settings::signal(report_on) {
        os::signals::off::answer(signal, is_wanted);
    }
}

/// The signals that end the program after a report, if it writes one.
#[cfg(feature = "dhat-compat")]
fn report_on() -> SignalSet {
    let signals = settings::report_on();
    let writes = || current::as_profiler(crate::api::report_files::are_wanted);
    if signals.is_empty() || !writes() { SignalSet::EMPTY } else { signals }
}

/// There are no reports.
#[cfg(not(feature = "dhat-compat"))]
fn report_on() -> SignalSet {
    SignalSet::EMPTY
}

/// Writes the report, as this signal has come. `false`: that panicked.
#[cfg(feature = "dhat-compat")]
fn report(signal: c_int) -> bool {
    let out = OUT.get().and_then(Option::as_deref);
    std::panic::catch_unwind(|| crate::api::report_files::at_signal(signal, out)).is_ok()
}

/// The function that takes moments, if the program asks for them.
fn moment() -> Option<fn() -> u32> {
    #[cfg(feature = "dhat-compat")]
    return crate::api::moments::are_wanted().then_some(crate::api::moments::take);
    #[cfg(not(feature = "dhat-compat"))]
    None
}

/// The first pause, and the function that writes reports on a schedule, if there is one.
#[cfg(feature = "dhat-compat")]
fn scheduled() -> Option<(u32, fn() -> u32)> {
    let schedule = settings::schedule()?;
    let writes = || current::as_profiler(crate::api::report_files::are_wanted);
    writes().then_some((SCHEDULE.get_or_init(|| schedule).millis, write_scheduled))
}

/// There are no reports.
#[cfg(not(feature = "dhat-compat"))]
fn scheduled() -> Option<(u32, fn() -> u32)> {
    None
}

/// Writes a report; returns the milliseconds to the next one.
#[cfg(feature = "dhat-compat")]
fn write_scheduled() -> u32 {
    let out = OUT.get().and_then(Option::as_deref);
    SCHEDULE.get().map_or(u32::MAX, |schedule| crate::api::scheduled::write(*schedule, out))
}

/// Describes the program at this signal. `false`: that panicked, which must not end the program.
fn dump(signal: c_int) -> bool {
    let mut dumped = false;
    let out = OUT.get().and_then(Option::as_deref);
    let dump = || std::panic::catch_unwind(|| dump::dump(signal, out)).is_ok();
    // Nothing is kept for the next dump: a service may be asked once in its life.
    #[cfg(feature = "dhat-compat")]
    crate::api::own_recording::with_report_memory(&mut || dumped = dump());
    #[cfg(not(feature = "dhat-compat"))]
    current::as_profiler(|| dumped = dump());
    dumped
}
