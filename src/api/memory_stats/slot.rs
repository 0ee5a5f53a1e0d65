//! A thread's slot: what it says of its own arenas and pools.
//!
//! ```text
//!  FREE ──one exchange──▶ TAKEN ──described──▶ READY ──the thread ends──▶ FREE
//! ```
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | taking | Acquire | the Release of Free in `leave` | that the last thread writes no more |
//! | Ready in `take` | Release | the Acquire in `read` | whose slot it is |
//!
//! The figures themselves are single numbers, each read and written by itself: Relaxed.

use core::cell::Cell;
use core::marker::PhantomData;

use super::registry::OVERFLOW;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const READY: u32 = 2;

/// One thread's figures, on a cache line of their own.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    state: AtomicU32,
    /// Kernel id of the thread.
    id: AtomicU32,
    name: [AtomicU64; 2],
    arena_bytes: AtomicU64,
    pool_free: AtomicU64,
    pool_capacity: AtomicU64,
    /// Never goes back, so that no reader misses what an ended thread has counted.
    pool_allocations: AtomicU64,
    /// What `pool_allocations` was when the thread took the slot.
    allocations_before: AtomicU64,
}

const _: () = assert!(size_of::<Slot>() == 64, "a cache line");

/// What a slot says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SlotStats {
    pub(super) id: u32,
    pub(super) name: [u8; 16],
    pub(super) arena_bytes: u64,
    pub(super) pool_free: u64,
    pub(super) pool_capacity: u64,
    pub(super) pool_allocations: u64,
}

impl Slot {
    pub(super) const fn new() -> Self {
        Slot {
            state: AtomicU32::new(FREE),
            id: AtomicU32::new(0),
            name: [const { AtomicU64::new(0) }; 2],
            arena_bytes: AtomicU64::new(0),
            pool_free: AtomicU64::new(0),
            pool_capacity: AtomicU64::new(0),
            pool_allocations: AtomicU64::new(0),
            allocations_before: AtomicU64::new(0),
        }
    }

    /// Takes the slot for the thread with that id, if it is free.
    pub(super) fn take(&self, id: u32, name: [u8; 16]) -> bool {
        let is_taken = self.state.load(Ordering::Relaxed) == FREE
            && self
                .state
                .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if is_taken {
            self.id.store(id, Ordering::Relaxed);
            crate::store::layout::store_bytes(&self.name, &name);
            let before = self.pool_allocations.load(Ordering::Relaxed);
            self.allocations_before.store(before, Ordering::Relaxed);
            self.state.store(READY, Ordering::Release);
        }
        is_taken
    }

    /// The thread ends, and its arenas and pools with it.
    pub(super) fn leave(&self) {
        self.id.store(0, Ordering::Relaxed);
        for gauge in [&self.arena_bytes, &self.pool_free, &self.pool_capacity] {
            gauge.store(0, Ordering::Relaxed);
        }
        self.state.store(FREE, Ordering::Release);
    }

    /// The thread goes on in a forked child, under another id.
    pub(super) fn rename(&self, id: u32) {
        self.id.store(id, Ordering::Relaxed);
    }

    pub(super) fn is_free(&self) -> bool {
        self.state.load(Ordering::Relaxed) == FREE
    }

    /// The slot's thread and its figures; `None` if it has no thread.
    pub(super) fn read(&self) -> Option<SlotStats> {
        if self.state.load(Ordering::Acquire) != READY {
            return None;
        }
        let stats = self.all();
        let before = self.allocations_before.load(Ordering::Relaxed);
        // Meanwhile the slot may have gone to another thread.
        let is_same = stats.id != 0 && self.id.load(Ordering::Relaxed) == stats.id;
        let pool_allocations = stats.pool_allocations.wrapping_sub(before);
        is_same.then_some(SlotStats { pool_allocations, ..stats })
    }

    /// The figures whoever the slot's is, with all that its ended threads counted.
    pub(super) fn all(&self) -> SlotStats {
        let [low, high] = &self.name;
        let word = |name: &AtomicU64| name.load(Ordering::Relaxed).to_ne_bytes();
        let mut name = [0; 16];
        name[..8].copy_from_slice(&word(low));
        name[8..].copy_from_slice(&word(high));
        SlotStats {
            id: self.id.load(Ordering::Relaxed),
            name,
            arena_bytes: self.arena_bytes.load(Ordering::Relaxed),
            pool_free: self.pool_free.load(Ordering::Relaxed),
            pool_capacity: self.pool_capacity.load(Ordering::Relaxed),
            pool_allocations: self.pool_allocations.load(Ordering::Relaxed),
        }
    }
}

/// What a thread knows of its slot. Has no destructor, so it can be used until the thread's last
/// instruction.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) slot: Cell<Option<&'static Slot>>,
    /// The thread has given its slot back.
    pub(super) ended: Cell<bool>,
    /// How often the thread's end was announced.
    pub(super) end_rounds: Cell<u32>,
    /// What of the shared slot's arenas, free objects and capacity is this thread's.
    shares: [Cell<u64>; 3],
}

std::thread_local! {
    pub(super) static CURRENT: Current = const {
        Current {
            slot: Cell::new(None),
            ended: Cell::new(false),
            end_rounds: Cell::new(0),
            shares: [const { Cell::new(0) }; 3],
        }
    };
}

/// The calling thread's place for what it says of its own memory, see [`memory_stats`](super).
///
/// It stays with the thread. Kept where updates are frequent, it saves looking it up.
#[derive(Debug, Clone, Copy)]
pub struct MemorySlot {
    slot: &'static Slot,
    /// Only the thread that the slot is of may write to it.
    _of_this_thread: PhantomData<*const ()>,
}

impl MemorySlot {
    #[inline(always)]
    pub(super) fn new(slot: &'static Slot) -> Self {
        MemorySlot { slot, _of_this_thread: PhantomData }
    }

    #[inline(always)]
    fn is_shared(self) -> bool {
        core::ptr::eq(self.slot, &raw const OVERFLOW)
    }

    /// The thread's arenas hold `bytes` bytes now, all of them together.
    ///
    /// ```
    /// let slot = mod_alloc::memory_stats::get_or_register_slot();
    /// slot.update_arena_stats(1 << 20);
    /// assert_eq!(mod_alloc::memory_stats::aggregate_stats().arena_bytes, 1 << 20);
    /// ```
    #[inline]
    pub fn update_arena_stats(self, bytes: usize) {
        if self.is_shared() {
            return share(0, bytes as u64);
        }
        self.slot.arena_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    /// The thread's pools have `free` objects left now of `capacity`, all of them together.
    ///
    /// ```
    /// let slot = mod_alloc::memory_stats::get_or_register_slot();
    /// slot.update_pool_stats(12, 64);
    /// ```
    #[inline]
    pub fn update_pool_stats(self, free: usize, capacity: usize) {
        if self.is_shared() {
            share(1, free as u64);
            return share(2, capacity as u64);
        }
        self.slot.pool_free.store(free as u64, Ordering::Relaxed);
        self.slot.pool_capacity.store(capacity as u64, Ordering::Relaxed);
    }

    /// The thread took one more object from a pool.
    ///
    /// ```
    /// let slot = mod_alloc::memory_stats::get_or_register_slot();
    /// slot.increment_pool_allocations();
    /// assert_eq!(mod_alloc::memory_stats::aggregate_stats().pool_allocations, 1);
    /// ```
    #[inline]
    pub fn increment_pool_allocations(self) {
        let count = &self.slot.pool_allocations;
        if self.is_shared() {
            count.fetch_add(1, Ordering::Relaxed);
        } else {
            // One writer: no locked instruction is needed.
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }
}

/// Sets this thread's part of one of the shared slot's figures. A thread that has ended has none.
#[cold]
fn share(which: usize, value: u64) {
    CURRENT.with(|current| {
        if current.ended.get() {
            return;
        }
        let figures = [&OVERFLOW.arena_bytes, &OVERFLOW.pool_free, &OVERFLOW.pool_capacity];
        let (Some(figure), Some(share)) = (figures.get(which), current.shares.get(which)) else {
            return;
        };
        let before = share.replace(value);
        figure.fetch_add(value.wrapping_sub(before), Ordering::Relaxed);
    });
}

/// The thread ends: nothing of the shared slot is its any more.
pub(super) fn leave_shared() {
    (0..3).for_each(|which| share(which, 0));
}

/// In a forked child: the shared slot is empty but for this thread's part.
pub(super) fn share_anew() {
    CURRENT.with(|current| {
        let shares = current.shares.each_ref().map(|share| share.replace(0));
        shares.iter().enumerate().for_each(|(which, value)| share(which, *value));
    });
}
