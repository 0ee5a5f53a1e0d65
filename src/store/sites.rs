//! Call sites: one dense record per stack that has allocated.

#[cfg(feature = "backtraces")]
use core::ptr::NonNull;

use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::word::Pair;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, wait_turn};
use crate::store::frames::{Frames, ROOT_TABLE_FULL};
use crate::store::ids::{FrameId, GroupId, NO_GROUP, SiteId, ThreadIndex};
use crate::store::journal::Journal;
use crate::store::tally::{Epoch, Tally};

/// No site: the block is not recorded.
pub(crate) const NO_SITE: SiteId = SiteId::new(0);
/// The site of all events that found the table full, if recording has gone on since the start. Each
/// [window](crate::engine::windows) has one of its own, and only the sites from there on are of
/// that window.
pub(crate) const TABLE_FULL: SiteId = SiteId::new(1);
/// The first site that is a stack.
pub(crate) const FIRST_SITE: SiteId = SiteId::new(2);

/// Value of a frame's site word while one thread makes the site.
const IN_THE_MAKING: SiteId = SiteId::new(u32::MAX);

/// The part of a site that events seldom touch.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Record {
    /// The stack's innermost frame.
    pub(crate) frame: AtomicU32,
    /// Held while the shared tally changes.
    pub(crate) lock: SpinLock,
    /// Live in the owner's tally before the epoch's first change.
    saved: Pair,
}

const _: () = assert!(size_of::<Record>() == 24, "the recording's format");

impl Record {
    /// Live values of the owner's tally before the epoch's first change.
    pub(crate) fn saved(&self) -> (i64, i64) {
        self.saved.get_signed()
    }
}

/// The thread that writes a site's own tally, and the group that the site counts for. Read at every
/// event and hardly ever written, so it does not lie in a line that the owner writes: other threads
/// would wait for that line each time. A thread that is the only one reads the
/// [copy](Tally::OWNER) in the tally, which it writes then, and so one line less.
///
/// ```text
///  31      30            11 10         0
/// +-------+----------------+------------+
/// | shared|     group      | thread + 1 |   shared: others than the owner have changed the site
/// +-------+----------------+------------+   group 0: none
/// ```
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Owner(AtomicU32);

impl Owner {
    const SHARED: u32 = 1 << 31;
    const THREAD_BITS: u32 = 11;
    const THREAD: u32 = (1 << Self::THREAD_BITS) - 1;

    /// Gives the site to the thread with that slot, and to a group.
    fn give_to(&self, thread: ThreadIndex, group: GroupId) {
        // Relaxed: published by the Release in `make` (or before any thread runs).
        let group = (group.number() << Self::THREAD_BITS) & !Self::SHARED;
        self.0.store(group | (thread.number() + 1), Ordering::Relaxed);
    }

    /// True if the thread with that slot owns the site.
    #[inline(always)]
    pub(crate) fn is(&self, thread: ThreadIndex) -> bool {
        self.0.load(Ordering::Relaxed) & Self::THREAD == thread.number() + 1
    }

    /// The word of a site that the thread with that slot owns, that no other has changed, and that
    /// counts for no group.
    pub(crate) fn word_of(thread: ThreadIndex) -> u32 {
        thread.number() + 1
    }

    /// True if the site's word is this one.
    #[inline(always)]
    pub(crate) fn has_word(&self, word: u32) -> bool {
        self.0.load(Ordering::Relaxed) == word
    }

    /// True if it is the site's word, whether others than the owner have changed the site or not.
    #[inline(always)]
    pub(crate) fn has_word_or_shares(&self, word: u32) -> bool {
        self.0.load(Ordering::Relaxed) & !Self::SHARED == word
    }

    /// The group that the site counts for; 0: none.
    #[inline(always)]
    pub(crate) fn group(&self) -> GroupId {
        GroupId::new((self.0.load(Ordering::Relaxed) & !Self::SHARED) >> Self::THREAD_BITS)
    }

    /// True if there is no owner: the site was never made, or its owner's word is lost.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Self::THREAD == 0
    }

    /// True if another thread than the owner has changed the site.
    #[inline(always)]
    pub(crate) fn is_shared(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Self::SHARED != 0
    }

    /// Says that another thread than the owner has changed the site.
    fn share(&self) {
        if !self.is_shared() {
            self.0.fetch_or(Self::SHARED, Ordering::Relaxed);
        }
    }
}

/// The thread and group that a site is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maker {
    /// The thread's slot.
    pub(crate) thread: ThreadIndex,
    /// The thread's group; 0: none.
    pub(crate) group: GroupId,
    /// True if its stacks count for the group that go through no test's start, too.
    pub(crate) whole: bool,
    /// The present window's site of events that find the table full; older sites are not used any
    /// more.
    pub(crate) first: SiteId,
}

impl Maker {
    /// The group that a site counts for whose stack ends in `frame`.
    pub(crate) fn group_of(&self, frames: &Frames, frame: FrameId) -> GroupId {
        let counts = self.group != NO_GROUP
            && crate::store::test_starts::is_the_groups(frames, frame, self.whole);
        if counts { self.group } else { NO_GROUP }
    }
}

/// The words that a thread reads for owners: this table's, or the copies in the tallies.
#[cfg(feature = "backtraces")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnerWords {
    first: NonNull<Owner>,
    /// The distance of two words, as a power of two.
    shift: u32,
}

#[cfg(feature = "backtraces")]
impl OwnerWords {
    /// Those of all threads.
    pub(crate) fn of_table(sites: &Sites) -> Self {
        OwnerWords { first: NonNull::from(sites.owners).cast(), shift: size_of::<Owner>().ilog2() }
    }

    /// Those of the only thread: the word of a site that no other thread may change.
    pub(crate) fn of_tallies(sites: &Sites) -> Self {
        let tallies = NonNull::from(sites.tallies).cast::<u8>();
        // SAFETY: inside the first tally, or of an empty table, where nothing is read.
        let first = unsafe { tallies.add(Tally::OWNER) }.cast();
        OwnerWords { first, shift: size_of::<Tally>().ilog2() }
    }

    /// The word of a site.
    ///
    /// # Safety
    ///
    /// The table must have a tally of the site.
    #[inline(always)]
    pub(crate) unsafe fn of(&self, site: SiteId) -> &'static Owner {
        // SAFETY: there are as many owners as tallies; each of the words is an atomic number, as
        // an owner is.
        unsafe { self.first.byte_add(site.index() << self.shift).as_ref() }
    }
}

/// Shared state of the sites, in the recording's header.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct SitesHead {
    /// Ids given out, the special ones included.
    pub(crate) count: AtomicU32,
    /// The first site of the latest window; 0: that is [`TABLE_FULL`].
    pub(crate) first: AtomicU32,
    /// When that window was opened, in clock units.
    pub(crate) opened: AtomicU64,
}

/// A view of the sites in the mapping. All slices have the same length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sites {
    pub(crate) head: &'static SitesHead,
    pub(crate) owners: &'static [Owner],
    /// Written by the owner alone.
    pub(crate) tallies: &'static [Tally],
    /// Written by others than the owner, under the record's lock.
    pub(crate) shared: &'static [Tally],
    pub(crate) records: &'static [Record],
    /// True if memory has room for N sites.
    pub(crate) room: fn(u32) -> bool,
}

impl Sites {
    /// Makes the special sites in an empty table.
    pub(crate) fn initialize(&self) {
        self.head.count.store(FIRST_SITE.number(), Ordering::Relaxed);
        self.describe(TABLE_FULL, ROOT_TABLE_FULL, ThreadIndex::new(0), NO_GROUP);
    }

    fn describe(&self, site: SiteId, frame: FrameId, thread: ThreadIndex, group: GroupId) {
        let (Some(record), Some(owner)) =
            (self.records.get(site.index()), self.owners.get(site.index()))
        else {
            return;
        };
        // Relaxed: published by the Release in `make` (or before any thread runs).
        record.frame.store(frame.number(), Ordering::Relaxed);
        owner.give_to(thread, group);
        if let Some(tally) = self.tallies.get(site.index()) {
            tally.set_owner(if group == NO_GROUP { Owner::word_of(thread) } else { 0 });
        }
    }

    /// The site of the stack that ends in `frame`; made, for `maker`, if there is none.
    #[inline(always)]
    pub(crate) fn of(&self, frames: &Frames, frame: FrameId, maker: Maker) -> SiteId {
        let Some(word) = frames.site(frame) else { return maker.first };
        // Acquire pairs with the Release in `make`: the record and its owner are seen.
        let site = SiteId::new(word.load(Ordering::Acquire));
        if site >= maker.first && site != IN_THE_MAKING {
            return site;
        }
        // Inside the gate, so that a fork never copies a site in the making.
        let _passing = frames.pass();
        self.make(frames, word, frame, maker)
    }

    #[cold]
    fn make(&self, frames: &Frames, word: &AtomicU32, frame: FrameId, maker: Maker) -> SiteId {
        let mut turn = 0;
        let mut before = NO_SITE;
        loop {
            match word.compare_exchange(
                before.number(),
                IN_THE_MAKING.number(),
                Ordering::Relaxed,
                Ordering::Acquire, // pairs with the Release below
            ) {
                Ok(_) => {
                    let site = self.next_id();
                    if let Some(site) = site {
                        self.describe(site, frame, maker.thread, maker.group_of(frames, frame));
                    }
                    // Release pairs with the Acquire in `of`: the record is seen.
                    word.store(site.unwrap_or(NO_SITE).number(), Ordering::Release);
                    return site.unwrap_or(maker.first);
                }
                Err(found) => match SiteId::new(found) {
                    IN_THE_MAKING => wait_turn(&mut turn),
                    site if site >= maker.first => return site,
                    site => before = site,
                },
            }
        }
    }

    /// A new id, if there is one.
    fn next_id(&self) -> Option<SiteId> {
        let capacity = self.records.len() as u32;
        self.head
            .count
            // Relaxed: the id is unique by the exchange itself; `make` publishes the record.
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                (n < capacity && (self.room)(n + 1)).then(|| n + 1)
            })
            .ok()
            .map(SiteId::new)
    }

    #[cfg(feature = "dhat-compat")]
    /// Begins a window, with a site for events that find the table full. If that site finds no
    /// room, its number is that of no site, and only the heap's own numbers go on.
    pub(crate) fn begin_window(&self, now: u64) -> SiteId {
        let first = self.next_id().unwrap_or_else(|| {
            // No two windows share this number, or one window would know the other's blocks.
            let last = self.head.first.load(Ordering::Relaxed).max(self.records.len() as u32);
            SiteId::new(last + 1)
        });
        self.describe(first, ROOT_TABLE_FULL, ThreadIndex::new(0), NO_GROUP);
        self.head.opened.store(now, Ordering::Relaxed);
        self.head.first.store(first.number(), Ordering::Relaxed);
        first
    }

    /// True if no site can be added any more.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.head.count.load(Ordering::Relaxed) as usize >= self.records.len()
    }
}

impl Sites {
    /// Adds a share of a site to its shared tally and looks whether the site is at its own maximum.
    /// With `then` the share is begun anew: for a reader of the journal both are one change.
    pub(crate) fn flush(
        &self,
        share: &Tally,
        epoch: Epoch,
        journal: &Journal,
        then: Option<impl FnOnce()>,
    ) {
        let site = share.site().index();
        let (Some(record), Some(owner)) = (self.records.get(site), self.owners.get(site)) else {
            return;
        };
        let (Some(shared), Some(own)) = (self.shared.get(site), self.tallies.get(site)) else {
            return;
        };
        let _held = record.lock.lock();
        owner.share();
        let live = || {
            let bytes = own.live_bytes() + shared.live_bytes();
            (bytes, own.live_blocks() + shared.live_blocks())
        };
        own.note_max_of(live());
        journal.flush(share, shared, then.is_some(), || {
            shared.absorb(share, epoch);
            if let Some(then) = then {
                then();
            }
        });
        own.note_max_of(live());
    }

    /// Saves the owner's live values before it changes its tally, if this is the first change of
    /// the epoch.
    #[inline(always)]
    pub(crate) fn touch(&self, site: SiteId, own: &Tally, epoch: Epoch) {
        own.begin_epoch(epoch, |bytes, blocks| {
            if let Some(record) = self.records.get(site.index()) {
                record.saved.set_signed(bytes, blocks);
            }
        });
    }

    /// Notes the site's own maximum before the owner takes bytes from the site, if the site is at
    /// that maximum.
    #[inline(always)]
    pub(crate) fn before_shrinking(&self, site: SiteId, own: &Tally) {
        let (mut bytes, mut blocks) = (own.live_bytes(), own.live_blocks());
        if self.owners.get(site.index()).is_some_and(Owner::is_shared) {
            let Some(shared) = self.shared.get(site.index()) else { return };
            bytes += shared.live_bytes();
            blocks += shared.live_blocks();
        }
        own.note_max(bytes, blocks);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_others_have_changed_still_has_its_owner() {
        let owner = Owner::default();
        let [four, five] = [4, 5].map(ThreadIndex::new);
        let word = Owner::word_of(five);
        owner.give_to(five, NO_GROUP);
        assert!(owner.is(five) && !owner.is(four) && owner.has_word(word) && !owner.is_shared());
        owner.share();
        assert!(owner.is(five) && !owner.has_word(word) && owner.is_shared());
        assert!(owner.has_word_or_shares(word));
        owner.give_to(five, GroupId::new(77));
        assert!(owner.is(five) && !owner.has_word_or_shares(word) && !owner.is_shared());
        owner.share();
        assert_eq!(
            (owner.group(), owner.is(five), owner.is_shared()),
            (GroupId::new(77), true, true)
        );
    }
}
