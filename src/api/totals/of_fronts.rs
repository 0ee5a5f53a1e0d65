//! The process's totals, from the fronts of its threads.

use super::{AllocStats, SHOWN};
use crate::base::sync::Ordering;
use crate::engine::session;
use crate::engine::session::Session;
use crate::store::peak::EXACT;

/// The process's totals since its start.
pub(crate) fn totals() -> AllocStats {
    session::decided().ok().flatten().map(totals_of).unwrap_or_default()
}

fn totals_of(session: &Session) -> AllocStats {
    let mut stats = AllocStats::default();
    let (mut freed_bytes, mut freed_blocks) = (0_u64, 0_u64);
    // Without stacks one front counts all events of exact mode, and no other does.
    let exact = session.heap().mode.load(Ordering::Relaxed) == EXACT;
    let exact = exact && cfg!(not(feature = "backtraces"));
    let fronts = || {
        let of_threads = session.used_slots().map(|(_, slot)| &slot.front);
        of_threads.filter(|_| !exact).chain(exact.then_some(&session.heap().exact))
    };
    // Frees come last: events meanwhile make the live bytes less, never more than they were.
    for front in fronts() {
        stats.alloc_count += front.total.blocks.get();
        stats.total_bytes += front.total.bytes.get();
        stats.grown_bytes += front.total.bytes.get().wrapping_sub(front.kept_bytes.get());
    }
    for front in fronts() {
        freed_bytes += front.freed.bytes.get();
        freed_blocks += front.freed.blocks.get();
    }
    stats.current_bytes = stats.total_bytes.saturating_sub(freed_bytes);
    stats.live_count = stats.alloc_count.saturating_sub(freed_blocks);
    if cfg!(feature = "compat-1-0") {
        stats.total_bytes = stats.grown_bytes;
    }
    let sole = session.heap().sole_thread();
    let front = sole.and_then(|index| session.slot(index)).map(|slot| &slot.front);
    let heap = session.heap().now(front);
    stats.peak_bytes = heap.peak_bytes.max(0).cast_unsigned();
    stats.peak_live_count = heap.peak_blocks.max(0).cast_unsigned();
    SHOWN.raise(&mut stats);
    stats
}
