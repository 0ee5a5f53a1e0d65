//! Totals of the process at any moment, without stacks.

use crate::heap::EXACT;
use crate::hook::ModAlloc;
use crate::session::{self, Session};
use crate::sync::Ordering;

/// The process's allocations up to one moment.
///
/// With one thread allocating the numbers are exact. With several, totals and current values
/// miss at most the events that are being recorded at that moment, and the maxima are
/// within 1 % (exact with `MOD_ALLOC_PEAK=exact`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AllocStats {
    /// Allocations, zeroed allocations and reallocations.
    pub alloc_count: u64,
    /// Bytes allocated; of a reallocation only what it grew by.
    pub total_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
    /// Bytes live now.
    pub current_bytes: u64,
    /// Blocks live now.
    pub live_count: u64,
    /// The most blocks live at once.
    pub peak_live_count: u64,
}

impl<A> ModAlloc<A> {
    /// The process's allocations so far; all zero with `MOD_ALLOC=off` and before the first one.
    #[must_use]
    pub fn snapshot(&self) -> AllocStats {
        session::get().map(totals).unwrap_or_default()
    }
}

fn totals(session: &Session) -> AllocStats {
    let mut stats = AllocStats::default();
    let (mut freed_bytes, mut freed_blocks) = (0_u64, 0_u64);
    // In exact mode one front counts all events, whatever else counts them.
    let exact = session.heap().mode.load(Ordering::Relaxed) == EXACT;
    let fronts = session.used_slots().map(|(_, slot)| &slot.front);
    let fronts = fronts.filter(|_| !exact).chain(exact.then_some(&session.heap().exact));
    for front in fronts {
        stats.alloc_count += front.total.blocks.get();
        stats.total_bytes += front.total.bytes.get();
        stats.total_bytes = stats.total_bytes.wrapping_sub(front.kept_bytes.get());
        freed_bytes += front.freed.bytes.get();
        freed_bytes = freed_bytes.wrapping_sub(front.kept_bytes.get());
        freed_blocks += front.freed.blocks.get();
    }
    stats.current_bytes = stats.total_bytes.saturating_sub(freed_bytes);
    stats.live_count = stats.alloc_count.saturating_sub(freed_blocks);
    let sole = session.heap().sole.load(Ordering::Relaxed).checked_sub(1);
    let front = sole.and_then(|index| session.slot(index)).map(|slot| &slot.front);
    let heap = session.heap().now(front);
    stats.peak_bytes = heap.peak_bytes.max(0).cast_unsigned().max(stats.current_bytes);
    stats.peak_live_count = heap.peak_blocks.max(0).cast_unsigned().max(stats.live_count);
    stats
}
