//! `MOD_ALLOC_SIGNAL`: the program describes its memory while it runs, at each such signal, on
//! standard error and in a report.

mod alone;
mod dump;
#[cfg(feature = "dhat-compat")]
mod sites;
mod table;

use core::ffi::c_int;
use core::panic::AssertUnwindSafe;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::vec::Vec;

use crate::base::{current, os, settings};
use crate::engine::profiler_thread;

/// `MOD_ALLOC_OUT` at the start: a running program may change its environment, which other threads
/// cannot read safely meanwhile.
static OUT: OnceLock<Option<Vec<u8>>> = OnceLock::new();

/// Kept from one dump to the next.
static DUMPER: Mutex<Option<dump::Dumper>> = Mutex::new(None);

/// Called when the recording of the process begins.
pub(crate) fn start() {
    let (signal, moment) = (settings::signal(), moment());
    if signal.is_none() && moment.is_none() {
        return;
    }
    let out = || os::environment(c"MOD_ALLOC_OUT").map(|out| out.to_bytes().to_vec());
    current::as_profiler(|| OUT.get_or_init(out));
    let is_last_thread = alone::is_last_thread;
    profiler_thread::start(signal, profiler_thread::Work { dump, moment, is_last_thread });
}

/// The function that takes moments, if the program asks for them.
fn moment() -> Option<fn() -> u32> {
    #[cfg(feature = "dhat-compat")]
    return crate::api::moments::are_wanted().then_some(crate::api::moments::take);
    #[cfg(not(feature = "dhat-compat"))]
    None
}

/// Describes the program at this signal. `false`: that panicked, which must not end the program.
fn dump(signal: c_int) -> bool {
    // The lock is the dump thread's alone: no other thread waits for it.
    let mut kept = DUMPER.lock().unwrap_or_else(PoisonError::into_inner);
    let mut dumper = kept.take().unwrap_or_default();
    let dumped = std::panic::catch_unwind(AssertUnwindSafe(|| {
        dumper.dump(signal, OUT.get().and_then(Option::as_deref));
        *kept = Some(dumper);
    }));
    dumped.is_ok()
}
