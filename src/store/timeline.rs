//! The heap over time, in the recording: samples of the whole heap, and each site's numbers at some
//! moments.
//!
//! ```text
//!  entry 0     SAMPLE_ENTRIES
//!  ├─ samples ──┼─ log of moments ──┼─ its other half ───┤
//! ```
//!
//! Sample *i* of half *h* is entry 2·*i* + *h*. When a half is full, each two neighbours become one
//! in the other half, and one store makes that half the current one: a reader always finds one
//! whole. The log has halves for the same reason.

use crate::base::sync::AtomicU64;
use crate::base::sync::word::Word;

/// The header's words of the heap over time.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Schedule {
    /// From then on events take the slow way, in clock units: `sample_at`; in Exact mode 0.
    pub(crate) due: Word,
    /// When the present interval ends, in clock units; `u64::MAX`: there is no timeline.
    pub(crate) sample_at: Word,
    /// Length of an interval, in clock units; 0: there is no timeline.
    pub(crate) interval: Word,
    /// The current half of the samples ([`HALF`]), and how many it has.
    pub(crate) samples: AtomicU64,
    /// The current half of the log ([`HALF`]), [`FROM_WITHIN`], and how many entries are written.
    pub(crate) log: AtomicU64,
}

#[cfg(feature = "backtraces")]
mod places {
    use super::Schedule;
    use crate::base::sync::word::{Pair, Signed, Word};
    use crate::base::sync::{AtomicU64, Ordering};

    /// The heap at the end of an interval, 64 bytes. The first of a half is the beginning.
    #[derive(Debug, Default)]
    #[repr(C, align(64))]
    pub(crate) struct Sample {
        /// The interval's end, in clock units.
        pub(crate) end: Word,
        /// The fewest bytes live at once in the interval.
        pub(crate) least: Signed,
        /// The most bytes live at once in the interval.
        pub(crate) most: Signed,
        /// Blocks live.
        pub(crate) blocks: Signed,
        /// Allocated since the process's start.
        pub(crate) total: Pair,
        /// The process's resident bytes; 0: not known.
        pub(crate) resident: Word,
        spare: Word,
    }

    const _: () = assert!(size_of::<Sample>() == 64, "the recording's format");

    /// The sample with that index in the half that `state`, of [`Schedule::samples`], names.
    pub(crate) fn sample(samples: &[Sample], state: u64, index: usize) -> Option<&Sample> {
        samples.get(place(state, index))
    }

    /// Its entry.
    pub(crate) fn place(state: u64, index: usize) -> usize {
        2 * index + usize::from(state & HALF != 0)
    }

    /// The records in the half that `state`, of [`Schedule::log`], names; `all` entries has the
    /// region.
    pub(crate) fn log(entries: &[Sample], state: u64, all: usize) -> &[Sample] {
        let (first, written) = log_place(state, all);
        let end = first.saturating_add(written).min(entries.len());
        entries.get(first..end).unwrap_or_default()
    }

    /// The first entry of the log's half, and how many are written.
    fn log_place(state: u64, all: usize) -> (usize, usize) {
        let half = all.saturating_sub(SAMPLE_ENTRIES) / 2;
        let first = if state & HALF == 0 { SAMPLE_ENTRIES } else { SAMPLE_ENTRIES + half };
        (first, usize::try_from(state & !(HALF | FROM_WITHIN)).unwrap_or(usize::MAX).min(half))
    }

    /// Entries as plain words: the log's records.
    pub(crate) fn words(entries: &[Sample]) -> &[AtomicU64] {
        let first = entries.as_ptr().cast::<AtomicU64>();
        // SAFETY: a sample is eight atomics, and no code takes the log's entries for samples.
        unsafe { core::slice::from_raw_parts(first, size_of_val(entries) / size_of::<AtomicU64>()) }
    }

    /// The number of samples in that half.
    pub(crate) fn count(state: u64) -> usize {
        ((state & !HALF) as usize).min(SAMPLES)
    }

    impl Sample {
        /// Becomes a copy of `other`.
        pub(crate) fn copy(&self, other: &Sample) {
            self.end.set(other.end.get());
            self.least.set(other.least.get());
            self.most.set(other.most.get());
            self.blocks.set(other.blocks.get());
            let (bytes, blocks) = other.total.get();
            self.total.set(bytes, blocks);
            self.resident.set(other.resident.get());
        }

        /// Takes the interval that follows this one's as a part of it.
        pub(crate) fn extend(&self, next: &Sample) {
            let (least, most) = (self.least.get(), self.most.get());
            let resident = self.resident.get();
            self.copy(next);
            self.least.set(least.min(next.least.get()));
            self.most.raise(most);
            if next.resident.get() == 0 {
                self.resident.set(resident);
            }
        }
    }

    /// Samples of a half.
    pub(crate) const SAMPLES: usize = 512;
    /// Entries of the samples' halves.
    pub(crate) const SAMPLE_ENTRIES: usize = 2 * SAMPLES;
    /// Entries of a half of the log, at most: 24 MiB.
    pub(crate) const LOG_ENTRIES: usize = (24 << 20) / 64;

    /// Bit of [`Schedule::samples`] and [`Schedule::log`]: the second half.
    pub(crate) const HALF: u64 = 1 << 63;
    /// Bit of [`Schedule::log`]: the process itself writes the log.
    pub(crate) const FROM_WITHIN: u64 = 1 << 62;

    /// Entries of the region for a table of as many buckets.
    pub(crate) fn entries(buckets: usize) -> usize {
        /// 1 KiB a bucket: a hundred moments, where all sites change.
        const ENTRIES_PER_BUCKET: usize = 16;
        SAMPLE_ENTRIES + 2 * LOG_ENTRIES.min(buckets * ENTRIES_PER_BUCKET)
    }

    /// Entries of the region that are written, of `all`.
    pub(crate) fn used(schedule: &Schedule, all: usize) -> usize {
        // Acquire pairs with the Release of the log's writer: the entries are written.
        let log = schedule.log.load(Ordering::Acquire);
        let (first, written) = log_place(log, all);
        if written == 0 { SAMPLE_ENTRIES.min(all) } else { first.saturating_add(written).min(all) }
    }
}

#[cfg(feature = "backtraces")]
pub(crate) use places::{
    FROM_WITHIN, HALF, SAMPLE_ENTRIES, SAMPLES, Sample, count, entries, log, sample, used, words,
};
#[cfg(feature = "dhat-compat")]
pub(crate) use places::{LOG_ENTRIES, place};
