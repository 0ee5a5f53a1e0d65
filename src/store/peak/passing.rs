//! Blocks that are not sampled: they look at the limits of bytes alone.

use super::Front;
use crate::base::sync::amount::Amount;

impl Front {
    /// The live bytes after a block of `bytes` is allocated; `None`: the heap has to be told. Of
    /// samples, only the bytes of a peak are exact: blocks have no limits.
    #[inline(always)]
    pub(crate) fn with_allocated_bytes(&self, bytes: u64) -> Option<i64> {
        let live = self.bytes().wrapping_add(bytes.cast_signed());
        (live < self.ceiling.bytes.get()).then_some(live)
    }

    /// The live bytes after a block of `bytes` is freed; `None`: the heap has to be told.
    #[inline(always)]
    pub(crate) fn with_freed_bytes(&self, bytes: u64) -> Option<i64> {
        let live = self.bytes().wrapping_sub(bytes.cast_signed());
        (live >= self.floor.bytes.get()).then_some(live)
    }

    /// Counts an allocated block, after which this front has `live` bytes, at a time that is not
    /// known.
    #[inline(always)]
    pub(crate) fn pass_allocated(&self, bytes: u64, live: i64) {
        self.total.write(self.total.read().plus(Amount::block(bytes)));
        self.note_high(live);
    }

    /// Counts a freed block, after which this front has `live` bytes.
    #[inline(always)]
    pub(crate) fn pass_freed(&self, bytes: u64, live: i64) {
        self.freed.write(self.freed.read().plus(Amount::block(bytes)));
        self.note_low(live);
    }

    /// Says that the heap has grown last at a time up to `now`, if it is at its maximum still and
    /// this front is all of it.
    pub(crate) fn stays_at_peak(&self, now: u64) {
        if self.is_at_peak() {
            self.last_growth.set(now);
        }
    }
}
