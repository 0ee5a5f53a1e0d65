//! All slots, and the figures of all threads.

use core::mem::MaybeUninit;
use std::vec::Vec;

use super::slot::{CURRENT, Current, MemorySlot, Slot, SlotStats, leave_shared};
use super::stats::{AggregateStats, ThreadName, ThreadStats};
use super::threads;
use crate::base::os;
use crate::base::sync::once::Once;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell};
use crate::engine::session;

/// Slots that are one thread's.
const SLOTS: usize = 64;

/// The slots of all threads, see [`memory_stats`](super). There is one registry, which
/// [`memory_registry`] gives.
#[derive(Debug)]
pub struct MemoryRegistry {
    slots: [Slot; SLOTS],
    overflow_count: AtomicU64,
}

static REGISTRY: MemoryRegistry = MemoryRegistry::new();

/// What threads share that found no slot. Written by atomic additions alone.
pub(super) static OVERFLOW: Slot = Slot::new();

/// The registry.
///
/// ```
/// assert_eq!(mod_alloc::memory_stats::memory_registry().capacity(), 64);
/// ```
#[inline]
#[must_use]
pub fn memory_registry() -> &'static MemoryRegistry {
    &REGISTRY
}

impl MemoryRegistry {
    const fn new() -> Self {
        MemoryRegistry { slots: [const { Slot::new() }; SLOTS], overflow_count: AtomicU64::new(0) }
    }

    /// See [`get_or_register_slot`](super::get_or_register_slot).
    #[inline]
    #[must_use]
    pub fn get_or_register_slot(&'static self) -> MemorySlot {
        CURRENT.with(|current| match current.slot.get() {
            Some(slot) => MemorySlot::new(slot),
            None => MemorySlot::new(self.register(current)),
        })
    }

    /// See [`aggregate_stats`](super::aggregate_stats).
    #[must_use]
    pub fn aggregate_stats(&self) -> AggregateStats {
        let (mut count, mut running) = (0, ThreadStats::default());
        let elsewhere = self.visit(|thread| {
            count += 1;
            running.add(&thread);
        });
        AggregateStats::new(count, running, elsewhere)
    }

    /// See [`per_thread_stats`](super::per_thread_stats).
    #[must_use]
    pub fn per_thread_stats(&self) -> Vec<ThreadStats> {
        self.read().0
    }

    /// See [`capacity`](super::capacity).
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// See [`overflow_count`](super::overflow_count).
    #[must_use]
    pub fn overflow_count(&self) -> u64 {
        self.overflow_count.load(Ordering::Relaxed)
    }

    /// The figures of each thread and of all, taken together. Allocates before it reads and not after, so
    /// that the calling thread's own figures are still true.
    pub(crate) fn read(&self) -> (Vec<ThreadStats>, AggregateStats) {
        let mut room = self.aggregate_stats().threads;
        loop {
            let mut threads = Vec::with_capacity(room);
            let mut running = ThreadStats::default();
            let mut count = 0;
            let elsewhere = self.visit(|thread| {
                count += 1;
                running.add(&thread);
                if count <= room {
                    threads.push(thread);
                }
            });
            if count <= room {
                return (threads, AggregateStats::new(count, running, elsewhere));
            }
            room = count + count / 8;
        }
    }

    /// Calls `visit` for each running thread; returns what is no thread's.
    fn visit(&self, mut visit: impl FnMut(ThreadStats)) -> ThreadStats {
        let mut slots = [const { None::<SlotStats> }; SLOTS];
        let mut elsewhere = ThreadStats::default().with_slot(OVERFLOW.all());
        for (slot, stats) in self.slots.iter().zip(&mut slots) {
            let counted = slot.all().pool_allocations;
            *stats = slot.read();
            let own = stats.map_or(0, |stats| stats.pool_allocations);
            let ended = counted.saturating_sub(own);
            elsewhere.pool_allocations = elsewhere.pool_allocations.wrapping_add(ended);
        }
        // Not the one to decide: without our allocator, a program is not to be recorded.
        if let Ok(Some(session)) = session::decided() {
            let others = threads::visit(session, |thread| {
                let mut slots = slots.iter_mut();
                let own = slots.find_map(|slot| slot.take_if(|slot| slot.id == thread.id));
                visit(thread.with_slot(own.unwrap_or_default()));
            });
            elsewhere.add(&others);
        }
        for slot in slots.into_iter().flatten() {
            let (name, id) = (ThreadName::new(slot.name), slot.id);
            visit(ThreadStats { name, id, ..ThreadStats::default() }.with_slot(slot));
        }
        elsewhere
    }

    /// The calling thread's first update: takes a slot.
    #[cold]
    fn register(&'static self, current: &Current) -> &'static Slot {
        if current.ended.get() {
            return &OVERFLOW;
        }
        let key = THREAD_END.decide(|| os::ThreadEnd::new(thread_ends), follow_forks);
        // Nobody would notice the end of a thread without a key.
        let slot = key.and_then(|_| self.take(os::thread_id(), os::thread_name()));
        let slot = slot.unwrap_or_else(|| {
            self.overflow_count.fetch_add(1, Ordering::Relaxed);
            &OVERFLOW
        });
        current.slot.set(Some(slot));
        if let Some(key) = key {
            key.set((&raw const *slot).cast_mut().cast());
        }
        slot
    }

    /// Takes the first free slot for a thread.
    fn take(&self, id: u32, name: [u8; 16]) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.take(id, name))
    }
}

/// Tells us when a thread ends that has a slot.
static THREAD_END: Once<os::ThreadEnd> =
    Once::new(AtomicU32::new(0), UnsafeCell::new(MaybeUninit::uninit()));

/// Runs when a thread ends, after the destructors of its thread-locals; `value` is its slot.
unsafe extern "C" fn thread_ends(value: *mut core::ffi::c_void) {
    CURRENT.with(|current| {
        current.end_rounds.set(current.end_rounds.get() + 1);
        // Other keys' destructors may still have something to say: stay until the last round.
        if current.end_rounds.get() < os::THREAD_END_ROUNDS
            && let Ok(Some(key)) = THREAD_END.get()
        {
            return key.set(value);
        }
        match current.slot.replace(Some(&OVERFLOW)) {
            Some(slot) if !core::ptr::eq(slot, &raw const OVERFLOW) => slot.leave(),
            _ => leave_shared(),
        }
        current.ended.set(true);
    });
}

fn follow_forks() {
    unsafe extern "C" fn nothing() {}
    os::at_fork(nothing, nothing, forked);
}

/// The process was forked: of the threads, the child has only the calling one.
unsafe extern "C" fn forked() {
    let own = CURRENT.with(|current| current.slot.get());
    for slot in REGISTRY.slots.iter().filter(|slot| !slot.is_free()) {
        match own.filter(|own| core::ptr::eq(*own, slot)) {
            Some(own) => own.rename(os::thread_id()),
            None => slot.leave(),
        }
    }
    OVERFLOW.leave();
    super::slot::share_anew();
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A slot of the first thread, whose figures tests choose.
    fn name(text: &str) -> [u8; 16] {
        let mut name = [0; 16];
        name[..text.len()].copy_from_slice(text.as_bytes());
        name
    }

    #[test]
    fn every_slot_is_one_thread_s_until_it_leaves() {
        let registry = MemoryRegistry::new();
        let taken: Vec<_> = (1..=64).map(|id| registry.take(id, name("t")).unwrap()).collect();
        let distinct: std::collections::HashSet<_> =
            taken.iter().map(|slot| (&raw const **slot).addr()).collect();
        assert_eq!(distinct.len(), 64);
        assert!(distinct.iter().all(|address| address % 64 == 0));
        assert!(registry.take(65, name("t")).is_none());
        taken[20].leave();
        assert!(core::ptr::eq(registry.take(66, name("t")).unwrap(), taken[20]));
        assert!(registry.take(67, name("t")).is_none());
    }

    #[test]
    fn the_next_thread_begins_at_zero_and_counts_stay() {
        static SLOT: Slot = Slot::new();
        let handle = MemorySlot::new(&SLOT);
        assert_eq!(SLOT.read(), None);
        assert!(SLOT.take(7, name("first")));
        handle.update_arena_stats(100);
        handle.update_pool_stats(3, 9);
        handle.increment_pool_allocations();
        handle.increment_pool_allocations();
        let read = SLOT.read().unwrap();
        assert_eq!((read.id, read.name), (7, name("first")));
        assert_eq!((read.arena_bytes, read.pool_free, read.pool_capacity), (100, 3, 9));
        assert_eq!(read.pool_allocations, 2);
        SLOT.leave();
        assert_eq!(SLOT.read(), None);
        assert!(SLOT.take(8, name("second")));
        let second = SlotStats { id: 8, name: name("second"), ..SlotStats::default() };
        assert_eq!(SLOT.read(), Some(second));
        handle.increment_pool_allocations();
        assert_eq!(SLOT.read().unwrap().pool_allocations, 1);
        assert_eq!(SLOT.all().pool_allocations, 3);
    }

    #[test]
    fn what_ended_threads_counted_is_in_the_sums() {
        let registry: &'static MemoryRegistry =
            std::boxed::Box::leak(std::boxed::Box::new(MemoryRegistry::new()));
        let slot = registry.take(u32::MAX, name("gone")).unwrap();
        let handle = MemorySlot::new(slot);
        handle.update_arena_stats(5);
        (0..3).for_each(|_| handle.increment_pool_allocations());
        let before = registry.aggregate_stats();
        assert_eq!((before.arena_bytes, before.pool_allocations), (5, 3));
        assert_eq!(before.elsewhere.pool_allocations, 0);
        slot.leave();
        let after = registry.aggregate_stats();
        assert_eq!((after.arena_bytes, after.pool_allocations), (0, 3));
        assert_eq!(after.elsewhere.pool_allocations, 3);
    }
}
