//! One dump: the printed text, and the report that goes with it.

use core::ffi::c_int;
use core::fmt::Write;
use std::string::String;
use std::vec::Vec;

use super::table;
use crate::api::heap_state::{HeapState, ProcessMemory};
use crate::api::memory_stats::memory_registry;
use crate::api::totals;
use crate::base::os;
use crate::base::os::signals::Name;
#[cfg(not(feature = "dhat-compat"))]
use crate::base::sync::AtomicU32;
use crate::base::sync::Ordering;
use crate::base::units::{Bytes, Count, Micros};
use crate::engine::session;
use crate::engine::session::Session;
#[cfg(feature = "dhat-compat")]
use crate::report::{Options, Profile};

/// Dumps so far, where there are no reports.
#[cfg(not(feature = "dhat-compat"))]
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Describes the program's memory on standard error, all at once, and writes a report. `out`: the
/// value of `MOD_ALLOC_OUT`.
pub(super) fn dump(signal: c_int, out: Option<&[u8]>) {
    let Ok(Some(session)) = session::decided() else { return };
    // The number of its report: it may not be that of a report on a schedule.
    #[cfg(feature = "dhat-compat")]
    let number = crate::api::report_files::next_number();
    #[cfg(not(feature = "dhat-compat"))]
    let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_heading(&mut text, signal, number, session);
    text.push('\n');
    let (threads, all) = memory_registry().read();
    text.push_str(&table::of_threads(threads, &all));
    text.push('\n');
    let _ = write_totals(&mut text);
    #[cfg(feature = "groups")]
    text.push_str(&super::table::of_groups(&crate::api::groups::group_stats()));
    describe(session, &mut text, number, out);
    os::write_stderr(marked(&text).as_bytes());
}

#[cfg(feature = "dhat-compat")]
fn describe(session: &Session, text: &mut String, number: u32, out: Option<&[u8]>) {
    let recording = crate::api::own_recording::read(session);
    if let Some(end) = recording.heap_states.end {
        write_state(text, end.state, end.process);
    }
    let profile = Profile::from_recording(&recording, &Options::default());
    let _ = write_profile(text, &profile, number, out);
}

#[cfg(not(feature = "dhat-compat"))]
fn describe(session: &Session, text: &mut String, _: u32, _: Option<&[u8]>) {
    let words = session.used_slots().map(|(_, slot)| &slot.losses);
    let (mut events, mut bytes) = (0, 0);
    for losses in words.chain([&session.header.losses]) {
        events += losses.reentrant.get();
        bytes += losses.reentrant_bytes.get();
    }
    let state = crate::api::heap_state::collect();
    let process = state.map_or_else(crate::api::heap_state::process, |state| state.process);
    write_state(text, state, process);
    let (events, bytes) = (Count(events), Bytes(bytes));
    let _ = writeln!(text, "lost:   {events} events ({bytes}) in signal handlers");
}

fn write_heading(
    text: &mut String,
    signal: c_int,
    number: u32,
    session: &Session,
) -> core::fmt::Result {
    let started = session.header.process.started_nanos.load(Ordering::Relaxed);
    let since = Micros(os::monotonic_nanos().saturating_sub(started) as f64 / 1e3);
    let (name, id) = (Name(signal), os::process_id());
    writeln!(text, "{name} (dump {number}): memory of process {id}, {since} after its start")
}

fn write_totals(text: &mut String) -> core::fmt::Result {
    let stats = totals::totals();
    let (live, live_blocks) = (Bytes(stats.current_bytes), Count(stats.live_count));
    let (peak, peak_blocks) = (Bytes(stats.peak_bytes), Count(stats.peak_live_count));
    let (total, total_blocks) = (Bytes(stats.total_bytes), Count(stats.alloc_count));
    writeln!(
        text,
        "heap:   {live} live in {live_blocks} blocks; at most {peak}, and {peak_blocks} blocks; \
         {total} allocated in {total_blocks} blocks"
    )
}

/// The memory that the allocator holds, as far as its figures are known, and the process's memory.
fn write_state(text: &mut String, state: Option<HeapState>, process: ProcessMemory) {
    let mut parts = Vec::new();
    if let Some(state) = state {
        let figures = [
            (state.allocated, "allocated"),
            (state.active, "active"),
            (state.resident, "resident"),
            (state.mapped, "mapped"),
            (state.retained, "retained"),
        ];
        let known = figures.into_iter().filter_map(|(bytes, what)| Some((bytes?, what)));
        let known: Vec<String> =
            known.map(|(bytes, what)| std::format!("{} {what}", Bytes(bytes))).collect();
        let arenas = state.arenas.map(|arenas| std::format!(", in {arenas} arenas"));
        let (name, figures) = (state.allocator.name(), known.join(", "));
        parts.push(std::format!("{name}: {figures}{}", arenas.unwrap_or_default()));
    }
    let figures = [(process.resident, "resident"), (process.peak_resident, "at most")];
    let known = figures.into_iter().filter_map(|(bytes, what)| Some((bytes?, what)));
    let known: Vec<String> =
        known.map(|(bytes, what)| std::format!("{} {what}", Bytes(bytes))).collect();
    if !known.is_empty() {
        parts.push(std::format!("process: {}", known.join(", ")));
    }
    if !parts.is_empty() {
        let _ = writeln!(text, "state:  {}", parts.join("; "));
    }
}

#[cfg(feature = "dhat-compat")]
fn write_profile(
    text: &mut String,
    profile: &Profile,
    number: u32,
    out: Option<&[u8]>,
) -> core::fmt::Result {
    use crate::api::report_files::write_numbered;
    use crate::report::summary;
    let run = profile.run();
    let losses = summary::losses(&run.losses, profile.circumstances());
    let losses = if losses.is_empty() { "nothing".into() } else { losses.join("; ") };
    writeln!(text, "lost:   {losses}")?;
    for advice in profile.advice() {
        writeln!(text, "advice: {advice}")?;
    }
    let (sites, count) = super::sites::with_most_live(profile);
    let count = Count(count as u64);
    let none = if sites.is_empty() { " none" } else { "" };
    let sampled = if run.sampling.is_some() { " (estimates, of samples)" } else { "" };
    writeln!(text, "\nsites with the most live bytes, of {count}{sampled}:{none}\n{sites}")?;
    match write_numbered(profile, out, number) {
        None => writeln!(text, "report: none (MOD_ALLOC_OUT=off)"),
        Some((path, Ok(()))) => writeln!(text, "report: {}", path.display()),
        Some((path, Err(error))) => {
            writeln!(text, "report: cannot write {}: {error}", path.display())
        }
    }
}

/// The text with `mod-alloc:` before each line.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 5 / 4);
    for line in text.lines() {
        marked.push_str(if line.is_empty() { "mod-alloc:" } else { "mod-alloc: " });
        marked.push_str(line);
        marked.push('\n');
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_marked() {
        assert_eq!(marked("a\n\n b\n"), "mod-alloc: a\nmod-alloc:\nmod-alloc:  b\n");
    }
}
