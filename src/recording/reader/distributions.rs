//! The distributions: all threads' histograms, added up.

use std::vec;

use crate::base::sync::Ordering;
use crate::recording::model::{Histogram, Histograms};
use crate::store::histograms::{CLASSES, Histogram as HistogramWords};
use crate::store::view::View;

/// The first version with histograms.
const SINCE: u32 = 3;

pub(super) fn histograms(view: &View<'_>) -> Option<Histograms> {
    let has_them = view.header.version.load(Ordering::Relaxed) >= SINCE;
    has_them.then(|| Histograms {
        sizes: Some(sum(view.used_histograms().map(|entry| &entry.sizes))),
        lifetimes: (view.header.self_check.lifetimes.get() != 0)
            .then(|| sum(view.used_histograms().map(|entry| &entry.lifetimes))),
    })
}

/// The sum of some histograms, without the empty classes at its end.
fn sum<'a>(parts: impl Iterator<Item = &'a HistogramWords>) -> Histogram {
    let mut sum = Histogram { blocks: vec![0; CLASSES], bytes: vec![0; CLASSES] };
    for part in parts {
        let sums = sum.bytes.iter_mut().zip(&mut sum.blocks);
        for ((bytes, blocks), (more_bytes, more_blocks)) in sums.zip(part.classes()) {
            *bytes = bytes.wrapping_add(more_bytes);
            *blocks = blocks.wrapping_add(more_blocks);
        }
    }
    let used = sum.blocks.iter().rposition(|blocks| *blocks != 0).map_or(0, |last| last + 1);
    sum.blocks.truncate(used);
    sum.bytes.truncate(used);
    sum
}
