//! Memory for the profiler's work, apart from the program's allocator, and given back as a whole.
//!
//! ```text
//!  a range of addresses, reserved while there is work
//! +--------------------------------+--------------------+------------------------------+
//! | blocks, and free ones in lists |  usable, zeroed    |  addresses without memory    |
//! +--------------------------------+--------------------+------------------------------+
//! ```
//!
//! The range stays until no piece of work is open and no block is left; then the kernel has all of
//! it again. A block that outlives its work costs that memory, and is no danger.
//!
//! # The lock
//!
//! A signal handler may interrupt the holder of the lock, and allocate. So an allocation and a free
//! wait for a limited time. Then there is no block, and the freed one waits on a list for the next
//! holder.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use crate::base::os;
use crate::base::os::address_range::{empty, make_usable, reserve_addresses};
use crate::base::sync::spin_lock::{Held, SpinLock};
use crate::base::sync::{AtomicPtr, AtomicU64, Ordering, UnsafeCell, wait_turn};

mod blocks;

use blocks::{Blocks, Class, Free, Range, STEP};

/// Most addresses that are taken.
const MOST: usize = 1 << 36;
/// With fewer it is not worth the work.
const LEAST: usize = 1 << 26;
/// Turns that an allocation or a free waits for the lock.
const PATIENCE: u32 = 1000;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct WorkMemory {
    /// Null: there is no range.
    start: AtomicPtr<u8>,
    len: AtomicU64,
    /// Bytes of it that blocks have had.
    used: AtomicU64,
    lock: SpinLock,
    /// Behind the lock.
    state: UnsafeCell<State>,
    /// Blocks whose free could not have the lock.
    late: AtomicPtr<Free>,
    /// Called with `true` before there are blocks, and with `false` when there are none any more.
    switch: fn(bool),
}

#[derive(Debug)]
struct State {
    blocks: Blocks,
    /// Pieces of work that are open.
    works: usize,
}

// SAFETY: the state, which has pointers, is touched by the lock's holder alone; all else is atomic.
unsafe impl Sync for WorkMemory {}

impl WorkMemory {
    /// No memory yet.
    pub(crate) const fn new(switch: fn(bool)) -> Self {
        WorkMemory {
            start: AtomicPtr::new(ptr::null_mut()),
            len: AtomicU64::new(0),
            used: AtomicU64::new(0),
            lock: SpinLock::new(),
            state: UnsafeCell::new(State { blocks: Blocks::NONE, works: 0 }),
            late: AtomicPtr::new(ptr::null_mut()),
            switch,
        }
    }

    /// Begins a piece of work; `false` if there are no addresses for it.
    pub(crate) fn begin(&self) -> bool {
        let held = self.lock.lock();
        let has_range = self.range().is_some() || self.reserve();
        if has_range {
            self.with_state(&held, |state| state.works += 1);
        }
        has_range
    }

    /// Ends a piece of work that has [begun](Self::begin).
    pub(crate) fn end(&self) {
        let held = self.lock.lock();
        self.with_state(&held, |state| state.works -= 1);
        self.settle(&held);
    }

    /// True if the address lies in the range.
    pub(crate) fn has(&self, address: *const u8) -> bool {
        // Acquire pairs with the Release in `reserve`: the length is seen.
        let start = self.start.load(Ordering::Acquire);
        let offset = address.addr().wrapping_sub(start.addr()) as u64;
        !start.is_null() && offset < self.len.load(Ordering::Relaxed)
    }

    /// Bytes that blocks have now, or have had since the work began.
    pub(crate) fn bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A block for this layout, `zeroed` or not; `None` if there is none.
    pub(crate) fn allocate(&self, layout: Layout, zeroed: bool) -> Option<NonNull<u8>> {
        let class = Class::of(layout)?;
        let held = self.try_lock()?;
        self.put_late(&held);
        let range = self.range()?;
        let (taken, used) =
            self.with_state(&held, |state| (state.blocks.take(class, range), state.blocks.used));
        let (block, is_new) = taken?;
        self.used.store(used as u64, Ordering::Relaxed);
        drop(held);
        if zeroed && !is_new {
            // SAFETY: a block of the class has at least that many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        Some(block)
    }

    /// True if a block of this layout may have `size` bytes as it is.
    pub(crate) fn fits(layout: Layout, size: usize) -> bool {
        let new = Layout::from_size_align(size, layout.align()).ok().and_then(Class::of);
        new.is_some() && new == Class::of(layout)
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// The block must be of [`allocate`](Self::allocate), by a layout that [fits](Self::fits) this
    /// one, and nothing may use it.
    pub(crate) unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let Some(class) = Class::of(layout) else { return };
        if let Some((offset, len)) = class.unused() {
            // SAFETY: in the block.
            let rest = unsafe { block.add(offset) };
            // SAFETY: whole pages of the block, which nothing uses.
            unsafe { empty(rest, len) };
        }
        let free = block.cast::<Free>();
        // SAFETY: the smallest block has room for it.
        unsafe { free.write(Free { next: ptr::null_mut(), list: class.index() }) };
        let Some(held) = self.try_lock() else { return self.leave(free) };
        // SAFETY: the caller's promise; the list was just written.
        self.with_state(&held, |state| unsafe { state.blocks.put(free) });
        self.settle(&held);
    }

    /// In a forked child, whose one thread has no work: gives back what threads of the parent have
    /// used.
    pub(crate) fn forget(&self) {
        self.lock.open();
        let held = self.lock.lock();
        self.late.store(ptr::null_mut(), Ordering::Relaxed);
        self.give_back(&held);
    }

    fn range(&self) -> Option<Range> {
        let start = NonNull::new(self.start.load(Ordering::Relaxed))?;
        Some(Range { start, len: self.len.load(Ordering::Relaxed) as usize, make_usable })
    }

    fn reserve(&self) -> bool {
        // As of the recording, a small part of what a limited process may have.
        let most = os::address_limit().map_or(MOST, |limit| (limit / 16) as usize).min(MOST);
        let mut len = most / STEP * STEP;
        while len >= LEAST {
            if let Some(start) = reserve_addresses(len) {
                self.len.store(len as u64, Ordering::Relaxed);
                // Release pairs with the Acquire in `has`.
                self.start.store(start.as_ptr(), Ordering::Release);
                (self.switch)(true);
                return true;
            }
            len = len / 2 / STEP * STEP;
        }
        false
    }

    /// Gives all back if nothing needs it any more.
    fn settle(&self, held: &Held<'_>) {
        self.put_late(held);
        if self.with_state(held, |state| state.works == 0 && state.blocks.live == 0) {
            self.give_back(held);
        }
    }

    fn give_back(&self, held: &Held<'_>) {
        self.with_state(held, |state| *state = State { blocks: Blocks::NONE, works: 0 });
        self.used.store(0, Ordering::Relaxed);
        let Some(range) = self.range() else { return };
        // First: the addresses may be somebody's as soon as they are given back.
        self.start.store(ptr::null_mut(), Ordering::Release);
        (self.switch)(false);
        // SAFETY: the range was reserved, and has no block that is used.
        unsafe { os::release(range.start, range.len) };
    }

    /// Leaves a freed block to the next holder of the lock.
    fn leave(&self, mut free: NonNull<Free>) {
        let mut next = self.late.load(Ordering::Relaxed);
        loop {
            // SAFETY: the block is this thread's until the exchange succeeds.
            unsafe { free.as_mut() }.next = next;
            // Release pairs with the Acquire in `put_late`: the block's beginning is seen.
            let (order, on_failure) = (Ordering::Release, Ordering::Relaxed);
            match self.late.compare_exchange(next, free.as_ptr(), order, on_failure) {
                Ok(_) => return,
                Err(found) => next = found,
            }
        }
    }

    /// Puts the blocks that were [left](Self::leave) on their lists.
    fn put_late(&self, held: &Held<'_>) {
        if self.late.load(Ordering::Relaxed).is_null() {
            return;
        }
        // Acquire pairs with the Release in `leave`.
        let mut late = self.late.swap(ptr::null_mut(), Ordering::Acquire);
        while let Some(free) = NonNull::new(late) {
            // SAFETY: `leave` has written it, and its list is this thread's after the exchange.
            late = unsafe { free.as_ref() }.next;
            // SAFETY: a taken block that was freed, with its list in its beginning.
            self.with_state(held, |state| unsafe { state.blocks.put(free) });
        }
    }

    fn try_lock(&self) -> Option<Held<'_>> {
        let mut turn = 0;
        loop {
            if let held @ Some(_) = self.lock.try_lock() {
                return held;
            }
            if turn >= PATIENCE {
                return None;
            }
            wait_turn(&mut turn);
        }
    }

    fn with_state<R>(&self, _held: &Held<'_>, work: impl FnOnce(&mut State) -> R) -> R {
        // SAFETY: this thread has the lock, and `work` takes no part in it.
        self.state.with_mut(|state| work(unsafe { &mut *state }))
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::base::sync::AtomicU32;

    static IS_ON: AtomicU32 = AtomicU32::new(0);

    fn switch(is_on: bool) {
        IS_ON.store(is_on.into(), Ordering::Relaxed);
    }

    fn is_on() -> bool {
        IS_ON.load(Ordering::Relaxed) == 1
    }

    /// One test, because there is one switch.
    #[test]
    fn memory_is_there_until_the_work_and_the_last_block_are_gone() {
        static MEMORY: WorkMemory = WorkMemory::new(switch);
        let layout = Layout::from_size_align(100, 8).unwrap();
        assert!(MEMORY.allocate(layout, false).is_none() && !is_on());
        assert!(MEMORY.begin() && is_on());
        let large = Layout::from_size_align(5 << 20, 8).unwrap();
        let (one, two) = (MEMORY.allocate(layout, false).unwrap(), MEMORY.allocate(large, true));
        let two = two.unwrap();
        assert!(MEMORY.has(one.as_ptr()) && MEMORY.has(two.as_ptr()));
        assert!(!MEMORY.has((&raw const MEMORY).cast()) && !MEMORY.has(ptr::null()));
        // SAFETY: the block has that many bytes.
        let bytes = unsafe { core::slice::from_raw_parts_mut(two.as_ptr(), 5 << 20) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes.fill(1);
        // SAFETY: allocated by this layout, and used no more.
        unsafe { MEMORY.free(two, large) };
        let again = MEMORY.allocate(large, true).unwrap();
        assert_eq!(again, two);
        // SAFETY: the block has that many bytes.
        let bytes = unsafe { core::slice::from_raw_parts(again.as_ptr(), 5 << 20) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        // The lock is held, as by what a signal has interrupted.
        let held = MEMORY.lock.lock();
        assert!(MEMORY.allocate(layout, false).is_none());
        // SAFETY: as above.
        unsafe { MEMORY.free(again, large) };
        drop(held);
        MEMORY.end();
        assert!(is_on(), "a block is left");
        // SAFETY: as above.
        unsafe { MEMORY.free(one, layout) };
        assert!(!is_on() && !MEMORY.has(one.as_ptr()));
        assert_eq!(os::copy_memory(one.addr().get() as u64, &mut [0]), 0, "it is not mapped");
        assert!(MEMORY.begin() && is_on());
        MEMORY.end();
        assert!(!is_on());
    }

    #[test]
    fn only_blocks_of_one_class_fit() {
        let layout = |size| Layout::from_size_align(size, 8).unwrap();
        assert!(WorkMemory::fits(layout(1), 16) && !WorkMemory::fits(layout(16), 17));
        assert!(!WorkMemory::fits(layout(1), usize::MAX));
    }
}
