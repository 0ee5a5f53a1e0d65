//! The heap figures of each thread, by the profiler's slots.

use super::stats::ThreadStats;
use super::thread_name::ThreadName;
use crate::engine::beginnings::{self, Numbers, Running};
use crate::engine::session::Session;

/// Calls `visit` for each running thread; returns the figures of no running thread.
pub(super) fn visit(session: &Session, mut visit: impl FnMut(ThreadStats)) -> ThreadStats {
    let mut elsewhere = ThreadStats::default();
    for (index, slot) in session.used_slots() {
        let others = match beginnings::running(index, slot) {
            Some(running) => {
                visit(figures(&running));
                running.before
            }
            None => Numbers::of(&slot.front),
        };
        elsewhere.add(&since(others, Numbers::default()));
    }
    elsewhere
}

fn figures(running: &Running) -> ThreadStats {
    let Running { id, name, now, before, peak } = *running;
    let stats = since(now, before);
    let peak = peak.wrapping_sub(before.live_bytes());
    ThreadStats {
        name: ThreadName::new(name),
        id,
        // The thread may be in the middle of an event.
        peak_bytes: peak.max(stats.live_bytes).max(0).cast_unsigned(),
        ..stats
    }
}

/// The growth of the numbers since `before`.
fn since(now: Numbers, before: Numbers) -> ThreadStats {
    let grown = |numbers: Numbers| numbers.total_bytes.wrapping_sub(numbers.kept_bytes);
    let live_blocks = |numbers: Numbers| numbers.total_blocks.wrapping_sub(numbers.freed_blocks);
    ThreadStats {
        total_bytes: now.total_bytes.wrapping_sub(before.total_bytes),
        grown_bytes: grown(now).wrapping_sub(grown(before)),
        total_blocks: now.total_blocks.wrapping_sub(before.total_blocks),
        live_bytes: now.live_bytes().wrapping_sub(before.live_bytes()),
        live_blocks: live_blocks(now).wrapping_sub(live_blocks(before)).cast_signed(),
        ..ThreadStats::default()
    }
}
