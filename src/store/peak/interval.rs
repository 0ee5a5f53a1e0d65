//! The least and the most live bytes in an interval of the timeline.
//!
//! A front that is all of the heap has them in its words `low` and `high`. In Bounded mode the
//! words of Exact mode's front, idle then, hold those of the published live bytes. In Sole mode its
//! `high` holds the maximum that earlier threads of the sole slot had in the interval.

#[cfg(feature = "backtraces")]
use super::BOUNDED;
use super::{EXACT, Front, Heap, SOLE};
use crate::base::sync::Ordering;
use crate::store::ids::ThreadIndex;

/// The heap in an interval of the timeline, up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Interval {
    /// The fewest bytes live at once.
    pub(crate) least: i64,
    /// The most bytes live at once.
    pub(crate) most: i64,
    /// Bytes live now.
    pub(crate) live_bytes: i64,
    /// Blocks live now.
    pub(crate) live_blocks: i64,
}

impl Front {
    /// Begins an interval, in a heap that is this front.
    #[cfg(feature = "backtraces")]
    pub(super) fn begin_interval(&self) {
        self.low.set(self.bytes());
        self.high.set(self.bytes());
    }

    /// Prepares the front of slot `index` for a new thread, whose maximum begins as the live bytes.
    pub(crate) fn begin_peak(&self, index: ThreadIndex, heap: &Heap) {
        let is_sole = heap.mode.load(Ordering::Relaxed) == SOLE;
        if is_sole && heap.sole_thread() == Some(index) {
            let before = heap.interval_of(self).most;
            heap.exact.high.raise(before);
        }
        self.high.set(self.bytes());
    }

    /// The most bytes that the slot's thread had live: if this front is all of the heap, since the
    /// interval began.
    pub(crate) fn high(&self) -> i64 {
        self.high.get()
    }
}

impl Heap {
    /// The interval so far. `sole`: the sole thread's front, while the mode is Sole.
    #[cfg(feature = "backtraces")]
    pub(crate) fn interval(&self, sole: Option<&Front>) -> Interval {
        match self.mode.load(Ordering::Relaxed) {
            EXACT => self.interval_of(&self.exact),
            SOLE => sole.map_or_else(Interval::default, |front| self.sole_interval(front)),
            _ => self.published_interval(),
        }
    }

    /// The interval, in a heap that is this front.
    pub(super) fn interval_of(&self, front: &Front) -> Interval {
        let published = self.live_bytes.get().wrapping_sub(front.base_bytes.get());
        let blocks = self.live_blocks.get().wrapping_sub(front.base_blocks.get());
        Interval {
            least: published.wrapping_add(front.low.get()),
            most: published.wrapping_add(front.high.get()),
            live_bytes: published.wrapping_add(front.bytes()),
            live_blocks: blocks.wrapping_add(front.blocks()),
        }
    }

    /// Sole mode: the interval, with what earlier threads of the slot had.
    pub(super) fn sole_interval(&self, front: &Front) -> Interval {
        let interval = self.interval_of(front);
        Interval { most: interval.most.max(self.exact.high.get()), ..interval }
    }

    /// Sole mode: no thread of the slot has ended in the interval.
    pub(super) fn forget_earlier_threads(&self) {
        self.exact.high.set(i64::MIN);
    }

    #[cfg(feature = "backtraces")]
    fn published_interval(&self) -> Interval {
        Interval {
            least: self.exact.low.get(),
            most: self.exact.high.get(),
            live_bytes: self.live_bytes.get(),
            live_blocks: self.live_blocks.get(),
        }
    }

    /// Bounded mode, under the lock: so many bytes are live.
    pub(super) fn note_published(&self, live: i64) {
        self.exact.high.raise(live);
        self.exact.low.set(self.exact.low.get().min(live));
    }

    /// Bounded mode, under the lock: begins an interval.
    #[cfg(feature = "backtraces")]
    pub(super) fn begin_published_interval(&self) {
        self.exact.low.set(self.live_bytes.get());
        self.exact.high.set(self.live_bytes.get());
    }

    /// Goes on with the interval of the front that was all of the heap, in the mode that follows.
    pub(super) fn take_interval_over(&self, interval: Interval, next: u32) {
        let own = |live| if next == EXACT { self.exact.as_own(live, self) } else { live };
        self.exact.low.set(own(interval.least));
        self.exact.high.set(own(interval.most));
    }

    /// Ends the interval, if it is due, and begins another one; tells `write` of it before that.
    /// The caller is inside the hook with the front `own`; in other modes than Sole, `is_due` and
    /// `write` run under the lock.
    #[cfg(feature = "backtraces")]
    pub(crate) fn end_interval(
        &self,
        own: &Front,
        now: u64,
        is_due: impl FnOnce() -> bool,
        write: impl FnOnce(Interval),
    ) {
        // The front's mode, not the heap's: a thread that ends Sole mode waits for this one.
        let mode = own.mode.load(Ordering::Relaxed);
        let _held = matches!(mode, BOUNDED | EXACT).then(|| self.lock.lock());
        if !is_due() {
            return;
        }
        match mode {
            BOUNDED => {
                own.settle(now, self);
                write(self.published_interval());
                self.begin_published_interval();
            }
            EXACT => {
                write(self.interval_of(&self.exact));
                self.exact.begin_interval();
            }
            _ => {
                write(self.sole_interval(own));
                own.begin_interval();
                self.forget_earlier_threads();
            }
        }
    }
}
