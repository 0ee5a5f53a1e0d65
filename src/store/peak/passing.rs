//! Blocks that are not sampled: they look at the limits of bytes alone.

use super::Front;

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

    /// Notes an allocated block that has entered the totals, after which this front has `live`
    /// bytes, at a time that is not known.
    #[inline(always)]
    pub(crate) fn note_passed(&self, live: i64) {
        self.note_high(live);
    }

    /// Notes a freed block that has entered the totals, after which this front has `live` bytes.
    #[inline(always)]
    pub(crate) fn note_passed_free(&self, live: i64) {
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
