//! The calling thread's way to its slot, and its part of the shared slot.

use core::cell::Cell;
use core::marker::PhantomData;

use super::slot::MemorySlot;
use crate::base::sync::Ordering;

/// The slot of all threads that found none free. Written by atomic additions only.
pub(super) static OVERFLOW: MemorySlot = MemorySlot::new();

/// A thread's knowledge of its slot. It has no destructor, so it can be used until the thread's
/// last instruction.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) slot: Cell<Option<&'static MemorySlot>>,
    /// The thread has given its slot back.
    pub(super) ended: Cell<bool>,
    /// Announcements of the thread's end so far.
    pub(super) end_rounds: Cell<u32>,
    /// This thread's part of the shared slot's arenas, free objects and capacity.
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

/// The calling thread's way to its slot, or to the shared slot; see
/// [`slot_handle`](super::slot_handle).
///
/// A handle stays valid as long as its thread runs. Keep it where updates are frequent: it saves
/// finding the slot each time. It cannot be sent to another thread.
///
/// ```
/// use mod_alloc::memory_stats::{SlotHandle, slot_handle};
///
/// struct Arena {
///     bytes: usize,
///     slot: SlotHandle,
/// }
///
/// impl Arena {
///     fn grow(&mut self, bytes: usize) {
///         self.bytes += bytes;
///         self.slot.update_arena_stats(self.bytes);
///     }
/// }
///
/// let mut arena = Arena { bytes: 0, slot: slot_handle() };
/// arena.grow(4096);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SlotHandle {
    slot: &'static MemorySlot,
    /// Only the thread that has the slot may write to it.
    _of_this_thread: PhantomData<*const ()>,
}

impl SlotHandle {
    #[inline(always)]
    pub(super) fn new(slot: &'static MemorySlot) -> Self {
        SlotHandle { slot, _of_this_thread: PhantomData }
    }

    #[inline(always)]
    fn is_shared(self) -> bool {
        core::ptr::eq(self.slot, &raw const OVERFLOW)
    }

    /// Sets the bytes that all arenas of the thread hold now.
    ///
    /// ```
    /// use mod_alloc::memory_stats::{memory_registry, slot_handle};
    ///
    /// slot_handle().update_arena_stats(1 << 20);
    /// assert_eq!(memory_registry().aggregate_stats().total_arena_bytes, 1 << 20);
    /// ```
    #[inline]
    pub fn update_arena_stats(self, bytes: usize) {
        if self.is_shared() {
            return share(0, bytes as u64);
        }
        self.slot.set_arena(bytes);
    }

    /// Sets the objects that all pools of the thread have left now, and those that they can hold.
    ///
    /// ```
    /// use mod_alloc::memory_stats::{memory_registry, slot_handle};
    ///
    /// slot_handle().update_pool_stats(12, 64);
    /// assert_eq!(memory_registry().aggregate_stats().total_pool_free, 12);
    /// ```
    #[inline]
    pub fn update_pool_stats(self, free: usize, capacity: usize) {
        if self.is_shared() {
            share(1, free as u64);
            return share(2, capacity as u64);
        }
        self.slot.set_pool(free, capacity);
    }

    /// Counts one object more that the thread took from a pool.
    ///
    /// ```
    /// use mod_alloc::memory_stats::{memory_registry, slot_handle};
    ///
    /// slot_handle().increment_pool_allocations();
    /// assert_eq!(memory_registry().aggregate_stats().total_pool_allocations, 1);
    /// ```
    #[inline]
    pub fn increment_pool_allocations(self) {
        if self.is_shared() {
            return self.slot.count_shared_pool_allocation();
        }
        self.slot.count_pool_allocation();
    }
}

/// Sets this thread's part of one of the shared slot's figures. A thread that has ended has none.
#[cold]
fn share(which: usize, value: u64) {
    CURRENT.with(|current| {
        if current.ended.get() {
            return;
        }
        let (figures, shares) = (OVERFLOW.gauges(), &current.shares);
        let (Some(figure), Some(share)) = (figures.get(which), shares.get(which)) else { return };
        let before = share.replace(value);
        figure.fetch_add(value.wrapping_sub(before), Ordering::Relaxed);
    });
}

/// Takes the thread's part out of the shared slot: the thread ends.
pub(super) fn leave_shared() {
    (0..3).for_each(|which| share(which, 0));
}

/// Empties the shared slot but for this thread's part: the process is a forked child.
pub(super) fn share_anew() {
    OVERFLOW.clear_gauges();
    CURRENT.with(|current| {
        let shares = current.shares.each_ref().map(|share| share.replace(0));
        shares.iter().enumerate().for_each(|(which, value)| share(which, *value));
    });
}
