//! The process's totals, from the table of the portable engine.

use super::{AllocStats, SHOWN};
use crate::engine::table::TABLE;

/// The process's totals since its start.
pub(crate) fn totals() -> AllocStats {
    let totals = TABLE.with(|table| {
        let numbers = table.process;
        let total_bytes =
            if cfg!(feature = "compat-1-0") { numbers.grown_bytes } else { numbers.total.bytes };
        AllocStats {
            alloc_count: numbers.total.blocks,
            total_bytes,
            grown_bytes: numbers.grown_bytes,
            peak_bytes: table.heap.most_bytes,
            current_bytes: numbers.total.bytes.wrapping_sub(numbers.freed.bytes),
            live_count: numbers.total.blocks.wrapping_sub(numbers.freed.blocks),
            peak_live_count: table.heap.most_blocks,
        }
    });
    let mut stats = totals.unwrap_or_default();
    SHOWN.raise(&mut stats);
    stats
}
