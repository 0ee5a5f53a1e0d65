//! One event in the books: the thread's front, then the site's tally.
//!
//! Freed bytes go to the front first, because that may raise the epoch, and the tally must save
//! what it had before the heap left its maximum.

use crate::heap::EXACT;
use crate::session::Session;
use crate::sync::Ordering;
use crate::table::tally::{Epoch, Tally};
use crate::thread::Thread;

/// What happened to a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Allocated { bytes: u64 },
    Freed { bytes: u64 },
    Resized { old: u64, new: u64 },
}

/// Enters an event of a block of `site`.
#[inline(always)]
pub(crate) fn enter(
    thread: &mut Thread,
    session: &'static Session,
    site: u32,
    event: Event,
    now: u64,
) {
    let heap = session.heap();
    if heap.mode.load(Ordering::Relaxed) == EXACT {
        return enter_exactly(thread, session, site, event, now);
    }
    let front = &thread.slot.front;
    match event {
        Event::Allocated { bytes } => front.allocated(bytes, now, heap),
        Event::Freed { bytes } => front.freed(bytes, now, heap),
        Event::Resized { old, new } => front.resized(old, new, now, heap),
    }
    let epoch = Epoch::new(heap.epoch.get());
    let Some(tally) = thread.sites.tallies.get(site as usize) else { return };
    if tally.is_plain(thread.index, epoch) {
        if event.shrinks() {
            tally.note_max(tally.live_bytes(), tally.live_blocks());
        }
        count(tally, event, now);
    } else {
        enter_elsewhere(thread, site, tally, event, now, epoch);
    }
}

impl Event {
    #[inline(always)]
    fn shrinks(self) -> bool {
        match self {
            Event::Allocated { .. } => false,
            Event::Freed { .. } => true,
            Event::Resized { old, new } => new < old,
        }
    }
}

#[inline(always)]
fn count(tally: &Tally, event: Event, now: u64) {
    match event {
        Event::Allocated { bytes } => tally.count_allocated(bytes, now),
        Event::Freed { bytes } => tally.count_freed(bytes, now),
        Event::Resized { old, new } => tally.count_resized(old, new),
    }
}

/// The site belongs to another thread, or others have changed it, or it rested since the last peak.
#[inline(never)]
fn enter_elsewhere(
    thread: &Thread,
    site: u32,
    tally: &Tally,
    event: Event,
    now: u64,
    epoch: Epoch,
) {
    if tally.is_owned_by(thread.index) {
        return count_own(thread, site, tally, event, now, epoch);
    }
    let (arena, sites, lock) = (thread.arena, &thread.sites, &thread.slot.flushing);
    let share = arena.share(site, epoch, sites, lock);
    share.touch(epoch);
    count(share, event, now);
    arena.settle(share, thread.slot.front.step(), epoch, sites, lock);
}

#[inline(always)]
fn count_own(thread: &Thread, site: u32, own: &Tally, event: Event, now: u64, epoch: Epoch) {
    thread.sites.touch(site, own, epoch);
    if event.shrinks() {
        thread.sites.before_shrinking(site, own);
    }
    count(own, event, now);
}

/// Exact mode: one front and one tally per site for all threads, under the heap's lock.
#[cold]
#[inline(never)]
fn enter_exactly(thread: &Thread, session: &Session, site: u32, event: Event, now: u64) {
    let heap = session.heap();
    let front = &thread.slot.front;
    let _held = heap.lock.lock();
    match event {
        Event::Allocated { bytes } => {
            front.count_allocated(bytes);
            heap.exact.allocated(bytes, now, heap);
        }
        Event::Freed { bytes } => {
            front.count_freed(bytes);
            heap.exact.freed(bytes, now, heap);
        }
        Event::Resized { old, new } => {
            front.count_resized(old, new);
            heap.exact.resized(old, new, now, heap);
        }
    }
    let epoch = Epoch::new(heap.epoch.get());
    if let Some(tally) = thread.sites.tallies.get(site as usize) {
        count_own(thread, site, tally, event, now, epoch);
    }
}
