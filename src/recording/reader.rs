//! From the mapping to plain data.
//!
//! The bytes may change while they are read: each word is read once, whole, and what does
//! not fit together (a frame whose parent is younger, a site without a frame) is read as
//! broken or empty, never followed.

#![forbid(unsafe_code)]

mod distributions;
mod mappings;
#[cfg(feature = "dhat-compat")]
mod missing;
mod moments;
mod samples;
#[cfg(feature = "dhat-compat")]
mod site_numbers;
mod sites;
mod span;
mod timeline;
mod words;

use std::string::String;
use std::vec::Vec;

use crate::base::sync::Ordering;
use crate::recording::model::{
    Ending, HeapStates, Module, Recording, SelfCheck, Settings, Status, Thread, Unrecorded, Why,
};
use crate::recording::{anonymous, heap_moments, losses};
use crate::store::layout::{
    COMMAND_SIZE, ENDING, EXIT, EXITED, GONE, Header, REPORTED, STATUS_SHIFT,
};
use crate::store::peak::{BOUNDED, Front, HeapNow, Interval};
use crate::store::thread_slot::ThreadSlot;
use crate::store::view::View;

use span::Window;
use words::{bytes, frames, group, module, thread};

#[cfg(feature = "dhat-compat")]
pub(crate) use missing::missing;
#[cfg(feature = "dhat-compat")]
pub(crate) use moments::after_moments;
#[cfg(feature = "dhat-compat")]
pub(crate) use site_numbers::site_numbers;
pub(crate) use span::Span;

/// The heap as it stands.
fn heap_now(view: &View<'_>) -> HeapNow {
    view.header.heap.now(sole(view))
}

/// The timeline's interval that has not ended.
fn interval(view: &View<'_>) -> Interval {
    view.header.heap.interval(sole(view))
}

/// The front of the thread that was the only one, if there was one.
fn sole<'a>(view: &View<'a>) -> Option<&'a Front> {
    let sole = view.header.heap.sole_thread()?;
    view.slots.get(sole.index()).map(|slot| &slot.front)
}

/// Reads the call sites of a recording that has lasted for `span`.
#[cfg(feature = "dhat-compat")]
pub(crate) fn read_sites(view: &View<'_>, span: Span) -> Vec<crate::recording::model::Site> {
    let sites = sites::sites(view, heap_now(view), span, Window::of(view.header));
    sites.into_iter().map(|(_, site)| site).collect()
}

/// Reads the whole recording, which has lasted for `span`.
pub(crate) fn read(view: &View<'_>, span: Span) -> Recording {
    let header = view.header;
    let heap = heap_now(view);
    let window = Window::of(header);
    let end_micros = span.end_micros(window.opened);
    let places = samples::Places::of(header);
    let micros = |units: u64| span.micros(units.saturating_sub(window.opened)).min(end_micros);
    let modules: Vec<Module> = view.modules.iter().map(module).collect();
    let executable = modules.first().map(|module| module.path.clone()).unwrap_or_default();
    let (ids, sites): (Vec<_>, Vec<_>) = sites::sites(view, heap, span, window).into_iter().unzip();
    let (moments, sums) = moments::moments(view, micros, end_micros, &ids);
    let sampling = samples::sampling(view, window, &sites);
    // Samples of the heap are exact, and sites are not: no sum of sites is among them then.
    let (end, sums) = match &sampling {
        Some(sampling) => (timeline::Sums::of_counters(&sampling.exact), Vec::new()),
        None => (timeline::Sums::of(&sites), sums),
    };
    let end = (end_micros, end);
    let timeline = timeline::timeline(view, micros, interval(view), end, &sums);
    Recording {
        pid: header.process.id.load(Ordering::Relaxed),
        command: command(header),
        executable,
        end_micros,
        peak_micros: micros(heap.peak_time),
        settings: settings(header),
        modules,
        frames: frames(view.frames),
        sites,
        threads: threads(view),
        losses: losses::read(header, view.used_slots().map(|(_, slot)| slot)),
        groups: view.groups.iter().skip(1).map(|words| group(words, places)).collect(),
        ending: ending(header),
        status: status(header),
        is_fork: view.slots.first().is_some_and(|slot| slot.forked.load(Ordering::Relaxed) != 0),
        is_reported: header.process.ending.load(Ordering::Relaxed) & REPORTED != 0,
        unrecorded: unrecorded(header),
        self_check: self_check(header),
        heap_states: match header.version.load(Ordering::Relaxed) {
            1 => HeapStates::default(),
            _ => heap_moments::read(&header.states, heap.peak_bytes.max(0).cast_unsigned(), micros),
        },
        anonymous: anonymous::read(header, micros),
        timeline,
        moments,
        histograms: distributions::histograms(view),
        mappings: mappings::mappings(view, micros),
        sampling,
    }
}

fn threads(view: &View<'_>) -> Vec<Thread> {
    let is_counted = |slot: &ThreadSlot| slot.threads.load(Ordering::Relaxed) != 0;
    let is_counted = view.slots.first().is_some_and(is_counted);
    view.used_slots().filter_map(|(_, slot)| thread(slot, is_counted)).collect()
}

fn ending(header: &Header) -> Ending {
    match header.process.ending.load(Ordering::Relaxed) & ENDING {
        EXIT => Ending::Exit,
        GONE => Ending::Gone,
        _ => Ending::Open,
    }
}

fn status(header: &Header) -> Option<Status> {
    match (header.process.ending.load(Ordering::Relaxed) & !REPORTED) >> STATUS_SHIFT {
        0 => None,
        signal @ 1..EXITED => Some(Status::Killed(signal.cast_signed())),
        code => Some(Status::Exited((code - EXITED).cast_signed())),
    }
}

fn unrecorded(header: &Header) -> Unrecorded {
    let words = &header.self_check.unrecorded;
    let count = words.count.load(Ordering::Relaxed);
    let name = bytes(&words.name, size_of_val(&words.name));
    let name = String::from_utf8_lossy(&name).trim_end_matches('\0').into();
    let why = (count != 0).then(|| Why::of_number(words.why.load(Ordering::Relaxed)));
    Unrecorded { count, name, why }
}

fn self_check(header: &Header) -> Option<SelfCheck> {
    let (checked, differences) =
        (header.self_check.checked.get(), header.self_check.differences.get());
    (checked != 0).then_some(SelfCheck { checked, differences })
}

/// The command line. Until version 5 it goes on where the rates of samples are now, until version 3
/// where more losses are, and in version 1 where the allocator's state is.
fn command(header: &Header) -> String {
    let mut command = bytes(&header.command, COMMAND_SIZE);
    if !samples::has_rates(header) {
        command.extend(bytes(header.rates.words(), size_of_val(&header.rates)));
    }
    if !losses::has_more_losses(header) {
        command.extend(bytes(header.late.words(), size_of_val(&header.late)));
    }
    if header.version.load(Ordering::Relaxed) == 1 {
        command.extend(bytes(header.states.words(), size_of_val(&header.states)));
    }
    String::from_utf8_lossy(&command).trim_end_matches('\0').replace('\0', " ")
}

/// True if the process takes samples at rates that may change.
#[cfg(feature = "dhat-compat")]
pub(crate) fn takes_samples(header: &Header) -> bool {
    samples::has_rates(header) && samples::mean_gap(header) != 0
}

fn settings(header: &Header) -> Settings {
    let process = &header.process;
    Settings {
        buckets: Some(process.buckets.load(Ordering::Relaxed)).filter(|n| *n != 0),
        frames: process.frames.load(Ordering::Relaxed),
        unwind: match process.unwind.load(Ordering::Relaxed) {
            0 => "auto",
            1 => "fp",
            _ => "tables",
        },
        peak_is_exact: header.heap.mode.load(Ordering::Relaxed) != BOUNDED,
    }
}
