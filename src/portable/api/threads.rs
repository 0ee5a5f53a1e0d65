//! The heap figures of each thread, by the table of the portable engine.

use std::vec::Vec;

use super::stats::ThreadStats;
use super::thread_name::ThreadName;
use crate::base::current::as_profiler;
use crate::engine::session::Session;
use crate::engine::table::TABLE;
use crate::engine::threads::Numbers;

/// Hands over the figures of each running thread; returns those of all others together.
pub(super) fn visit(_session: &Session, visit: impl FnMut(ThreadStats)) -> ThreadStats {
    let (mut running, mut elsewhere) = (Vec::new(), ThreadStats::default());
    as_profiler(|| {
        TABLE.with(|table| {
            running.extend(table.threads.running().map(|thread| {
                let stats = figures(&thread.numbers);
                ThreadStats {
                    name: ThreadName::new(thread.name),
                    id: thread.id,
                    peak_bytes: thread.peak.max(0).cast_unsigned(),
                    ..stats
                }
            }));
            elsewhere = figures(&table.threads.elsewhere);
        });
    });
    running.sort_by_key(|thread| thread.id);
    running.iter().copied().for_each(visit);
    as_profiler(|| drop(running));
    elsewhere
}

fn figures(numbers: &Numbers) -> ThreadStats {
    let live_blocks = numbers.total.blocks.wrapping_sub(numbers.freed.blocks);
    ThreadStats {
        total_bytes: numbers.total.bytes,
        grown_bytes: numbers.grown_bytes,
        total_blocks: numbers.total.blocks,
        live_bytes: numbers.live_bytes(),
        live_blocks: live_blocks.cast_signed(),
        ..ThreadStats::default()
    }
}
