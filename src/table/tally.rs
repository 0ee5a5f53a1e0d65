//! The numbers of one site, or a thread's share of them: eight words, one cache line.
//!
//! A tally has one writer at a time. Shares add up: a site's numbers are the sum of its
//! owner's tally, its shared tally and the threads' pending ones, each number by itself.
//!
//! # At-peak values without scanning
//!
//! The heap's *epoch* is raised when the heap first shrinks after a maximum. A tally that
//! changes for the first time in a later epoch saves its live values first: they are what
//! it had at that maximum. So at any time
//!
//! ```text
//! value at the peak = live    if the heap is at its maximum now, or
//!                             if the tally was not changed since (epoch differs)
//!                     saved   otherwise
//! ```
//!
//! # Lifetimes without birth times
//!
//! The sum of lifetimes is (sum of times of death) - (sum of times of birth), live
//! blocks dying at the end. `time` collects both, wrapping; a block needs no birth time of its own.

use crate::sync::word::{Signed, Word};

/// Bits of [`Tally::epoch`]'s word that hold the epoch; the rest names the site, in an arena.
const EPOCH_BITS: u32 = 40;

/// See the module's description.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Tally {
    /// Low 40 bits: the epoch of the last change. High 24: the site whose share this is, in a
    /// thread's arena; 0 elsewhere.
    label: Word,
    /// Bytes ever allocated.
    pub(crate) total_bytes: Word,
    /// Blocks ever allocated.
    pub(crate) total_blocks: Word,
    /// Sum of times of death minus sum of times of birth, in clock units, wrapping.
    pub(crate) time: Word,
    /// Bytes live; in a share it may be negative.
    pub(crate) live_bytes: Signed,
    /// Blocks live; in a share it may be negative.
    pub(crate) live_blocks: Signed,
    saved_bytes: Signed,
    saved_blocks: Signed,
}

const _: () = assert!(size_of::<Tally>() == 64, "one cache line; the recording's format");

/// The heap's epoch, as far as a tally keeps it. It may wrap: a tally would have to rest for
/// exactly 2^40 epochs to be misled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl Epoch {
    #[inline(always)]
    pub(crate) fn new(number: u64) -> Self {
        Epoch(number & ((1 << EPOCH_BITS) - 1))
    }
}

impl Tally {
    /// The site whose share this is.
    #[inline(always)]
    pub(crate) fn site(&self) -> u32 {
        (self.label.get() >> EPOCH_BITS) as u32
    }

    /// Begins an empty share of `site`.
    pub(crate) fn begin(&self, site: u32, epoch: Epoch) {
        for word in [&self.total_bytes, &self.total_blocks, &self.time] {
            word.set(0);
        }
        for word in [&self.live_bytes, &self.live_blocks, &self.saved_bytes, &self.saved_blocks] {
            word.set(0);
        }
        self.label.set(u64::from(site) << EPOCH_BITS | epoch.0);
    }

    /// Saves the live values if this is the first change of the epoch.
    #[inline(always)]
    fn touch(&self, epoch: Epoch) {
        let label = self.label.get();
        if label & ((1 << EPOCH_BITS) - 1) != epoch.0 {
            self.saved_bytes.set(self.live_bytes.get());
            self.saved_blocks.set(self.live_blocks.get());
            self.label.set(label >> EPOCH_BITS << EPOCH_BITS | epoch.0);
        }
    }

    /// A block was born.
    #[inline(always)]
    pub(crate) fn allocated(&self, bytes: u64, now: u64, epoch: Epoch) {
        self.touch(epoch);
        self.total_bytes.add(bytes);
        self.total_blocks.add(1);
        self.time.add(now.wrapping_neg());
        self.live_bytes.add(bytes.cast_signed());
        self.live_blocks.add(1);
    }

    /// A block died.
    #[inline(always)]
    pub(crate) fn freed(&self, bytes: u64, now: u64, epoch: Epoch) {
        self.touch(epoch);
        self.time.add(now);
        self.live_bytes.add(bytes.cast_signed().wrapping_neg());
        self.live_blocks.add(-1);
    }

    /// A block changed its size: one more block and the whole new size ever allocated,
    /// the difference live; the lifetime goes on.
    #[inline(always)]
    pub(crate) fn resized(&self, old: u64, new: u64, epoch: Epoch) {
        self.touch(epoch);
        self.total_bytes.add(new);
        self.total_blocks.add(1);
        self.live_bytes.add(new.cast_signed().wrapping_sub(old.cast_signed()));
    }

    /// Adds a share, whose values at the peak are kept as they were. The share is to be begun
    /// anew afterwards.
    pub(crate) fn absorb(&self, share: &Tally, epoch: Epoch) {
        let (bytes, blocks) = share.at_peak(epoch, false);
        self.touch(epoch);
        self.total_bytes.add(share.total_bytes.get());
        self.total_blocks.add(share.total_blocks.get());
        self.time.add(share.time.get());
        self.live_bytes.add(share.live_bytes.get());
        self.live_blocks.add(share.live_blocks.get());
        self.saved_bytes.add(bytes);
        self.saved_blocks.add(blocks);
    }

    /// Bytes and blocks at the heap's latest peak.
    pub(crate) fn at_peak(&self, epoch: Epoch, heap_is_at_peak: bool) -> (i64, i64) {
        let unchanged = self.label.get() & ((1 << EPOCH_BITS) - 1) != epoch.0;
        if heap_is_at_peak || unchanged {
            (self.live_bytes.get(), self.live_blocks.get())
        } else {
            (self.saved_bytes.get(), self.saved_blocks.get())
        }
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
        tally.allocated(100, 5, epoch(1));
        tally.allocated(50, 6, epoch(1));
        assert_eq!(tally.at_peak(epoch(1), true), (150, 2), "at the peak now");
        // The heap shrinks: epoch 2. This tally is not touched until later.
        assert_eq!(tally.at_peak(epoch(2), false), (150, 2), "unchanged since");
        tally.freed(100, 9, epoch(2));
        tally.allocated(7, 9, epoch(2));
        assert_eq!(tally.at_peak(epoch(2), false), (150, 2), "saved before the change");
        assert_eq!((tally.live_bytes.get(), tally.live_blocks.get()), (57, 2));
    }

    #[test]
    fn lifetimes_are_deaths_minus_births() {
        let tally = Tally::default();
        tally.allocated(8, 10, epoch(0));
        tally.allocated(8, 20, epoch(0));
        tally.resized(8, 16, epoch(0));
        tally.freed(16, 25, epoch(0));
        let end = 100;
        let live = tally.live_blocks.get().cast_unsigned();
        assert_eq!(tally.time.get().wrapping_add(end * live), 15 + 80);
        assert_eq!((tally.total_bytes.get(), tally.total_blocks.get()), (32, 3));
    }

    #[test]
    fn shares_add_up_at_the_peak_too() {
        let (site, share) = (Tally::default(), Tally::default());
        site.allocated(1000, 0, epoch(1));
        share.begin(5, epoch(1));
        assert_eq!(share.site(), 5);
        share.allocated(10, 0, epoch(1));
        // Peak here: 1010 bytes. Then the share shrinks and is given to the site.
        share.freed(10, 1, epoch(2));
        share.freed(300, 1, epoch(2));
        site.absorb(&share, epoch(2));
        assert_eq!(site.at_peak(epoch(2), false), (1010, 2));
        assert_eq!(site.live_bytes.get(), 700);
    }

    #[test]
    fn an_untouched_share_gives_its_live_values_to_the_peak() {
        let (site, share) = (Tally::default(), Tally::default());
        share.begin(5, epoch(1));
        share.allocated(10, 0, epoch(1));
        site.allocated(1, 0, epoch(2)); // after the peak
        site.absorb(&share, epoch(2));
        assert_eq!(site.at_peak(epoch(2), false), (10, 1));
    }
}
