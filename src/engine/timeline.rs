//! The heap over time: a sample at the end of each interval.
//!
//! The event that finds its time to be past the interval's end ends it, before it is entered
//! itself. So a sample costs the other events one comparison, and needs no thread. Where nothing
//! happened for longer than an interval, that stretch is a sample of its own: the heap was the same
//! all the time.
//!
//! Intervals begin with about a millisecond. When there are [`SAMPLES`], two neighbours become one,
//! and intervals are twice as long from then on. A sample has the least and the most bytes of its
//! interval, so that no spike is lost.

use crate::base::os;
use crate::base::settings::Timeline;
use crate::base::sync::{AtomicU64, Ordering};
use crate::engine::session::Session;
use crate::engine::work;
use crate::store::peak::{EXACT, Interval, TAKE_RESIDENT};
use crate::store::space::{Part, SPACE};
use crate::store::thread_slot::ThreadSlot;
use crate::store::timeline::{FROM_WITHIN, HALF, SAMPLES, count, sample};

/// The first intervals, in clock units: 0.8 to 2 ms.
const FIRST_INTERVAL: u64 = 1 << 12;
/// Units between two looks at the process's resident memory, of some microseconds each.
const RESIDENT_EVERY: u64 = 1 << 14;
/// The least units of an interval for each thread that ever was: their totals are added up.
const UNITS_PER_THREAD: u64 = 16;

/// When the process's resident memory is to be read again, in clock units.
static RESIDENT_AT: AtomicU64 = AtomicU64::new(0);

/// Begins the samples with the heap as it is.
pub(crate) fn begin(session: &Session, timeline: Timeline) {
    let schedule = &session.header.process.timeline;
    if timeline == Timeline::Off || session.samples.is_empty() {
        return sample_at(session, u64::MAX);
    }
    schedule.interval.set(FIRST_INTERVAL);
    if takes_moments(timeline) {
        schedule.log.store(FROM_WITHIN, Ordering::Relaxed);
    }
    restart(session, 0);
}

/// True if the process itself takes moments of its sites. Under the preload library, the process
/// that waits for this one does.
pub(crate) fn takes_moments(timeline: Timeline) -> bool {
    timeline == Timeline::Sites && cfg!(all(feature = "dhat-compat", not(feature = "preload")))
}

/// Begins the samples anew, at a heap that is empty. No event is under way.
pub(crate) fn restart(session: &Session, now: u64) {
    let schedule = &session.header.process.timeline;
    if schedule.interval.get() == 0 {
        return mode_has_changed(session);
    }
    schedule.interval.set(FIRST_INTERVAL);
    schedule.samples.store(0, Ordering::Relaxed);
    schedule.log.fetch_and(FROM_WITHIN, Ordering::Relaxed);
    add(session, now, Interval::default());
    sample_at(session, now.saturating_add(FIRST_INTERVAL));
}

/// Sets the end of the interval.
fn sample_at(session: &Session, time: u64) {
    session.header.process.timeline.sample_at.set(time);
    mode_has_changed(session);
}

/// Sets the time from which on events take the slow way. In Sole mode only the sole thread may call
/// this, and the one that waits until it is outside the hook; in other modes the lock's holder.
pub(crate) fn mode_has_changed(session: &Session) {
    let schedule = &session.header.process.timeline;
    let is_exact = session.heap().mode.load(Ordering::Relaxed) == EXACT;
    // In samples, the slow way is the one that knows of weights.
    let is_slow = is_exact || session.is_sampled();
    schedule.due.set(if is_slow { 0 } else { schedule.sample_at.get() });
}

/// Ends the interval, unless another thread just did. The calling thread is inside the hook with
/// that slot.
pub(crate) fn end_interval(slot: &ThreadSlot, session: &Session, now: u64) {
    let schedule = &session.header.process.timeline;
    let is_due = || now >= schedule.sample_at.get();
    if !is_due() {
        return;
    }
    session.heap().end_interval(&slot.front, now, is_due, |interval| {
        slot.keep_peak();
        write(session, now, interval);
        // Under the preload library the process that waits reads it: the program makes no calls of
        // the system for us, which a sandbox might not allow.
        if cfg!(not(feature = "preload")) && now >= RESIDENT_AT.load(Ordering::Relaxed) {
            RESIDENT_AT.store(now.saturating_add(RESIDENT_EVERY), Ordering::Relaxed);
            slot.front.add_errands(TAKE_RESIDENT);
        }
    });
}

/// Writes the samples of an interval that has ended, and sets the end of the next one.
///
/// If nothing happened for longer than one interval, the rest of that time becomes a second sample:
/// the first alone would spread the events before it over all of the time. Where there is no room,
/// sampling ends, and events find the due time never reached.
fn write(session: &Session, now: u64, interval: Interval) {
    let schedule = &session.header.process.timeline;
    let mut end = schedule.sample_at.get();
    let mut has_room = add(session, end, interval);
    if now.saturating_sub(end) >= schedule.interval.get() {
        end = now;
        let live = interval.live_bytes;
        has_room &= add(session, end, Interval { least: live, most: live, ..interval });
    }
    let threads = u64::from(session.header.process.threads.load(Ordering::Relaxed));
    let length = schedule.interval.get().max(threads * UNITS_PER_THREAD);
    sample_at(session, if has_room { end.saturating_add(length) } else { u64::MAX });
}

/// Adds a sample that ends at `end`. `false`: there is no room for it.
///
/// The count is stored last, by Release: a reader that has seen it sees the sample's words. A
/// killed writer so leaves one sample less, never half a one.
fn add(session: &Session, end: u64, interval: Interval) -> bool {
    let schedule = &session.header.process.timeline;
    let mut state = schedule.samples.load(Ordering::Relaxed);
    if count(state) == SAMPLES {
        state = join_neighbours(session, state);
        schedule.interval.set(schedule.interval.get().saturating_mul(2));
        schedule.samples.store(state, Ordering::Release); // pairs with the reader's Acquire
    }
    let has_room = SPACE.has(Part::Timeline, 2 * count(state) as u32 + 2);
    let Some(sample) = sample(session.samples, state, count(state)).filter(|_| has_room) else {
        return false;
    };
    let (bytes, blocks) = totals(session);
    sample.end.set(end);
    sample.least.set(interval.least);
    sample.most.set(interval.most);
    sample.blocks.set(interval.live_blocks);
    sample.total.set(bytes, blocks);
    sample.resident.set(0);
    schedule.samples.store(state + 1, Ordering::Release); // pairs with the reader's Acquire
    true
}

/// Makes one sample of each two, in the other half, whose state is returned. The first, which is
/// the beginning, stays.
fn join_neighbours(session: &Session, state: u64) -> u64 {
    let (mut from, to) = (0..count(state), state ^ HALF);
    let mut joined = 0;
    while let Some(index) = from.next() {
        let next = if index == 0 { None } else { from.next() };
        let (Some(old), Some(new)) =
            (sample(session.samples, state, index), sample(session.samples, to, joined))
        else {
            break;
        };
        new.copy(old);
        if let Some(next) = next.and_then(|next| sample(session.samples, state, next)) {
            new.extend(next);
        }
        joined += 1;
    }
    (to & HALF) + joined as u64
}

/// Bytes and blocks allocated since the process's start.
/// Ended threads count, too: a slot keeps its numbers when its thread ends.
fn totals(session: &Session) -> (u64, u64) {
    let fronts = session.used_slots().map(|(_, slot)| slot.front.total.get());
    fronts.fold((0, 0), |sum: (u64, u64), (bytes, blocks)| {
        (sum.0.wrapping_add(bytes), sum.1.wrapping_add(blocks))
    })
}

/// Notes the process's resident memory in the latest sample, and the most anonymous memory so far.
/// The calling thread is outside the hook.
pub(crate) fn note_resident(session: &Session) {
    if !session.is_this_process() {
        return;
    }
    let _errno = os::KeepErrno::new();
    let Some(memory) = os::resident::resident() else { return };
    // A signal's handler may have interrupted the holder in this thread.
    let Some(_held) = session.heap().lock.try_lock() else { return };
    let state = session.header.process.timeline.samples.load(Ordering::Relaxed);
    let latest =
        count(state).checked_sub(1).and_then(|index| sample(session.samples, state, index));
    if let Some(latest) = latest {
        latest.resident.set(memory.all);
    }
    let [most, when] = &session.header.states.end.most_anonymous;
    let of_program = memory.anonymous.saturating_sub(work::bytes());
    if of_program > most.get() {
        most.set(of_program);
        when.set(session.clock.now());
    }
}
