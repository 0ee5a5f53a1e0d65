//! The limits of a front: set anew for each mode of the heap, and after each publication.

use super::super::{BOUNDED, EXACT, Heap};
use super::{FAR, Front};
use crate::base::sync::Ordering;

/// The pending bytes of all threads together stay below 1/2^STEP_SHIFT of the maximum, as long as
/// the number of threads is the one for which each thread set its step. That number may double
/// before all threads must set new steps. So at most 1 + ln 2 times as many bytes are pending,
/// below 1 %.
const STEP_SHIFT: u32 = 8;

/// Publications after which a heap counts as small and busy: then a thread may keep [`SMALL_STEP`]
/// bytes pending, so that threads do not wait for each other at every event.
pub(crate) const MANY_PUBLICATIONS: u64 = 1 << 16;
/// Bytes that a thread may keep pending in a small and busy heap.
const SMALL_STEP: i64 = 1024;
/// Blocks that a thread may keep pending in a small and busy heap.
const SMALL_STEP_BLOCKS: i64 = 16;

impl Front {
    /// Limits for Bounded mode, under the heap's lock.
    pub(in super::super) fn set_step(&self, heap: &Heap) {
        let threads = i64::from(heap.threads.load(Ordering::Relaxed).max(1));
        let is_busy = heap.publications.get() > MANY_PUBLICATIONS;
        let (least, least_blocks) = if is_busy { (SMALL_STEP, SMALL_STEP_BLOCKS) } else { (0, 0) };
        let step = ((heap.peak_bytes.get() >> STEP_SHIFT) / threads).max(least);
        let blocks = ((heap.peak_blocks.get() >> STEP_SHIFT) / threads).max(least_blocks);
        self.ceiling.bytes.set(self.base_bytes.get() + step.max(1));
        self.floor.bytes.set(self.base_bytes.get() - step);
        self.ceiling.blocks.set(self.base_blocks.get() + blocks);
        self.floor.blocks.set(self.base_blocks.get() - blocks);
        self.mode.store(BOUNDED, Ordering::Release); // pairs with the Acquire in `is_current`
    }

    #[cfg(feature = "backtraces")]
    /// The step of Bounded mode: how many bytes may be pending.
    #[inline(always)]
    pub(crate) fn step(&self) -> i64 {
        self.ceiling.bytes.get().wrapping_sub(self.base_bytes.get())
    }

    /// Limits for a mode in which this front is all of the heap: at the maximum, with nothing live.
    pub(in super::super) fn set_exclusive(&self, mode: u32, was_used: bool) {
        if !was_used {
            self.ceiling.bytes.set(FAR);
            self.floor.bytes.set(FAR);
            self.floor.blocks.set(-FAR);
        }
        self.mode.store(mode, Ordering::Release); // pairs with the Acquire in `is_current`
    }

    /// Begins a new stretch of time in the heap, which is this front; returns the most bytes and
    /// blocks live in the one that ends.
    pub(in super::super) fn mark(&self, heap: &Heap) -> (i64, i64) {
        let live = heap.live_bytes.get() + self.pending();
        let blocks = heap.most_blocks(self);
        heap.peak_blocks.raise(blocks);
        self.ceiling.blocks.set(self.blocks());
        if self.is_at_recent_peak() {
            return (live, blocks);
        }
        let bytes = heap.recent_bytes.get();
        heap.recent_bytes.set(live);
        self.ceiling.bytes.set(self.as_own(heap.peak_bytes.get(), heap));
        self.floor.bytes.set(FAR);
        (bytes, blocks)
    }

    #[cfg(feature = "dhat-compat")]
    /// Removes this front's live numbers from the heap, under the heap's lock.
    pub(in super::super) fn restart(&self, mode: u32, now: u64, heap: &Heap) {
        self.base_bytes.set(self.bytes());
        self.base_blocks.set(self.blocks());
        self.last_growth.set(now);
        self.begin_interval();
        if mode == BOUNDED {
            return self.set_step(heap);
        }
        self.ceiling.blocks.set(self.blocks());
        self.set_exclusive(mode, false);
    }

    /// Makes this front all of the heap, as the sole thread's front was: it begins with that
    /// front's limits. Under the heap's lock, which has been told of all that the sole thread did.
    pub(in super::super) fn take_over(&self, sole: &Front, heap: &Heap) {
        self.base_bytes.set(self.bytes());
        self.base_blocks.set(self.blocks());
        self.last_growth.set(sole.last_growth.get());
        let most = heap.recent_blocks.get().wrapping_sub(heap.live_blocks.get());
        self.ceiling.blocks.set(self.blocks().wrapping_add(most));
        let ceiling = match (sole.is_at_peak(), sole.is_at_recent_peak()) {
            (true, _) => FAR,
            (_, true) => self.as_own(heap.peak_bytes.get(), heap),
            _ => self.as_own(heap.recent_bytes.get(), heap),
        };
        self.ceiling.bytes.set(ceiling);
        self.floor.bytes.set(sole.floor.bytes.get());
        sole.mode.store(EXACT, Ordering::Release); // pairs with the Acquire in `is_current`
    }
}
