//! Variables and options that need the engine for Linux: another one names those that are set.

use core::ffi::CStr;

use super::{Lossy, value};
use crate::base::options::Options;
use crate::base::os::message::say;

/// A variable, the values that ask for nothing, and what is done instead.
const ALONE: [(&CStr, &[&str], &str); 12] = [
    (c"MOD_ALLOC_RECORD", &[], "no recording is written"),
    (c"MOD_ALLOC_SIGNAL", &["off"], "no signal is answered"),
    (c"MOD_ALLOC_REPORT_ON", &["off"], "no signal writes a report"),
    (c"MOD_ALLOC_EVERY", &["off", "0"], "the report is written at the end alone"),
    (c"MOD_ALLOC_SAMPLE", &["off", "0"], "each block is recorded"),
    (c"MOD_ALLOC_LIFETIMES", &["off"], "lifetimes have no distribution"),
    (c"MOD_ALLOC_TIMELINE", &["off", "totals"], "the heap over time is not recorded"),
    (c"MOD_ALLOC_UNWIND", &["auto"], "stacks are the system's"),
    (c"MOD_ALLOC_BUCKETS", &[], "the table grows"),
    (c"MOD_ALLOC_SELF_CHECK", &["off"], "stacks are walked once"),
    (c"MOD_ALLOC_KEEP", &[], "the report is written at the end alone"),
    (c"MOD_ALLOC_TESTS", &[], "tests are not told apart"),
];

/// Says what is set and has no effect.
pub(crate) fn refuse_what_needs_linux() {
    for (name, nothing, instead) in ALONE {
        let Some(value) = value(name) else { continue };
        if !nothing.iter().any(|nothing| value.to_bytes() == nothing.as_bytes()) {
            let (name, value) = (Lossy(name), Lossy(value));
            say(format_args!("ignored {name}={value}: 64-bit Linux alone has it; {instead}"));
        }
    }
    #[cfg(feature = "dhat-compat")]
    if let Some(out) =
        value(c"MOD_ALLOC_OUT").filter(|out| super::raw_path(out.to_bytes()).is_some())
    {
        let out = Lossy(out);
        say(format_args!(
            "ignored MOD_ALLOC_OUT={out}: 64-bit Linux alone has it; a report is written instead"
        ));
    }
    let options = Options::of_process();
    #[cfg(feature = "dhat-compat")]
    let reports_on = options.report_on != crate::base::os::signal_kinds::SignalSet::EMPTY;
    #[cfg(not(feature = "dhat-compat"))]
    let reports_on = false;
    for (is_set, name) in [
        (options.signal.is_some(), "ModAlloc::signal"),
        (reports_on, "ModAlloc::report_on"),
        (options.sample.is_some(), "ModAlloc::sample"),
    ] {
        if is_set {
            say(format_args!("ignored {name}: 64-bit Linux alone has it"));
        }
    }
}
