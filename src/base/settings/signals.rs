//! The variables that name signals.
//!
//! The value `off` handles none, whatever the program's own options say.

use core::ffi::CStr;
#[cfg(not(feature = "preload"))]
use core::ffi::c_int;

use super::value;
use crate::base::os::message::say;
#[cfg(not(feature = "preload"))]
use crate::base::{
    options::Options,
    os::signal_kinds::{SignalSet, is_for_endings},
    os::signals::{Name, number_of},
    settings::refuse,
};

const SIGNAL: &CStr = c"MOD_ALLOC_SIGNAL";
#[cfg(any(feature = "dhat-compat", feature = "preload"))]
const REPORT_ON: &CStr = c"MOD_ALLOC_REPORT_ON";

#[cfg(not(feature = "preload"))]
const OFF: &[u8] = b"off";

/// `MOD_ALLOC_SIGNAL`, or the program's own option: the signal at which the program describes its
/// memory. None of `taken` can be used.
#[cfg(not(feature = "preload"))]
pub(crate) fn signal(taken: SignalSet) -> Option<c_int> {
    let Some(value) = value(SIGNAL) else {
        return Options::of_process().signal.filter(|signal| !taken.has(*signal));
    };
    if value.to_bytes().eq_ignore_ascii_case(OFF) {
        return None;
    }
    let Some(signal) = number_of(value.to_bytes()) else {
        refuse(SIGNAL, value, format_args!("handling no signal"));
        return None;
    };
    let name = Name(signal);
    if is_for_endings(signal) {
        say(format_args!(
            "ignored MOD_ALLOC_SIGNAL={name}: this signal must end the program; for a report at \
             that end, set MOD_ALLOC_REPORT_ON={name}"
        ));
        return None;
    }
    if taken.has(signal) {
        say(format_args!("ignored MOD_ALLOC_SIGNAL={name}: {name} is for the report at the end"));
        return None;
    }
    Some(signal)
}

/// True if a forked child, whose environment may have changed, still answers the signal.
#[cfg(not(feature = "preload"))]
pub(crate) fn is_signal_kept() -> bool {
    value(SIGNAL).is_some() || Options::of_process().signal.is_some()
}

/// `MOD_ALLOC_REPORT_ON`, or the program's own option: the signals that end the program after a
/// report.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
pub(crate) fn report_on() -> SignalSet {
    let Some(value) = value(REPORT_ON) else { return Options::of_process().report_on };
    if value.to_bytes().eq_ignore_ascii_case(OFF) {
        return SignalSet::EMPTY;
    }
    SignalSet::of_endings(value.to_bytes()).unwrap_or_else(|| {
        refuse(REPORT_ON, value, format_args!("writing no report at signals; name TERM, INT, …"));
        SignalSet::EMPTY
    })
}

/// Says that the preloaded library handles no signals and writes no reports: it has no symbols to
/// name functions with, and the command that has started the program writes the report after any
/// end.
#[cfg(feature = "preload")]
pub(crate) fn refuse_signals() {
    if value(SIGNAL).is_some() {
        let id = crate::base::os::process_id();
        say(format_args!(
            "ignored MOD_ALLOC_SIGNAL under mod-alloc run; use mod-alloc top {id} instead"
        ));
    }
    if value(REPORT_ON).is_some() {
        say(format_args!(
            "ignored MOD_ALLOC_REPORT_ON under mod-alloc run, which writes a report at every end"
        ));
    }
    if value(c"MOD_ALLOC_EVERY").is_some() {
        say(format_args!(
            "ignored MOD_ALLOC_EVERY under mod-alloc run, which has the option --every"
        ));
    }
}
