//! This process's recording, read while it goes on.

use std::vec::Vec;

use crate::base::current;
#[cfg(any(feature = "dhat-compat", feature = "symbolicate"))]
use crate::base::os;
use crate::base::os::clock::Moment;
use crate::base::sync::Ordering;
use crate::engine::allocator::moments;
use crate::engine::session::Session;
use crate::recording::anonymous::entry_bytes;
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
use crate::recording::file::shrink_of;
#[cfg(feature = "dhat-compat")]
use crate::recording::model::Counters;
use crate::recording::model::{HeapMoment, ROOT_TABLE_FULL, Recording, Site};
use crate::recording::reader;
use crate::recording::reader::Span;
#[cfg(feature = "dhat-compat")]
use crate::store::peak::EXACT;
use crate::store::space::SPACE;
use crate::store::view;
use crate::store::view::View;

/// The recording of this process, or of its latest [window](crate::engine::windows).
pub(crate) fn recording(session: Option<&'static Session>) -> Recording {
    current::as_caller_or_profiler(|| session.map(read).unwrap_or_default())
}

/// The sums over all its call sites, at one moment where peaks are exact. The maxima are those of
/// the single sites, added up.
#[cfg(feature = "dhat-compat")]
pub(crate) fn totals(session: Option<&'static Session>) -> Counters {
    let sites = current::as_profiler(|| session.map(sites).unwrap_or_default());
    let mut sum = Counters::default();
    sites.iter().for_each(|site| crate::report::add(&mut sum, &site.counters));
    current::as_profiler(|| drop(sites));
    sum
}

#[cfg(feature = "dhat-compat")]
fn sites(session: &Session) -> Vec<Site> {
    let heap = session.heap();
    // In exact mode each event is entered under this lock.
    let _held = (heap.mode.load(Ordering::Relaxed) == EXACT).then(|| heap.lock.lock());
    consistently(session, reader::read_sites)
}

/// True if the site has a known stack. All sites have one but the site of blocks that were counted
/// without stacks, while there was no profiler.
pub(crate) fn has_stack(site: &Site) -> bool {
    #[cfg(feature = "dhat-compat")]
    let counts_without_stacks = crate::engine::windows::has_counted_only();
    #[cfg(not(feature = "dhat-compat"))]
    let counts_without_stacks = false;
    !counts_without_stacks || site.frame != ROOT_TABLE_FULL
}

/// Does the work of a report, in a thread with enough stack for it; its allocations in both threads
/// are the profiler's.
#[cfg(any(feature = "dhat-compat", all(feature = "symbolicate", feature = "preload")))]
pub(crate) fn with_report_stack(work: &mut dyn FnMut()) {
    current::as_profiler(|| os::with_large_stack(&mut || current::as_profiler(&mut *work)));
}

/// Does the work of a report, as `with_report_stack` does, that leaves no block to the program: its
/// memory is given back at the end.
#[cfg(all(feature = "symbolicate", not(feature = "preload")))]
pub(crate) fn with_report_memory(work: &mut dyn FnMut()) {
    crate::engine::work::with(|| {
        let number = current::number();
        os::with_large_stack(&mut || current::with_number(number, &mut *work));
    });
}

/// The process that makes the reports is another one.
#[cfg(all(feature = "symbolicate", feature = "preload"))]
pub(crate) use with_report_stack as with_report_memory;

/// Makes the file of the recording, whose end is written, as small as its content. Threads that
/// still run go on in the large file, which has no name any more.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
pub(crate) fn make_small() {
    use std::os::unix::ffi::OsStrExt;
    if !SPACE.is_in_file() {
        return;
    }
    with_report_stack(&mut || {
        let path = std::ffi::OsStr::from_bytes(SPACE.path().to_bytes());
        // A panic must not cross into libc. After a failure the file is as it was.
        let _ =
            std::panic::catch_unwind(|| shrink_of(std::path::Path::new(path), os::process_id()));
    });
}

pub(crate) fn read(session: &Session) -> Recording {
    // Before the profiler itself allocates for the report.
    let state = moments::now(session);
    let mut recording = consistently(session, reader::read);
    let micros = recording.end_micros;
    recording.heap_states.end_with(HeapMoment { micros, ..state });
    if !SPACE.is_in_file() {
        recording.anonymous.own_bytes += entry_bytes(session.header);
    }
    recording
}

/// Reads while no share is on its way from an arena to a site.
pub(crate) fn consistently<R>(session: &Session, read: impl FnOnce(&View<'_>, Span) -> R) -> R {
    let started = session.header.process.started_nanos.load(Ordering::Relaxed);
    let Moment { units, nanos } = session.clock.moment();
    let span = Span { units, nanos: nanos.saturating_sub(started) };
    let _flushing: Vec<_> =
        session.used_slots().map(|(_, slot)| slot.journal.moving.lock()).collect();
    read(&view::of_mapping(&session.mapping), span)
}
