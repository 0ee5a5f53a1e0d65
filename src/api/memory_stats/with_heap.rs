//! The heap figures of each thread, joined with those of its slot.

use std::vec::Vec;

use super::handle::OVERFLOW;
use super::registry::{MemoryStatsRegistry, SLOTS};
use super::stats::{ProcessStats, ThreadMemoryStats, ThreadStats};
use super::threads;
use crate::engine::session;

type Slots = [Option<ThreadMemoryStats>; SLOTS];

impl MemoryStatsRegistry {
    /// The figures of all threads together.
    pub(super) fn process_stats(&self) -> ProcessStats {
        let (mut count, mut running) = (0, ThreadStats::default());
        let elsewhere = self.visit(|thread| {
            count += 1;
            running.add(&thread);
        });
        ProcessStats::new(count, running, elsewhere)
    }

    /// The figures of each thread and of all, taken together. Allocates before it reads and not
    /// after, so that the calling thread's figures are still true.
    pub(crate) fn read(&self) -> (Vec<ThreadStats>, ProcessStats) {
        let mut room = self.process_stats().threads;
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
                return (threads, ProcessStats::new(count, running, elsewhere));
            }
            room = count + count / 8;
        }
    }

    /// Calls `visit` for each running thread; returns the figures of no running thread.
    fn visit(&self, mut visit: impl FnMut(ThreadStats)) -> ThreadStats {
        let mut slots = [const { None }; SLOTS];
        let mut elsewhere = self.read_slots(&mut slots);
        // This call does not decide: a program with another allocator is not to be recorded.
        if let Ok(Some(session)) = session::decided() {
            let others = threads::visit(session, |thread| {
                let own = take_slot(&mut slots, thread.id);
                visit(thread.with_slot(own.unwrap_or_default()));
            });
            elsewhere.add(&others);
        }
        slots.into_iter().flatten().for_each(|slot| visit(without_heap(slot)));
        elsewhere
    }

    /// Fills in the slots' figures; returns those of the shared slot and of ended threads.
    fn read_slots(&self, slots: &mut Slots) -> ThreadStats {
        let [arena_bytes, pool_free, pool_capacity] = OVERFLOW.read_gauges();
        let mut pool_allocations = OVERFLOW.all_pool_allocations();
        for (slot, stats) in self.slots().iter().zip(slots) {
            let counted = slot.all_pool_allocations();
            *stats = slot.stats();
            let own = stats.map_or(0, |stats| stats.pool_allocations);
            pool_allocations = pool_allocations.wrapping_add(counted.saturating_sub(own));
        }
        ThreadStats {
            arena_bytes,
            pool_free,
            pool_capacity,
            pool_allocations,
            ..ThreadStats::default()
        }
    }
}

fn take_slot(slots: &mut Slots, id: u32) -> Option<ThreadMemoryStats> {
    let mut slots = slots.iter_mut();
    slots.find_map(|slot| slot.take_if(|slot| slot.thread_id == u64::from(id)))
}

/// A thread that has a slot and has not allocated.
fn without_heap(slot: ThreadMemoryStats) -> ThreadStats {
    // A kernel id has 32 bits.
    let (id, name) = (slot.thread_id as u32, slot.name);
    ThreadStats { name, id, ..ThreadStats::default() }.with_slot(slot)
}
