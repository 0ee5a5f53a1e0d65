//! `MOD_ALLOC_EVERY`: reports while the program runs, by the profiler's thread. The number of
//! files is bounded: the oldest report is removed for a new one.

use core::ptr;
use std::boxed::Box;
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;

use crate::api::own_recording::with_report_memory;
use crate::api::report_files;
use crate::base::current::as_profiler;
use crate::base::os;
use crate::base::os::message::say;
use crate::base::settings::Schedule;
use crate::base::sync::{AtomicPtr, Ordering};
use crate::engine::session;

/// Kept from one report to the next; null: there is none yet, or it is in use. No lock, which a
/// forked child might find locked for ever.
static WRITTEN: AtomicPtr<Written> = AtomicPtr::new(ptr::null_mut());

/// The reports of a process that are kept, the oldest first.
struct Written {
    process: u32,
    paths: VecDeque<PathBuf>,
}

/// Writes a report, and removes those that are too many. `out`: the value of `MOD_ALLOC_OUT`.
/// Returns the milliseconds to the next one.
pub(crate) fn write(schedule: Schedule, out: Option<&[u8]>) -> u32 {
    let started = os::monotonic_nanos();
    if std::panic::catch_unwind(|| write_now(schedule, out)).is_err() {
        say(format_args!("cannot make the report: a defect of mod-alloc, please report it"));
    }
    let millis = os::monotonic_nanos().saturating_sub(started) / 1_000_000;
    // A report that takes longer than the pause must not keep the thread busy for ever.
    let left = u64::from(schedule.millis).saturating_sub(millis);
    u32::try_from(left.max(u64::from(schedule.millis / 2))).unwrap_or(schedule.millis)
}

fn write_now(schedule: Schedule, out: Option<&[u8]>) {
    let Some(session) = session::get().filter(|session| session.is_this_process()) else { return };
    if report_files::is_left_to_program() {
        return;
    }
    with_report_memory(&mut || match report_files::write_next(session, out) {
        Some((path, Ok(()))) => as_profiler(|| keep(path.clone(), schedule.kept)),
        Some((path, Err(error))) => say(format_args!(
            "cannot write the report {}: {error}; the next one is tried as ever",
            path.display()
        )),
        None => {}
    });
}

/// Notes a report, and removes the oldest if there are too many.
fn keep(path: PathBuf, kept: u32) {
    let known = WRITTEN.swap(ptr::null_mut(), Ordering::Acquire);
    // SAFETY: made by `into_raw` below, and nobody else has it after the exchange.
    let known = (!known.is_null()).then(|| unsafe { Box::from_raw(known) });
    let process = os::process_id();
    // A forked child must not remove its parent's.
    let known = known.filter(|known| known.process == process);
    let mut written =
        known.unwrap_or_else(|| Box::new(Written { process, paths: VecDeque::new() }));
    // A path without a number is written again and again.
    written.paths.retain(|known| *known != path);
    written.paths.push_back(path);
    while written.paths.len() > kept as usize
        && let Some(oldest) = written.paths.pop_front()
    {
        // Somebody else may have removed it.
        let _ = fs::remove_file(oldest);
    }
    // Release pairs with the Acquire above.
    WRITTEN.store(Box::into_raw(written), Ordering::Release);
}
