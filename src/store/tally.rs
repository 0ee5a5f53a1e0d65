//! The numbers of one site, or a thread's share of them: eight words, one cache line.
//!
//! A tally has one writer at a time. Shares add up: a site's numbers are the sum of its
//! owner's tally, its shared tally and the threads' pending ones, each number by itself.
//!
//! # At-peak values without scanning
//!
//! The heap's *epoch* is raised when the heap first shrinks after a maximum. A tally that changes
//! for the first time in a later epoch saves its live values first: they are its values at that
//! maximum. (A share saves them in itself; a site's own tally, which notes the site's own maximum
//! there, in the site's record.) So at any time
//!
//! ```text
//! value at the peak = live    if the heap is at its maximum now, or
//!                             if the tally was not changed since (epoch differs)
//!                     saved   otherwise
//! ```
//!
//! # Lifetimes without birth times
//!
//! The sum of lifetimes is (sum of times of frees) - (sum of times of allocations); live blocks
//! count as freed at the end. `time` collects both, wrapping, so no block stores its time of
//! allocation.
//!
//! Where blocks are sampled, all numbers are [estimates](crate::store::sampling).

use crate::base::sync::amount::Amount;
use crate::base::sync::word::{Pair, Word, store_pair};
use crate::base::sync::{AtomicU32, Ordering, own};
use crate::store::ids::SiteId;
use crate::store::sampling::{BLOCK_SHIFT, Estimate};

/// See the module's description.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Tally {
    /// The epoch of the last change.
    epoch: AtomicU32,
    /// In a thread's arena: the site whose share this is. In a site's own tally: a copy of the
    /// owner's word as the site was made, if it counts for no group. Else 0.
    site: AtomicU32,
    /// Ever allocated; a reallocation adds its whole new size and one block.
    pub(crate) total: Pair,
    /// Ever freed; a reallocation adds its whole old size and one block.
    pub(crate) freed: Pair,
    /// Sum of times of frees minus sum of times of allocations, in clock units, wrapping.
    pub(crate) time: Word,
    /// In a site's own tally the most bytes the site had live at once, as of the last time it
    /// shrank from there, and its blocks then; elsewhere the live values before the epoch's first
    /// change.
    noted: Pair,
}

const _: () = assert!(size_of::<Tally>() == 64, "one cache line; the recording's format");

/// The heap's epoch, as far as a tally keeps it. It may wrap: a tally would have to rest for
/// a multiple of 2^32 epochs, neither more nor less, to be misled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u32);

impl Epoch {
    #[inline(always)]
    pub(crate) fn new(number: u64) -> Self {
        Epoch(number as u32)
    }
}

/// The numbers of any tally.
impl Tally {
    /// Bytes live; in a share it may be negative.
    #[inline(always)]
    pub(crate) fn live_bytes(&self) -> i64 {
        self.total.bytes.get().wrapping_sub(self.freed.bytes.get()).cast_signed()
    }

    /// Blocks live; in a share it may be negative.
    #[inline(always)]
    pub(crate) fn live_blocks(&self) -> i64 {
        self.total.blocks.get().wrapping_sub(self.freed.blocks.get()).cast_signed()
    }

    /// Counts an allocated block.
    #[inline(always)]
    pub(crate) fn count_allocated(&self, bytes: u64, now: u64) {
        self.add_allocated(Amount::block(bytes), now);
    }

    /// Counts a freed block.
    #[inline(always)]
    pub(crate) fn count_freed(&self, bytes: u64, now: u64) {
        self.freed.write(self.freed.read().plus(Amount::block(bytes)));
        self.time.add(now);
    }

    /// Counts a new block, an amount of one, at this time.
    #[inline(always)]
    pub(crate) fn add_allocated(&self, block: Amount, now: u64) {
        store_pair!(self, Tally, total, self.total.read().plus(block));
        self.time.add(now.wrapping_neg());
    }

    /// Notes the maximum of a site's own tally, and then counts a freed block, an amount of one.
    #[inline(always)]
    pub(crate) fn note_and_add_freed(&self, block: Amount, now: u64) {
        let freed = self.freed.read();
        let live = self.total.read().minus(freed);
        // Others note a maximum there, too.
        if live.bytes().cast_signed() >= self.noted.bytes.get().cast_signed() {
            store_pair!(self, Tally, noted, live);
        }
        store_pair!(self, Tally, freed, freed.plus(block));
        self.time.add(now);
    }

    /// Counts an allocated block that stands for others.
    pub(crate) fn count_allocated_sample(&self, estimate: Estimate, now: u64) {
        self.total.add(estimate.bytes, estimate.blocks);
        self.time.add((now >> BLOCK_SHIFT).wrapping_mul(estimate.blocks).wrapping_neg());
    }

    /// Counts a freed block that stands for others.
    pub(crate) fn count_freed_sample(&self, estimate: Estimate, now: u64) {
        self.freed.add(estimate.bytes, estimate.blocks);
        self.time.add((now >> BLOCK_SHIFT).wrapping_mul(estimate.blocks));
    }

    /// Counts a resized block, whose lifetime goes on.
    #[inline(always)]
    pub(crate) fn count_resized(&self, old: u64, new: u64) {
        self.total.add(new, 1);
        self.freed.add(old, 1);
    }

    #[inline(always)]
    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn set_epoch(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Relaxed);
    }

    /// The tally's live values at the heap's latest peak, if they differ from those of now.
    fn at_peak_or(&self, saved: (i64, i64), epoch: Epoch, heap_is_at_peak: bool) -> (i64, i64) {
        if heap_is_at_peak || self.epoch() != epoch {
            (self.live_bytes(), self.live_blocks())
        } else {
            saved
        }
    }
}

/// A site's own tally: one thread owns it.
impl Tally {
    /// The place of the copy of the owner's word.
    pub(crate) const OWNER: usize = core::mem::offset_of!(Tally, site);

    /// Keeps a copy of the owner's word; 0: of none.
    pub(crate) fn set_owner(&self, word: u32) {
        self.site.store(word, Ordering::Relaxed);
    }

    /// True if the tally was changed in this epoch already. Only its one writer may call this.
    #[inline(always)]
    pub(crate) fn is_of(&self, epoch: Epoch) -> bool {
        // SAFETY: no other thread stores there.
        epoch.0 == unsafe { own(&self.epoch) }
    }

    /// The most bytes the site had live at once, and its blocks at that moment, as far as noted.
    pub(crate) fn max(&self) -> (i64, i64) {
        self.noted.get_signed()
    }

    /// Bytes and blocks of that maximum, in one word.
    pub(crate) fn note_max_of(&self, (bytes, blocks): (i64, i64)) {
        self.note_max(bytes, blocks);
    }

    /// Notes the site's live values as its maximum, if they are not below the one noted.
    ///
    /// Two threads may note at the same time only where both have pending shares of the site;
    /// then the maximum is within a step of the truth either way.
    #[inline(always)]
    pub(crate) fn note_max(&self, bytes: i64, blocks: i64) {
        if bytes >= self.noted.bytes.get().cast_signed() {
            self.noted.set_signed(bytes, blocks);
        }
    }

    /// Called before the tally changes: at the first change of the epoch it has the live values
    /// saved, and only then notes the epoch. A thread killed in between has not changed the tally
    /// yet.
    #[inline(always)]
    pub(crate) fn begin_epoch(&self, epoch: Epoch, save: impl FnOnce(i64, i64)) {
        if self.epoch() != epoch {
            save(self.live_bytes(), self.live_blocks());
            self.set_epoch(epoch);
        }
    }

    /// Bytes and blocks at the heap's latest peak. `saved` is what `begin_epoch` gave last.
    pub(crate) fn own_at_peak(
        &self,
        saved: (i64, i64),
        epoch: Epoch,
        heap_is_at_peak: bool,
    ) -> (i64, i64) {
        self.at_peak_or(saved, epoch, heap_is_at_peak)
    }
}

/// A share in a thread's arena, or the sum of a site's flushed ones.
impl Tally {
    /// The site whose share this is.
    #[inline(always)]
    pub(crate) fn site(&self) -> SiteId {
        SiteId::new(self.site.load(Ordering::Relaxed))
    }

    /// Begins an empty share of `site`.
    pub(crate) fn begin(&self, site: SiteId, epoch: Epoch) {
        for pair in [&self.total, &self.freed, &self.noted] {
            pair.set(0, 0);
        }
        self.time.set(0);
        self.set_epoch(epoch);
        self.site.store(site.number(), Ordering::Relaxed);
    }

    /// Becomes a copy of another tally.
    pub(crate) fn keep(&self, other: &Tally) {
        self.keep_totals(other);
        self.time.set(other.time.get());
        let (bytes, blocks) = other.noted.get();
        self.noted.set(bytes, blocks);
        self.set_epoch(other.epoch());
        self.site.store(other.site().number(), Ordering::Relaxed);
    }

    /// Takes over the bytes and blocks of another tally.
    #[inline(always)]
    pub(crate) fn keep_totals(&self, other: &Tally) {
        for (own, others) in [(&self.total, &other.total), (&self.freed, &other.freed)] {
            let (bytes, blocks) = others.get();
            own.set(bytes, blocks);
        }
    }

    /// Saves the live values if this is the first change of the epoch.
    #[inline(always)]
    pub(crate) fn touch(&self, epoch: Epoch) {
        self.begin_epoch(epoch, |bytes, blocks| self.noted.set_signed(bytes, blocks));
    }

    /// Adds a share, whose values at the peak are kept as they were. The share is to be begun
    /// anew afterwards.
    pub(crate) fn absorb(&self, share: &Tally, epoch: Epoch) {
        let (bytes, blocks) = share.at_peak(epoch, false);
        self.touch(epoch);
        for (sum, part) in [(&self.total, &share.total), (&self.freed, &share.freed)] {
            let (bytes, blocks) = part.get();
            sum.add(bytes, blocks);
        }
        self.time.add(share.time.get());
        self.noted.add(bytes.cast_unsigned(), blocks.cast_unsigned());
    }

    /// Bytes and blocks at the heap's latest peak.
    pub(crate) fn at_peak(&self, epoch: Epoch, heap_is_at_peak: bool) -> (i64, i64) {
        self.at_peak_or(self.noted.get_signed(), epoch, heap_is_at_peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(n: u64) -> Epoch {
        Epoch::new(n)
    }

    #[test]
    fn a_tally_remembers_what_it_had_when_the_epoch_was_raised() {
        let tally = Tally::default();
        tally.touch(epoch(1));
        tally.count_allocated(100, 5);
        tally.count_allocated(50, 6);
        assert_eq!(tally.at_peak(epoch(1), true), (150, 2), "at the peak now");
        // The heap shrinks: epoch 2. This tally is not touched until later.
        assert_eq!(tally.at_peak(epoch(2), false), (150, 2), "unchanged since");
        tally.touch(epoch(2));
        tally.count_freed(100, 9);
        tally.touch(epoch(2));
        tally.count_allocated(7, 9);
        assert_eq!(tally.at_peak(epoch(2), false), (150, 2), "saved before the change");
        assert_eq!((tally.live_bytes(), tally.live_blocks()), (57, 2));
    }

    #[test]
    fn lifetimes_are_deaths_minus_births() {
        let tally = Tally::default();
        tally.count_allocated(8, 10);
        tally.count_allocated(8, 20);
        tally.count_resized(8, 16);
        tally.count_freed(16, 25);
        let end = 100;
        let live = tally.live_blocks().cast_unsigned();
        assert_eq!(tally.time.get().wrapping_add(end * live), 15 + 80);
        assert_eq!(tally.total.get(), (32, 3));
    }

    #[test]
    fn shares_add_up_at_the_peak_too() {
        let (site, share) = (Tally::default(), Tally::default());
        site.touch(epoch(1));
        site.count_allocated(1000, 0);
        share.begin(SiteId::new(5), epoch(1));
        assert_eq!(share.site(), SiteId::new(5));
        share.count_allocated(10, 0);
        // Peak here: 1010 bytes. Then the share shrinks and is given to the site.
        share.touch(epoch(2));
        share.count_freed(10, 1);
        share.count_freed(300, 1);
        site.absorb(&share, epoch(2));
        assert_eq!(site.at_peak(epoch(2), false), (1010, 2));
        assert_eq!(site.live_bytes(), 700);
    }

    #[test]
    fn an_untouched_share_gives_its_live_values_to_the_peak() {
        let (site, share) = (Tally::default(), Tally::default());
        share.begin(SiteId::new(5), epoch(1));
        share.count_allocated(10, 0);
        site.touch(epoch(2)); // after the peak
        site.count_allocated(1, 0);
        site.absorb(&share, epoch(2));
        assert_eq!(site.at_peak(epoch(2), false), (10, 1));
    }
}
