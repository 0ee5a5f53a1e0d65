//! `MOD_ALLOC_TIMELINE=sites`: this process takes down its sites' numbers now and then, in the
//! profiler's thread.

use core::ptr;
use std::boxed::Box;
use std::io;
use std::time::Duration;
use std::vec::Vec;

use crate::api::own_recording::consistently;
use crate::base::current::as_profiler;
use crate::base::os;
use crate::base::sync::bytes::store_bytes;
use crate::base::sync::{AtomicPtr, Ordering};
use crate::engine::session::{self, Session};
use crate::engine::{stretches, timeline};
use crate::recording::moment_log::{ENTRY, Pace, Place, Writer};
use crate::recording::reader;
use crate::store::layout::Region;
use crate::store::space::{Part, SPACE};
use crate::store::timeline::{FROM_WITHIN, SAMPLE_ENTRIES, Sample, words};

/// The pause after a moment that could not be taken.
const LONG_MILLIS: u32 = 60_000;

/// Kept from one moment to the next; null: there is none yet, or it is in use. No lock, which a
/// forked child might find locked for ever.
static TAKER: AtomicPtr<Taker> = AtomicPtr::new(ptr::null_mut());

struct Taker {
    writer: Writer<InMemory>,
    pace: Pace,
}

/// True if the settings ask for moments.
pub(crate) fn are_wanted() -> bool {
    session::get().is_some_and(|session| timeline::takes_moments(session.settings.timeline))
}

/// Takes a moment; returns the milliseconds to the next one.
pub(crate) fn take() -> u32 {
    let Some(session) = session::get().filter(|session| session.is_this_process()) else {
        return LONG_MILLIS;
    };
    let taken = std::panic::catch_unwind(|| {
        as_profiler(|| {
            let kept = TAKER.swap(ptr::null_mut(), Ordering::Acquire);
            // SAFETY: made by `into_raw` below, and nobody else has it after the exchange.
            let kept = (!kept.is_null()).then(|| unsafe { Box::from_raw(kept) });
            let mut taker = kept.unwrap_or_else(|| Box::new(Taker::new(session)));
            let pause = taker.take(session);
            // Release pairs with the Acquire above.
            TAKER.store(Box::into_raw(taker), Ordering::Release);
            pause
        })
    });
    taken.ok().flatten().unwrap_or(LONG_MILLIS)
}

impl Taker {
    fn new(session: &'static Session) -> Self {
        let place = InMemory::new(session);
        Taker { writer: Writer::new(place, FROM_WITHIN), pace: Pace::default() }
    }

    /// `None`: there is no room in the recording's file.
    fn take(&mut self, session: &'static Session) -> Option<u32> {
        let started = os::thread_nanos();
        let begin = session.clock.now();
        // No window is opened meanwhile: its sites are others.
        let held = stretches::lock();
        let numbers = consistently(session, |view, _| reader::site_numbers(view));
        let is_thinned = self.writer.add(begin, session.clock.now(), numbers).ok()?;
        drop(held);
        if is_thinned {
            self.pace.slow_down();
        }
        let cost = Duration::from_nanos(os::thread_nanos().saturating_sub(started));
        u32::try_from(self.pace.next(cost).as_millis()).ok()
    }
}

/// The log in this process's recording.
struct InMemory {
    session: &'static Session,
    entries: &'static [Sample],
}

impl InMemory {
    fn new(session: &'static Session) -> Self {
        // SAFETY: the region holds this type, of atomics, valid when zeroed.
        let all: &[Sample] = unsafe { session.mapping.region(Region::Timeline) };
        InMemory { session, entries: all.get(SAMPLE_ENTRIES..).unwrap_or_default() }
    }

    /// The entries of a half from `entry` on, if there is room for `count`.
    fn at(&self, second: bool, entry: usize, count: usize) -> io::Result<&'static [Sample]> {
        let first = if second { self.entries() + entry } else { entry };
        let end = u32::try_from(SAMPLE_ENTRIES + first + count).unwrap_or(u32::MAX);
        let entries = self.entries.get(first..first + count);
        entries.filter(|_| SPACE.has(Part::Timeline, end)).ok_or(io::ErrorKind::StorageFull.into())
    }
}

impl Place for InMemory {
    fn entries(&self) -> usize {
        self.entries.len() / 2
    }

    fn read(&self, second: bool, entries: usize) -> io::Result<Vec<u8>> {
        let words = words(self.at(second, 0, entries)?).iter();
        Ok(words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect())
    }

    fn write(&self, second: bool, entry: usize, bytes: &[u8]) -> io::Result<()> {
        store_bytes(words(self.at(second, entry, bytes.len() / ENTRY)?), bytes);
        Ok(())
    }

    fn state(&self) -> io::Result<u64> {
        Ok(self.session.header.process.timeline.log.load(Ordering::Relaxed))
    }

    fn publish(&self, state: u64) -> io::Result<()> {
        // Release pairs with the reader's Acquire: the records are written.
        self.session.header.process.timeline.log.store(state, Ordering::Release);
        Ok(())
    }
}
