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
    let sites = &thread.sites;
    let owner = sites.owners.get(site as usize).map_or(0, |owner| owner.load(Ordering::Relaxed));
    if owner == thread.index + 1
        && let Some(tally) = sites.tallies.get(site as usize)
    {
        post_own(thread, site, tally, event, now, epoch);
    } else {
        post_share(thread, site, event, now, epoch);
    }
}

#[inline(always)]
fn post_own(thread: &Thread, site: u32, tally: &Tally, event: Event, now: u64, epoch: Epoch) {
    let shrinks = match event {
        Event::Allocated { .. } => false,
        Event::Freed { .. } => true,
        Event::Resized { old, new } => new < old,
    };
    if shrinks {
        thread.sites.before_shrinking(site, tally);
    }
    post(tally, event, now, epoch);
}

#[inline(always)]
fn post(tally: &Tally, event: Event, now: u64, epoch: Epoch) {
    match event {
        Event::Allocated { bytes } => tally.allocated(bytes, now, epoch),
        Event::Freed { bytes } => tally.freed(bytes, now, epoch),
        Event::Resized { old, new } => tally.resized(old, new, epoch),
    }
}

/// Another thread owns the site: this one's share is in its arena.
#[inline(never)]
fn post_share(thread: &Thread, site: u32, event: Event, now: u64, epoch: Epoch) {
    let (arena, sites, lock) = (thread.arena, &thread.sites, &thread.slot.flushing);
    let share = arena.share(site, epoch, sites, lock);
    post(share, event, now, epoch);
    arena.settle(share, thread.slot.front.step(), epoch, sites, lock);
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
        post_own(thread, site, tally, event, now, epoch);
    }
}
