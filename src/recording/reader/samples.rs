//! Where blocks are sampled: estimates as whole numbers, and the exact numbers of the heap.

use super::span::Window;
use super::{heap_now, interval};
use crate::base::sync::Ordering;
use crate::recording::model::{Counters, Sampling, Site};
use crate::store::layout::Header;
use crate::store::rates::RATES;
use crate::store::sampling::{BLOCK_SHIFT, whole};
use crate::store::view::View;

/// The mean gap between samples in bytes, the largest so far; 0: each block is recorded, as in all
/// older versions.
pub(super) fn mean_gap(header: &Header) -> u64 {
    const SINCE: u32 = 5;
    let is_known = header.version.load(Ordering::Relaxed) >= SINCE;
    let first = if is_known { header.late.sample.get() } else { 0 };
    // A recording without samples has no rates.
    match first {
        0 => 0,
        first => rates(header).max().unwrap_or(first),
    }
}

/// True if the header has the rates of samples, where the command line went on before.
pub(super) fn has_rates(header: &Header) -> bool {
    const SINCE: u32 = 6;
    header.version.load(Ordering::Relaxed) >= SINCE
}

/// The mean gaps of all rates so far.
fn rates(header: &Header) -> impl Iterator<Item = u64> {
    header.rates.gaps().filter(|_| has_rates(header))
}

/// The binary places that blocks have, and that times lack.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places(u32);

impl Places {
    pub(super) fn of(header: &Header) -> Self {
        Places(if mean_gap(header) == 0 { 0 } else { BLOCK_SHIFT })
    }

    /// The nearest whole number. Something is never nothing.
    pub(super) fn whole(self, blocks: u64) -> u64 {
        if self.0 == 0 { blocks } else { whole(blocks) }
    }

    /// A time in clock units as tallies multiply it.
    pub(super) fn time(self, units: u64) -> u64 {
        units >> self.0
    }
}

/// The samples, if blocks were sampled. Threads have counted all blocks, each in the class of its
/// size. What a thread has told nobody of yet is in its own numbers.
pub(super) fn sampling(view: &View<'_>, window: Window, sites: &[Site]) -> Option<Sampling> {
    let mean_gap = Some(mean_gap(view.header)).filter(|gap| *gap != 0)?;
    let natural = |number: i64| number.max(0).cast_unsigned();
    let sizes = view.used_histograms().flat_map(|entry| entry.sizes.classes());
    let (total_bytes, total_blocks) = sizes.fold((0, 0), |sum: (u64, u64), (bytes, blocks)| {
        (sum.0.wrapping_add(bytes), sum.1.wrapping_add(blocks))
    });
    let (end_bytes, end_blocks) = match window.first {
        0 => live(view),
        // The threads' own numbers are those of all windows.
        _ => (interval(view).live_bytes, interval(view).live_blocks),
    };
    let heap = heap_now(view);
    let exact = Counters {
        total_bytes,
        total_blocks,
        peak_bytes: natural(heap.peak_bytes.max(end_bytes)),
        peak_blocks: match heap.at_peak {
            true => natural(end_blocks),
            false => sites.iter().map(|site| site.counters.peak_blocks).sum(),
        },
        end_bytes: natural(end_bytes),
        end_blocks: natural(end_blocks),
        ..Counters::default()
    };
    let mut gaps = [0; RATES];
    gaps.iter_mut().zip(rates(view.header)).for_each(|(place, gap)| *place = gap);
    Some(Sampling { mean_gap, gaps, exact })
}

/// Bytes and blocks live, by the threads' own numbers.
fn live(view: &View<'_>) -> (i64, i64) {
    let fronts =
        view.used_slots().map(|(_, slot)| (slot.front.total.get(), slot.front.freed.get()));
    fronts.fold((0, 0), |(bytes, blocks): (i64, i64), (total, freed)| {
        let more = [total.0.wrapping_sub(freed.0), total.1.wrapping_sub(freed.1)];
        let [more_bytes, more_blocks] = more.map(u64::cast_signed);
        (bytes.wrapping_add(more_bytes), blocks.wrapping_add(more_blocks))
    })
}
