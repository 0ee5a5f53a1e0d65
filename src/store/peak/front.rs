//! One thread's events, and the limits at which it publishes them to the heap.

use super::{BOUNDED, Heap};
use crate::base::sync::amount::Amount;
use crate::base::sync::word::{AlignedPair, Signed, Word};
use crate::base::sync::{AtomicU32, Ordering};

#[path = "front/errands.rs"]
mod errands;
#[path = "front/limits.rs"]
mod limits;

pub(crate) use errands::SHARED_SLOT;
#[cfg(feature = "backtraces")]
pub(crate) use errands::TAKE_RESIDENT;
#[cfg(test)]
pub(crate) use limits::MANY_PUBLICATIONS;

/// No mode of a heap: the front's thread must find out the reason before it uses the front.
#[cfg(not(feature = "preload"))]
const HALTED: u32 = u32::MAX;

/// Farther than any heap's number, and so near that differences to those do not overflow.
const FAR: i64 = i64::MAX / 2;

/// Limits of bytes and blocks.
#[derive(Debug, Default)]
#[repr(C, align(16))]
pub(super) struct Limits {
    pub(super) bytes: Signed,
    pub(super) blocks: Signed,
}

impl Limits {
    /// Both limits. While a thread is inside the hook, no other one sets those of its front.
    #[inline(always)]
    fn read(&self) -> Amount {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        // SAFETY: the 16 bytes of both, aligned to 16; nobody writes them, as said above.
        return unsafe { core::ptr::from_ref(self).cast::<Amount>().read() };
        #[cfg(not(all(target_arch = "x86_64", not(any(miri, loom)))))]
        Amount::new(self.bytes.get().cast_unsigned(), self.blocks.get().cast_unsigned())
    }
}

/// A front's numbers after an event of the quick way, which has not entered it yet.
#[cfg(feature = "backtraces")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    /// `total` before an allocation, `freed` after a free.
    pub(crate) sums: Amount,
    /// The live bytes.
    bytes: i64,
}

/// One thread's events, and the limits at which the heap has to be told.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Front {
    /// Allocated; a reallocation adds its whole new size and one block.
    pub(crate) total: AlignedPair,
    /// Freed; a reallocation adds its whole old size and one block.
    pub(crate) freed: AlignedPair,
    /// `total.bytes - freed.bytes` as of the last publication.
    pub(super) base_bytes: Signed,
    /// `total.blocks - freed.blocks` as of the last publication.
    pub(super) base_blocks: Signed,
    /// `total - freed` at which growing has to be told: bytes from here on ([`FAR`]: never), blocks
    /// above.
    pub(super) ceiling: Limits,
    /// `total - freed` below which shrinking has to be told; bytes [`FAR`]: always.
    pub(super) floor: Limits,
    /// When the heap last grew by this front, in clock units.
    pub(super) last_growth: Word,
    /// Of each reallocation the smaller size: the part that was not growth.
    pub(crate) kept_bytes: Word,
    /// The mode this front was last set up for.
    pub(super) mode: AtomicU32,
    pub(super) used: AtomicU32,
    /// The most that `total.bytes - freed.bytes` was since the interval of the timeline began, if
    /// this front is all of the heap; else since the slot's thread began.
    pub(super) high: Signed,
    /// The errands of the thread when it leaves the hook; 0: none.
    pub(super) errands: Word,
    /// The least that it was since then.
    pub(super) low: Signed,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Front>() == 128, "the recording's format");

impl Front {
    /// Bytes that this front has allocated and not freed.
    #[inline(always)]
    pub(super) fn bytes(&self) -> i64 {
        self.total.bytes.get().wrapping_sub(self.freed.bytes.get()).cast_signed()
    }

    /// Blocks that this front has allocated and not freed.
    #[inline(always)]
    pub(super) fn blocks(&self) -> i64 {
        self.total.blocks.get().wrapping_sub(self.freed.blocks.get()).cast_signed()
    }

    /// The part of the live numbers that is not published.
    pub(super) fn pending(&self) -> i64 {
        self.bytes().wrapping_sub(self.base_bytes.get())
    }

    /// A number of the heap's live bytes, as this front's bytes would be then, if it is all of the
    /// heap.
    pub(super) fn as_own(&self, live: i64, heap: &Heap) -> i64 {
        live.wrapping_sub(heap.live_bytes.get()).wrapping_add(self.base_bytes.get())
    }

    /// True if the heap, which is this front, is at its maximum.
    pub(super) fn is_at_peak(&self) -> bool {
        self.ceiling.bytes.get() == FAR
    }

    /// True if the heap, which is this front, is at its maximum since the last mark.
    pub(super) fn is_at_recent_peak(&self) -> bool {
        self.floor.bytes.get() == FAR
    }

    /// Counts an allocated block; returns what is live then.
    #[inline(always)]
    pub(crate) fn count_allocated(&self, bytes: u64) -> Amount {
        let total = self.total.read().plus(Amount::block(bytes));
        self.total.write(total);
        let live = total.minus(self.freed.read());
        self.note_high(live.bytes().cast_signed());
        live
    }

    /// Counts a freed block; returns what is live then.
    #[inline(always)]
    pub(crate) fn count_freed(&self, bytes: u64) -> Amount {
        let freed = self.freed.read().plus(Amount::block(bytes));
        self.freed.write(freed);
        let live = self.total.read().minus(freed);
        self.note_low(live.bytes().cast_signed());
        live
    }

    /// Counts a reallocated block; returns the bytes that are live then.
    #[inline(always)]
    pub(crate) fn count_resized(&self, old: u64, new: u64) -> i64 {
        self.kept_bytes.add(old.min(new));
        let total = self.total.read().plus(Amount::block(new));
        self.total.write(total);
        let freed = self.freed.read().plus(Amount::block(old));
        self.freed.write(freed);
        let live = total.minus(freed).bytes().cast_signed();
        self.note_high(live);
        self.note_low(live);
        live
    }

    #[inline(always)]
    pub(super) fn note_high(&self, live: i64) {
        if live > self.high.read() {
            self.high.set(live);
        }
    }

    #[inline(always)]
    pub(super) fn note_low(&self, live: i64) {
        if live < self.low.read() {
            self.low.set(live);
        }
    }

    /// Counts an allocated block, and tells the heap if a limit is reached.
    #[inline(always)]
    pub(crate) fn allocated(&self, bytes: u64, now: u64, heap: &Heap) {
        // One block less: that many are below the limit if one more is not above it.
        let live = self.count_allocated(bytes).minus(Amount::block(0));
        self.last_growth.set(now);
        if live.minus(self.ceiling.read()).signs() != Amount::BYTES | Amount::BLOCKS {
            self.reached(now, heap);
        }
    }

    /// Counts a freed block, and tells the heap if a limit is passed.
    #[inline(always)]
    pub(crate) fn freed(&self, bytes: u64, now: u64, heap: &Heap) {
        let live = self.count_freed(bytes);
        if live.minus(self.floor.read()).signs() != 0 {
            self.sank(live.bytes().wrapping_add(bytes).cast_signed(), now, heap);
        }
    }

    /// The numbers after a block of `bytes` is allocated; `None`: the heap has to be told. Changes
    /// nothing else but the limit of blocks, which is the most blocks where this front is all of
    /// the heap.
    #[cfg(all(feature = "backtraces", target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn with_allocated(&self, bytes: u64, heap: &Heap) -> Option<Next> {
        let sums = self.total.read();
        // One block less than there are then: that many are below the limit if one more is not
        // above it.
        let live = sums.minus(self.freed.read()).plus(Amount::new(bytes, 0));
        let next = Next { sums, bytes: live.bytes().cast_signed() };
        let below = live.minus(self.ceiling.read()).signs();
        if below == Amount::BYTES | Amount::BLOCKS {
            return Some(next);
        }
        if below & Amount::BYTES == 0 {
            return None;
        }
        // As in `reached`.
        let is_worth_it = || self.live_with(next.bytes, heap) >= heap.state_bytes.get();
        if self.mode.load(Ordering::Relaxed) == BOUNDED || is_worth_it() {
            return None;
        }
        self.ceiling.blocks.set(live.blocks().cast_signed().wrapping_add(1));
        Some(next)
    }

    #[cfg(all(feature = "backtraces", target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    fn live_with(&self, bytes: i64, heap: &Heap) -> i64 {
        heap.live_bytes.get().wrapping_add(bytes).wrapping_sub(self.base_bytes.get())
    }

    /// The numbers after a block, an amount of one, is freed; `None`: the heap has to be told.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn with_freed(&self, block: Amount) -> Option<Next> {
        let sums = self.freed.read().plus(block);
        let live = self.total.read().minus(sums);
        let is_above = live.minus(self.floor.read()).signs() == 0;
        is_above.then(|| Next { sums, bytes: live.bytes().cast_signed() })
    }

    /// Notes an allocated block that has entered the totals, after which there are the numbers
    /// `next`.
    #[cfg(all(feature = "backtraces", target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn note_allocated(&self, next: Next, now: u64) {
        self.note_high(next.bytes);
        self.last_growth.set(now);
    }

    /// Notes a freed block that has entered the totals, after which there are the numbers `next`.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) fn note_freed(&self, next: Next) {
        self.note_low(next.bytes);
    }

    /// Counts a block resized from `old` to `new` bytes.
    #[inline(always)]
    pub(crate) fn resized(&self, old: u64, new: u64, now: u64, heap: &Heap) {
        let live = self.count_resized(old, new);
        if new >= old {
            self.last_growth.set(now);
            if live >= self.ceiling.bytes.get() {
                self.reached(now, heap);
            }
        } else if live < self.floor.bytes.get() {
            self.sank(live.wrapping_add((old - new).cast_signed()), now, heap);
        }
    }

    /// The ceiling was reached: the heap is at a maximum, or there is enough to publish.
    #[inline(never)]
    pub(super) fn reached(&self, now: u64, heap: &Heap) {
        if self.mode.load(Ordering::Relaxed) == BOUNDED {
            return self.publish(now, heap);
        }
        let blocks = self.blocks();
        if blocks > self.ceiling.blocks.get() {
            self.ceiling.blocks.set(blocks);
        }
        self.look_at_state(heap.live_bytes.get() + self.pending(), now, heap);
        if self.bytes() >= self.ceiling.bytes.get() {
            // As long as the heap grows from here, its maximum is its live bytes.
            let highest = self.as_own(heap.peak_bytes.get(), heap);
            self.ceiling.bytes.set(if self.bytes() >= highest { FAR } else { highest });
            self.floor.bytes.set(FAR);
        }
    }

    /// The floor was passed. `before`: the front's live bytes before this event.
    #[inline(never)]
    pub(super) fn sank(&self, before: i64, now: u64, heap: &Heap) {
        if self.mode.load(Ordering::Relaxed) == BOUNDED {
            return self.publish(now, heap);
        }
        let live = heap.live_bytes.get() + before - self.base_bytes.get();
        heap.recent_bytes.set(live);
        if self.is_at_peak() {
            heap.peak_bytes.set(live);
            heap.peak_time.set(self.last_growth.get());
            heap.epoch.add(1);
            self.look_at_state(live, now, heap);
        }
        self.ceiling.bytes.set(before);
        self.floor.bytes.set(-FAR);
    }

    /// Adds what is pending to the heap and looks whether that is a maximum.
    #[cold]
    pub(super) fn publish(&self, now: u64, heap: &Heap) {
        let _held = heap.lock.lock();
        heap.publications.add(1);
        self.settle(now, heap);
        self.look_at_state(heap.live_bytes.get(), now, heap);
    }

    /// Adds what is pending to the heap, under its lock, and looks whether that is a maximum.
    pub(super) fn settle(&self, now: u64, heap: &Heap) {
        self.give(heap);
        let live = heap.live_bytes.get();
        heap.recent_bytes.raise(live);
        heap.note_published(live);
        if live >= heap.peak_bytes.get() {
            heap.peak_bytes.set(live);
            // Another front may have grown later than this one, which may never have grown at all.
            heap.peak_time.set(heap.peak_time.get().max(now));
            heap.at_peak.set(1);
        } else if heap.at_peak.get() != 0 {
            heap.at_peak.set(0);
            heap.epoch.add(1);
        }
        self.set_step(heap);
    }

    /// Moves what is pending to the heap, under its lock.
    pub(super) fn give(&self, heap: &Heap) {
        let (bytes, blocks) = (self.pending(), self.blocks() - self.base_blocks.get());
        heap.live_bytes.add(bytes);
        heap.live_blocks.add(blocks);
        self.base_bytes.add(bytes);
        self.base_blocks.add(blocks);
        let blocks = heap.live_blocks.get();
        heap.peak_blocks.raise(blocks);
        heap.recent_blocks.raise(blocks);
    }

    /// The thread's next event is to stop at [`is_current`](Self::is_current), whatever the mode.
    #[cfg(not(feature = "preload"))]
    pub(crate) fn halt(&self) -> u32 {
        self.mode.swap(HALTED, Ordering::Relaxed)
    }

    /// Takes back a [`halt`](Self::halt), which returned `mode`. True if it was still in force.
    #[cfg(not(feature = "preload"))]
    pub(crate) fn go_on(&self, mode: u32) -> bool {
        // A thread that sets the front up meanwhile does so for good.
        self.mode.compare_exchange(HALTED, mode, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// When the heap last grew by this front, in clock units.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn last_growth(&self) -> u64 {
        self.last_growth.get()
    }

    /// True if no thread has used this front yet.
    pub(crate) fn is_unused(&self) -> bool {
        self.used.load(Ordering::Relaxed) == 0
    }

    /// True if the front is set up for the heap's mode.
    #[inline(always)]
    pub(crate) fn is_current(&self, heap: &Heap) -> bool {
        // Acquire pairs with the Release where a front is set up: the limits go with the mode.
        self.mode.load(Ordering::Acquire) == heap.mode.load(Ordering::Acquire)
    }
}
