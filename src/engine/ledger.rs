//! One event in the books: the thread's front, then the site's tally.
//!
//! ```text
//!  event ──▶ timeline: if its interval has ended, a sample of the heap before the event
//!       ├──▶ front: the thread's bytes and blocks, its limits for a peak
//!       ├──▶ histograms: the thread's blocks by their sizes
//!       └──▶ tally of the site ─ this thread's, nothing to save ─▶ plain stores
//!                              ├ this thread's, a new epoch ─────▶ the old values are saved first
//!                              ├ another thread's ───────────────▶ a share in the arena
//!                              └ another thread's, no arena ─────▶ straight to the site
//! ```
//!
//! Most events take the first way: a site belongs to the thread that made it, and is mostly used by
//! it. A share waits in the thread's arena, and readers add what waits there.
//!
//! Where blocks are sampled, an event of a sampled block counts its
//! [estimate](crate::store::sampling) at the site, and an unsampled one has no site.
//!
//! In exact mode all threads enter one front and one tally per site under the heap's lock, so each
//! peak is that of the whole heap, event by event.
//!
//! Freed bytes go to the front first, because that may raise the epoch, and the tally must save
//! what it had before the heap left its maximum.

use crate::base::os::clock::monotonic_micros;
use crate::base::sync::Ordering;
use crate::engine::session::Session;
use crate::engine::thread::Thread;
use crate::engine::timeline;
use crate::store::arena::flush_alone;
use crate::store::group::{Group, NO_GROUP, for_each_around};
use crate::store::histograms::Histograms;
use crate::store::ids::SiteId;
use crate::store::journal::{Journal, RESIZING_OWN, RESIZING_SHARE};
use crate::store::peak::{EXACT, Front, Heap};
use crate::store::sampling::Rate;
use crate::store::sites::Owner;
use crate::store::tally::{Epoch, Tally};

mod estimated;

use estimated::enter_sampled;
pub(crate) use estimated::{Estimated, enter_estimate};

/// An event of a block. Each kind is a type, so that no code asks for the kind at run time.
pub(crate) trait Event: Copy {
    /// True if the site has fewer live bytes afterwards.
    fn shrinks(self) -> bool;

    /// Tells a thread's front, which looks at its limits.
    fn tell(self, front: &Front, now: u64, heap: &Heap);

    /// Counts in a front, and looks at no limits: a peak is found elsewhere, or not at all.
    fn count_in_front(self, front: &Front);

    /// Counts in the thread's histograms.
    fn count_in_histograms(self, histograms: &Histograms, now: u64);

    /// Counts at the site.
    fn count(self, tally: &Tally, now: u64);

    /// Counts at a tally of a site, `kind` saying which, so that no reader ever sees it half done.
    /// A resize changes several words; the journal has them written again if the writer is killed
    /// between two of them. Other events are safe by the order of their stores.
    #[inline(always)]
    fn count_whole(self, tally: &Tally, now: u64, _at: (&Journal, u32, SiteId)) {
        self.count(tally, now);
    }

    /// Counts for a group, whose words all its threads share.
    fn count_for(self, group: &Group);

    /// The part that a sampled block of such an event counts at its site; `None`: the event has
    /// parts of two sites.
    fn estimate(self, rate: Rate) -> Option<Estimated>;
}

/// A block of `bytes` was allocated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocated {
    pub(crate) bytes: u64,
}

/// A block of `bytes` was freed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freed {
    pub(crate) bytes: u64,
}

/// A block was freed that keeps its birth, in units of the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreedTimed {
    pub(crate) freed: Freed,
    pub(crate) born: u64,
}

/// A block was resized from `old` to `new` bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resized {
    pub(crate) old: u64,
    pub(crate) new: u64,
}

impl Event for Allocated {
    #[inline(always)]
    fn shrinks(self) -> bool {
        false
    }

    #[inline(always)]
    fn tell(self, front: &Front, now: u64, heap: &Heap) {
        front.allocated(self.bytes, now, heap);
    }

    fn count_in_front(self, front: &Front) {
        front.count_allocated(self.bytes);
    }

    #[inline(always)]
    fn count_in_histograms(self, histograms: &Histograms, _now: u64) {
        histograms.sizes.count(self.bytes, self.bytes);
    }

    #[inline(always)]
    fn count(self, tally: &Tally, now: u64) {
        tally.count_allocated(self.bytes, now);
    }

    fn count_for(self, group: &Group) {
        group.allocated(self.bytes);
    }

    fn estimate(self, rate: Rate) -> Option<Estimated> {
        Some(Estimated::allocated(rate.estimate(self.bytes)))
    }
}

impl Event for Freed {
    #[inline(always)]
    fn shrinks(self) -> bool {
        true
    }

    #[inline(always)]
    fn tell(self, front: &Front, now: u64, heap: &Heap) {
        front.freed(self.bytes, now, heap);
    }

    fn count_in_front(self, front: &Front) {
        front.count_freed(self.bytes);
    }

    #[inline(always)]
    fn count_in_histograms(self, _histograms: &Histograms, _now: u64) {}

    #[inline(always)]
    fn count(self, tally: &Tally, now: u64) {
        tally.count_freed(self.bytes, now);
    }

    fn count_for(self, group: &Group) {
        group.freed(self.bytes);
    }

    fn estimate(self, rate: Rate) -> Option<Estimated> {
        Some(Estimated::freed(rate.estimate(self.bytes)))
    }
}

impl Event for FreedTimed {
    fn shrinks(self) -> bool {
        self.freed.shrinks()
    }

    fn tell(self, front: &Front, now: u64, heap: &Heap) {
        self.freed.tell(front, now, heap);
    }

    fn count_in_front(self, front: &Front) {
        self.freed.count_in_front(front);
    }

    fn count_in_histograms(self, histograms: &Histograms, now: u64) {
        let micros = monotonic_micros(now.saturating_sub(self.born));
        histograms.lifetimes.count(micros, self.freed.bytes);
    }

    fn count(self, tally: &Tally, now: u64) {
        self.freed.count(tally, now);
    }

    fn count_for(self, group: &Group) {
        self.freed.count_for(group);
    }

    fn estimate(self, rate: Rate) -> Option<Estimated> {
        self.freed.estimate(rate)
    }
}

impl Event for Resized {
    #[inline(always)]
    fn shrinks(self) -> bool {
        self.new < self.old
    }

    #[inline(always)]
    fn tell(self, front: &Front, now: u64, heap: &Heap) {
        front.resized(self.old, self.new, now, heap);
    }

    fn count_in_front(self, front: &Front) {
        front.count_resized(self.old, self.new);
    }

    #[inline(always)]
    fn count_in_histograms(self, histograms: &Histograms, _now: u64) {
        histograms.sizes.count(self.new, self.new);
    }

    #[inline(always)]
    fn count(self, tally: &Tally, _now: u64) {
        tally.count_resized(self.old, self.new);
    }

    #[inline(always)]
    fn count_whole(self, tally: &Tally, now: u64, (journal, kind, site): (&Journal, u32, SiteId)) {
        journal.resize(kind, site, tally, |tally| self.count(tally, now));
    }

    fn count_for(self, group: &Group) {
        group.resized(self.old, self.new);
    }

    fn estimate(self, _: Rate) -> Option<Estimated> {
        None
    }
}

/// Enters an event of a block of `site`.
///
/// The calling thread is inside the hook, so `thread` has no other user. The order matters: the
/// front comes before the tally, for the reason that the module's description gives. An event whose
/// site is beyond the table, as a damaged trailer may say, is entered in the front alone.
#[inline(always)]
pub(crate) fn enter<E: Event>(
    thread: &mut Thread,
    session: &'static Session,
    site: SiteId,
    event: E,
    now: u64,
) {
    let heap = session.heap();
    // One comparison for two rare things.
    if now >= session.header.process.timeline.due.get()
        && enter_slowly(thread, session, site, event, now)
    {
        return;
    }
    let front = &thread.slot.front;
    event.tell(front, now, heap);
    event.count_in_histograms(thread.histograms, now);
    let epoch = Epoch::new(heap.epoch.get());
    let sites = &thread.sites;
    let Some((owner, tally)) = thread.place.books(site) else { return };
    if owner.has_word_or_shares(thread.place.own_word) && tally.is_of(epoch) {
        if event.shrinks() {
            sites.before_shrinking(site, tally);
        }
        event.count_whole(tally, now, (&thread.slot.journal, RESIZING_OWN, site));
    } else {
        enter_elsewhere(thread, site, event, now, epoch);
    }
}

/// Ends the timeline's interval if that is due. True if the event is entered: in Exact mode, and
/// where blocks are sampled.
///
/// Out of line and cold, so that [`enter`] keeps one comparison for it. Those have the due time at
/// 0, so all their events come here.
#[cold]
#[inline(never)]
fn enter_slowly<E: Event>(
    thread: &mut Thread,
    session: &Session,
    site: SiteId,
    event: E,
    now: u64,
) -> bool {
    timeline::end_interval(thread.slot, session, now);
    if session.is_sampled() {
        enter_sampled(thread, session, site, event, now);
        return true;
    }
    let is_exact = is_exact(session);
    if is_exact {
        enter_exactly(thread, session, site, event, now);
    }
    is_exact
}

fn is_exact(session: &Session) -> bool {
    session.heap().mode.load(Ordering::Relaxed) == EXACT
}

/// Counts where the site belongs to another thread, or others have changed it, or it has had no
/// event since the last peak, or it counts for a group.
///
/// An event counts for the site's group, and for each group around that one.
#[inline(never)]
fn enter_elsewhere<E: Event>(thread: &mut Thread, site: SiteId, event: E, now: u64, epoch: Epoch) {
    let Some(owner) = thread.sites.owners.get(site.index()) else { return };
    for_each_around(thread.groups, owner.group(), |group| event.count_for(group));
    if owner.is(thread.index)
        && let Some(own) = thread.sites.tallies.get(site.index())
    {
        return count_own(thread, site, own, event, now, epoch);
    }
    if !thread.has_arena() {
        return flush_at_once(thread, site, event, now, epoch);
    }
    let (arena, sites, journal) = (thread.arena, &thread.sites, &thread.slot.journal);
    let share = arena.share(site, epoch, sites, journal);
    share.touch(epoch);
    event.count_whole(share, now, (journal, RESIZING_SHARE, site));
    arena.settle(share, thread.slot.front.step(), epoch, sites, journal);
}

/// Counts for a thread that has no arena, because there was no room for one.
///
/// The share lives on the stack for this one event. The site's shared words take it at once, by
/// locked additions: right, and slower than an arena's.
#[cold]
fn flush_at_once<E: Event>(thread: &Thread, site: SiteId, event: E, now: u64, epoch: Epoch) {
    let share = Tally::default();
    share.begin(site, epoch);
    event.count(&share, now);
    flush_alone(&share, epoch, &thread.sites, &thread.slot.journal);
}

/// Counts at a tally of this thread's own, after what the peak needs of its old values is saved.
///
/// Values are saved before the change: a peak that was reached with the old ones is read from
/// there.
#[inline(always)]
fn count_own<E: Event>(
    thread: &Thread,
    site: SiteId,
    own: &Tally,
    event: E,
    now: u64,
    epoch: Epoch,
) {
    thread.sites.touch(site, own, epoch);
    if event.shrinks() {
        thread.sites.before_shrinking(site, own);
    }
    event.count_whole(own, now, (&thread.slot.journal, RESIZING_OWN, site));
}

/// Exact mode: one front and one tally per site for all threads, under the heap's lock.
///
/// The thread's own front is counted, too, because the heap figures of threads are made from it.
/// Its limits are not asked: only the front of all threads knows the whole heap.
fn enter_exactly<E: Event>(thread: &Thread, session: &Session, site: SiteId, event: E, now: u64) {
    let heap = session.heap();
    let front = &thread.slot.front;
    let _held = heap.lock.lock();
    event.count_in_front(front);
    event.tell(&heap.exact, now, heap);
    front.take_over_wish(&heap.exact);
    event.count_in_histograms(thread.histograms, now);
    let epoch = Epoch::new(heap.epoch.get());
    let owner = thread.sites.owners.get(site.index());
    let group = owner.map_or(NO_GROUP, Owner::group);
    for_each_around(thread.groups, group, |group| event.count_for(group));
    if let Some(tally) = thread.sites.tallies.get(site.index()) {
        count_own(thread, site, tally, event, now, epoch);
    }
}
