//! The heap as a whole: its live bytes, the time of its maximum, and the epochs that let each site
//! tell its live bytes at that maximum (see [`crate::store::tally`]).
//!
//! A thread's [`Front`] counts its events and compares the result with two limits, so that the
//! ordinary event costs two comparisons and writes no shared line. What happens at the limits
//! depends on the mode:
//!
//! ```text
//!  Sole      one thread has allocated so far. Its front is the heap: exact.
//!            below the recent maximum:  ceiling = recent maximum, floor = none
//!            at that one alone:         ceiling = maximum,        floor = any shrinking
//!            at the maximum:            ceiling = none,           floor = any shrinking
//!  Bounded   several threads. Each publishes what it has pending when that exceeds a step;
//!            all that is pending together stays below 1 % of the maximum (in a heap that is small
//!            and busy, below 1 KiB a thread).
//!  Exact     every event goes through one front under one lock.
//! ```
//!
//! The recent maximum is that since the last [mark](Heap::mark). It serves callers that want the
//! peak of a stretch of time; without marks it is the maximum itself.
//!
//! Sole turns into Bounded when a second thread comes: that thread raises the mode, then makes
//! every running thread execute a memory barrier, then waits until the sole thread is
//! outside the hook. Before the barrier that thread was either inside (and is waited for)
//! or will read the new mode; so it never pays for a fence itself.

use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::word::{Signed, Word};
use crate::base::sync::{AtomicU32, Ordering};
use crate::store::ids::ThreadIndex;

#[path = "peak/front.rs"]
// said, because the models of tests/loom.rs include this file from elsewhere
mod front;
#[path = "peak/interval.rs"]
mod interval;
#[cfg(feature = "backtraces")]
#[path = "peak/passing.rs"]
mod passing;

#[cfg(test)]
pub(crate) use front::MANY_PUBLICATIONS;
#[cfg(feature = "backtraces")]
pub(crate) use front::Next;
#[cfg(feature = "backtraces")]
pub(crate) use front::TAKE_RESIDENT;
pub(crate) use front::{Front, SHARED_SLOT};
#[cfg(feature = "backtraces")]
pub(crate) use interval::Interval;

/// How peaks are found. The numbers are part of the recording's format.
pub(crate) const SOLE: u32 = 0;
/// See the module's description.
pub(crate) const BOUNDED: u32 = 1;
/// See the module's description.
pub(crate) const EXACT: u32 = 2;

/// Bytes live from which on the allocator's state at the peak is worth taking down.
const FIRST_STATE: i64 = 16 << 10;

/// Shared state of the heap, in the recording's header.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Heap {
    /// [`SOLE`], [`BOUNDED`] or [`EXACT`].
    pub(crate) mode: AtomicU32,
    /// The sole thread's slot plus one; 0: no thread yet.
    pub(crate) sole: AtomicU32,
    /// Raised when the heap first shrinks after a maximum.
    pub(crate) epoch: Word,
    /// Held while the words below change, except by the sole thread.
    pub(crate) lock: SpinLock,
    /// Threads that have a slot now.
    pub(crate) threads: AtomicU32,
    /// Bytes live, as far as published.
    pub(crate) live_bytes: Signed,
    /// Blocks live, as far as published.
    pub(crate) live_blocks: Signed,
    /// The most bytes live at once, as of the last time the heap shrank from there or a thread
    /// published.
    pub(crate) peak_bytes: Signed,
    /// The most blocks live at once, as far as published.
    pub(crate) peak_blocks: Signed,
    /// When the bytes were at their maximum, in clock units.
    pub(crate) peak_time: Word,
    /// Bounded mode: 1 while the heap has not shrunk since its maximum.
    pub(crate) at_peak: Word,
    /// Bounded mode: how often a thread has published.
    pub(crate) publications: Word,
    /// The most bytes live at once since the last mark, known as `peak_bytes` is.
    recent_bytes: Signed,
    /// Bounded mode: the most blocks live at once since the last mark, as far as published.
    recent_blocks: Signed,
    /// Bytes live from which on the allocator's state is taken down again …
    state_bytes: Signed,
    /// … and not before this time, in clock units (see [`crate::engine::allocator::moments`]).
    state_time: Word,
    /// 1: the sole thread is to be followed by Exact mode, not by Bounded.
    exact_later: Word,
    /// The heap's live bytes when the allocator's state was asked for last.
    live_then: Signed,
    /// Exact mode: the one front.
    pub(crate) exact: Front,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Heap>() == 256, "the recording's format");

/// A moment of the heap, for reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HeapNow {
    pub(crate) peak_bytes: i64,
    pub(crate) peak_blocks: i64,
    pub(crate) peak_time: u64,
    pub(crate) at_peak: bool,
}

impl Heap {
    /// Before the first event: `exact` for `MOD_ALLOC_PEAK=exact`, or where threads cannot be made
    /// to execute a barrier.
    pub(crate) fn initialize(&self, exact: bool) {
        self.mode.store(if exact { EXACT } else { SOLE }, Ordering::Relaxed);
        self.exact.set_exclusive(EXACT, false);
        if !exact {
            self.forget_earlier_threads();
        }
        self.state_bytes.set(FIRST_STATE);
    }

    /// The thread in slot `index` is about to have its first event. `sole_front` gives another
    /// slot's front and waits until that slot's thread is outside the hook. `fronts`: those of
    /// all slots.
    pub(crate) fn join<'a>(
        &self,
        front: &Front,
        index: ThreadIndex,
        barrier: impl FnOnce(),
        sole_front: impl FnOnce(ThreadIndex) -> Option<&'a Front>,
        fronts: impl Iterator<Item = &'a Front>,
    ) {
        let _held = self.lock.lock();
        let threads = self.threads.fetch_add(1, Ordering::Relaxed) + 1;
        let was_used = front.used.swap(1, Ordering::Relaxed) != 0;
        match (self.mode.load(Ordering::Relaxed), self.sole.load(Ordering::Relaxed)) {
            (EXACT, _) => front.mode.store(EXACT, Ordering::Release),
            (SOLE, owner) if owner == 0 || owner == index.number() + 1 => {
                self.sole.store(index.number() + 1, Ordering::Relaxed);
                front.set_exclusive(SOLE, was_used);
            }
            (SOLE, owner) => {
                let next = if self.exact_later.get() == 0 { BOUNDED } else { EXACT };
                // Release pairs with the Acquire in `is_current`. The barrier makes it seen by the
                // sole thread's next event, and an event that did not see it is seen by us.
                self.mode.store(next, Ordering::Release);
                barrier();
                if let Some(sole) = sole_front(ThreadIndex::new(owner - 1)) {
                    self.end_sole(sole, next);
                }
                // Release pairs with the Acquire in `is_current`, as where a step is set.
                match next {
                    EXACT => front.mode.store(EXACT, Ordering::Release),
                    _ => front.set_step(self),
                }
            }
            _ => {
                if threads.is_power_of_two() {
                    self.settle_all(fronts);
                }
                front.set_step(self);
            }
        }
    }

    /// Bounded mode, under the lock: takes every thread's pending numbers, and gives each thread a
    /// step for the present number of threads. A thread may be in the middle of an event: numbers
    /// that it counts meanwhile stay pending, and it only compares with the limits.
    fn settle_all<'a>(&self, fronts: impl Iterator<Item = &'a Front>) {
        for front in fronts.filter(|front| !front.is_unused()) {
            front.settle(front.last_growth.get(), self);
        }
    }

    /// The sole thread, or the one that was.
    pub(crate) fn sole_thread(&self) -> Option<ThreadIndex> {
        self.sole.load(Ordering::Relaxed).checked_sub(1).map(ThreadIndex::new)
    }

    /// Takes the sole front's state over, under the lock, its thread being outside the hook.
    fn end_sole(&self, sole: &Front, next: u32) {
        let (at_peak, at_recent_peak) = (sole.is_at_peak(), sole.is_at_recent_peak());
        let (most_blocks, interval) = (self.most_blocks(sole), self.sole_interval(sole));
        sole.give(self);
        self.peak_blocks.raise(most_blocks);
        self.recent_blocks.raise(most_blocks);
        if at_recent_peak {
            self.recent_bytes.set(self.live_bytes.get());
        }
        if at_peak {
            self.peak_bytes.set(self.live_bytes.get());
            self.peak_time.set(sole.last_growth.get());
        }
        self.at_peak.set(u64::from(at_peak));
        if next == EXACT {
            self.exact.take_over(sole, self);
        } else {
            sole.set_step(self);
        }
        self.take_interval_over(interval, next);
    }

    /// The most blocks live at once since the last mark, by a front that is all of the heap.
    fn most_blocks(&self, front: &Front) -> i64 {
        let most = front.ceiling.blocks.get().wrapping_sub(front.base_blocks.get());
        self.live_blocks.get().wrapping_add(most)
    }

    /// Publishes all pending numbers of a front whose thread has had its last event.
    pub(crate) fn leave(&self, front: &Front) {
        let _held = self.lock.lock();
        if self.mode.load(Ordering::Relaxed) == BOUNDED {
            front.settle(front.last_growth.get(), self);
        }
        self.threads.fetch_sub(1, Ordering::Relaxed);
    }

    /// Begins a new stretch of time; returns the most bytes and blocks live in the one that ends.
    /// `own`: the front of the calling thread, which is inside the hook. In Bounded mode both are
    /// within 1 % of the heap's maximum.
    pub(crate) fn mark<'a>(
        &self,
        own: &Front,
        fronts: impl Iterator<Item = &'a Front>,
    ) -> (i64, i64) {
        // The calling thread, which is inside, is the sole thread: any other thread ends this mode
        // when it joins. It must not wait for the lock: a joining thread holds it, and waits for
        // the sole thread to leave the hook.
        if self.mode.load(Ordering::Relaxed) == SOLE {
            return own.mark(self);
        }
        let _held = self.lock.lock();
        if self.mode.load(Ordering::Relaxed) == EXACT {
            return self.exact.mark(self);
        }
        self.settle_all(fronts);
        let most = (self.recent_bytes.get(), self.recent_blocks.get());
        self.recent_bytes.set(self.live_bytes.get());
        self.recent_blocks.set(self.live_blocks.get());
        most
    }

    #[cfg(feature = "dhat-compat")]
    /// Empties the heap, which is then at a new maximum. No event is under way, and no thread is
    /// inside the hook; threads may join.
    pub(crate) fn restart<'a>(
        &self,
        exact: bool,
        now: u64,
        fronts: impl Iterator<Item = &'a Front>,
    ) {
        let _held = self.lock.lock();
        let mode = match self.mode.load(Ordering::Relaxed) {
            SOLE => SOLE,
            _ if exact => EXACT,
            _ => BOUNDED,
        };
        self.exact_later.set(u64::from(exact));
        let words = [&self.live_bytes, &self.live_blocks, &self.peak_bytes, &self.peak_blocks];
        for word in words.into_iter().chain([&self.recent_bytes, &self.recent_blocks]) {
            word.set(0);
        }
        self.publications.set(0);
        self.state_bytes.set(FIRST_STATE);
        self.peak_time.set(now);
        self.at_peak.set(1);
        self.epoch.add(1);
        // Release pairs with the Acquire in `is_current`.
        self.mode.store(mode, Ordering::Release);
        fronts.filter(|front| !front.is_unused()).for_each(|front| front.restart(mode, now, self));
        self.exact.restart(EXACT, now, self);
        match mode {
            SOLE => self.forget_earlier_threads(),
            BOUNDED => self.begin_published_interval(),
            _ => {}
        }
    }

    /// Bytes live. `sole`: the sole thread's front, while the mode is Sole.
    #[cfg(feature = "backtraces")]
    pub(crate) fn live(&self, sole: Option<&Front>) -> i64 {
        let pending = match self.mode.load(Ordering::Relaxed) {
            EXACT => self.exact.pending(),
            SOLE => sole.map_or(0, Front::pending),
            _ => 0,
        };
        self.live_bytes.get().wrapping_add(pending)
    }

    /// Notes that the allocator's state was taken down with `live` bytes live. The next time is
    /// when the heap has 1/16 more, and not before `time`.
    #[cfg(feature = "backtraces")]
    pub(crate) fn state_taken(&self, live: i64, time: u64) {
        self.state_bytes.set(live.saturating_add(live / 16).max(FIRST_STATE));
        self.state_time.set(time);
    }

    /// The peak as it stands. `front`: the sole thread's, while the mode is Sole.
    pub(crate) fn now(&self, sole: Option<&Front>) -> HeapNow {
        let exclusive = match self.mode.load(Ordering::Relaxed) {
            EXACT => Some(&self.exact),
            SOLE => sole,
            _ => None,
        };
        let mut now = HeapNow {
            peak_bytes: self.peak_bytes.get(),
            peak_blocks: self.peak_blocks.get(),
            peak_time: self.peak_time.get(),
            at_peak: self.at_peak.get() != 0,
        };
        if let Some(front) = exclusive {
            now.at_peak = front.is_at_peak();
            now.peak_blocks = now.peak_blocks.max(self.most_blocks(front));
            if now.at_peak {
                now.peak_bytes = self.live_bytes.get().wrapping_add(front.pending());
                now.peak_time = front.last_growth.get();
            }
        }
        now
    }
}
