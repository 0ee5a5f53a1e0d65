//! How sure a change is, where blocks were sampled.

use crate::dhat_file::Document;
use crate::report::Sort;

use super::compare::{Comparison, Row, Side};

/// The least and the most that the change of a row's number is in 95 of 100 cases; `None`: it is
/// exact.
///
/// The bounds of both sides are combined by Newcombe's method, as their errors are independent.
pub(super) fn of_change(
    comparison: &Comparison<'_>,
    row: &Row<'_>,
    sort: Sort,
) -> Option<[i128; 2]> {
    let [earlier, later] = comparison.documents;
    if earlier.samples().is_none() && later.samples().is_none() {
        return None;
    }
    let [before, before_least, before_most] = of_side(earlier, &row.before, sort);
    let [after, after_least, after_most] = of_side(later, &row.after, sort);
    let change = after - before;
    let least = change - (after - after_least).hypot(before_most - before);
    let most = change + (after_most - after).hypot(before - before_least);
    Some([least, most].map(|bound| bound.round() as i128))
}

/// The number, and its bounds.
fn of_side(document: &Document, side: &Side, sort: Sort) -> [f64; 3] {
    let (number, numbers) = (side.number(sort), &side.numbers);
    let (bytes, blocks) = match sort {
        Sort::Total | Sort::Blocks | Sort::Short => (numbers.total_bytes, numbers.total_blocks),
        Sort::Peak => (numbers.peak_bytes, numbers.peak_blocks),
        Sort::End => (numbers.end_bytes, numbers.end_blocks),
    };
    let bounds = document.samples().and_then(|samples| samples.bounds(bytes, blocks));
    let [least, most] = match bounds {
        None => [number; 2],
        Some(bounds) if sort.counts_bytes() => bounds.bytes,
        Some(bounds) => bounds.blocks,
    };
    let scale = if sort == Sort::Short { number as f64 / blocks.max(1) as f64 } else { 1.0 };
    [number as f64, least as f64 * scale, most as f64 * scale]
}
