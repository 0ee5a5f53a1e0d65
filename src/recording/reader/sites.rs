//! The call sites: each one's shares, added up.

use std::vec;
use std::vec::Vec;

use super::samples::{Places, mean_gap};
use super::span::{Span, Window};
use crate::base::sync::Ordering;
use crate::recording::model::{Counters, Site};
use crate::store::arena::Arena;
use crate::store::ids::SiteId;
use crate::store::peak::{BOUNDED, HeapNow};
use crate::store::sites::{NO_SITE, Owner, TABLE_FULL};
use crate::store::tally::{Epoch, Tally};
use crate::store::view::View;

/// A site's shares, added up.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    total_bytes: u64,
    total_blocks: u64,
    time: u64,
    live: (i64, i64),
    /// Live before the threads' pending shares: what the site had before it is told of them.
    settled: (i64, i64),
    peak: (i64, i64),
}

impl Sum {
    /// Adds a tally that had `peak` at the heap's peak.
    fn add(&mut self, tally: &Tally, peak: (i64, i64)) {
        self.total_bytes = self.total_bytes.wrapping_add(tally.total.bytes.get());
        self.total_blocks = self.total_blocks.wrapping_add(tally.total.blocks.get());
        self.time = self.time.wrapping_add(tally.time.get());
        self.peak = (self.peak.0.wrapping_add(peak.0), self.peak.1.wrapping_add(peak.1));
        let live = (tally.live_bytes(), tally.live_blocks());
        self.live = (self.live.0.wrapping_add(live.0), self.live.1.wrapping_add(live.1));
    }

    /// The site's numbers, of which its own tally has noted a maximum.
    fn counters(&self, noted: (i64, i64), span: Span, opened: u64, places: Places) -> Counters {
        let natural = |number: i64| number.max(0).cast_unsigned();
        let (end_bytes, end_blocks) = (natural(self.live.0), natural(self.live.1));
        // Below zero by a moment where a thread was killed in the middle of an event; and what died
        // after the end was noted has not lived longer than that.
        let lifetimes = self.time.wrapping_add(end_blocks.wrapping_mul(places.time(span.units)));
        let lifetimes = span.micros(natural(lifetimes.cast_signed()));
        // In the microseconds of the report, whose end is rounded down, too.
        let total_blocks = places.whole(self.total_blocks);
        let longest = total_blocks.saturating_mul(span.end_micros(opened));
        let noted = (natural(noted.0), natural(noted.1));
        let now = (end_bytes, end_blocks);
        let settled = (natural(self.settled.0), natural(self.settled.1));
        let at_peak = (natural(self.peak.0), natural(self.peak.1));
        // The later of equal maxima counts.
        let (max_bytes, max_blocks) =
            [at_peak, noted, settled, now].into_iter().max_by_key(|max| max.0).unwrap_or(now);
        Counters {
            total_bytes: self.total_bytes,
            total_blocks,
            lifetimes_micros: lifetimes.min(longest),
            max_bytes,
            max_blocks: places.whole(max_blocks),
            peak_bytes: natural(self.peak.0),
            peak_blocks: places.whole(natural(self.peak.1)),
            end_bytes,
            end_blocks: places.whole(end_blocks),
        }
    }
}

/// The window's sites that have had events, with their ids.
pub(super) fn sites(
    view: &View<'_>,
    mut heap: HeapNow,
    span: Span,
    window: Window,
) -> Vec<(usize, Site)> {
    let places = Places::of(view.header);
    let epoch = Epoch::new(view.header.heap.epoch.get());
    if let Some(at_peak) = is_at_peak_after_all(view, window) {
        heap.at_peak = at_peak;
    }
    let mut sums = vec![Sum::default(); view.records.len().min(view.tallies.len())];
    for (index, (sum, record)) in sums.iter_mut().zip(view.records).enumerate() {
        let Some(own) = view.tallies.get(index) else { continue };
        sum.add(own, own.own_at_peak(record.saved(), epoch, heap.at_peak));
        let is_shared = view.owners.get(index).is_some_and(Owner::is_shared);
        if let Some(others) = view.shared.get(index).filter(|_| is_shared) {
            sum.add(others, others.at_peak(epoch, heap.at_peak));
        }
        sum.settled = sum.live;
    }
    for share in view.used_arenas().flat_map(Arena::shares) {
        if let Some(sum) = sums.get_mut(share.site().index()).filter(|_| share.site() != NO_SITE) {
            sum.add(share, share.at_peak(epoch, heap.at_peak));
        }
    }
    sums.iter()
        .zip(view.records.iter().zip(view.tallies))
        .enumerate()
        .skip(window.first)
        .filter(|(_, (sum, _))| sum.total_blocks != 0)
        .map(|(id, (sum, (record, own)))| {
            let frame = record.frame.load(Ordering::Relaxed);
            (id, Site { frame, counters: sum.counters(own.max(), span, window.opened, places) })
        })
        .collect()
}

/// True if the heap is at its maximum, where the thread that knows was stopped in the middle of an
/// event: it has told the heap and not the site yet, or just now. What all sites have decides then.
fn is_at_peak_after_all(view: &View<'_>, window: Window) -> Option<bool> {
    let heap = &view.header.heap;
    let is_sole = heap.mode.load(Ordering::Relaxed) != BOUNDED;
    let is_inside = view.used_slots().any(|(_, slot)| slot.inside.load(Ordering::Relaxed) != 0);
    // Of estimates no sum is the heap's.
    (is_sole && is_inside && mean_gap(view.header) == 0).then(|| {
        let shares = view.used_arenas().flat_map(Arena::shares);
        let first = SiteId::at(window.first).max(TABLE_FULL);
        let shares = shares.filter(|share| share.site() >= first);
        let own = window.of_sites(view.tallies);
        let tallies = own.iter().chain(window.of_sites(view.shared)).chain(shares);
        let live = tallies.map(Tally::live_bytes).fold(0, i64::wrapping_add);
        live >= heap.peak_bytes.get()
    })
}

#[cfg(all(test, feature = "dhat-compat"))]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_fit_into_the_time_that_a_report_shows() {
        let sum = Sum { total_blocks: 2, live: (0, 2), ..Sum::default() };
        let span = Span { units: 1000, nanos: 359_900 };
        assert_eq!((span.end_micros(0), span.micros(2000)), (359, 719));
        assert_eq!(sum.counters((0, 0), span, 0, Places::default()).lifetimes_micros, 718);
    }
}
