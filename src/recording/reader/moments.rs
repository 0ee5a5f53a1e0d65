//! The sites' numbers at the moments of the log.

use std::vec;
use std::vec::Vec;

use super::samples::Places;
use super::timeline::{Moment, Sums};
use super::words::bytes;
use crate::base::sync::Ordering;
use crate::recording::model::{Moments, SiteMoment};
use crate::recording::moment_log::{Numbers, Record, records};
use crate::store::layout::Region;
use crate::store::timeline::{log, words};
use crate::store::view::View;

pub(super) fn log_bytes(view: &View<'_>) -> Vec<u8> {
    let all = usize::try_from(view.header.place(Region::Timeline).1).unwrap_or(0);
    // Acquire pairs with the Release of the log's writer: the records are written.
    let state = view.header.process.timeline.log.load(Ordering::Acquire);
    let log = words(log(view.timeline, state, all));
    bytes(log, size_of_val(log))
}

/// A time that is a little after the latest moment, in clock units; 0 if there is none.
#[cfg(feature = "dhat-compat")]
pub(crate) fn after_moments(view: &View<'_>) -> u64 {
    /// More than a microsecond.
    const UNITS: u64 = 16;
    let last = records(&log_bytes(view)).map(|record| record.moment.end).max();
    last.map_or(0, |end| end.saturating_add(UNITS))
}

/// The moments of the log before `end_micros`, and the sums of the sites at each; `micros` makes
/// microseconds of clock units. `ids`: those of the recording's sites.
pub(super) fn moments(
    view: &View<'_>,
    micros: impl Fn(u64) -> u64,
    end_micros: u64,
    ids: &[usize],
) -> (Moments, Vec<Moment>) {
    let places = Places::of(view.header);
    let log = log_bytes(view);
    let kept = || records(&log).take_while(|record| micros(record.moment.end) < end_micros);
    // The ids ascend.
    let place = |id: u32| ids.binary_search(&(id as usize)).ok();
    let mut found = Moments { sites: room(ids.len(), kept(), place), ..Moments::default() };
    let (mut at, mut sums) = (Vec::new(), Sums::default());
    let mut now: Vec<Numbers> = vec![[0; 4]; found.sites.len()];
    for record in kept() {
        let (begin, end) = (micros(record.moment.begin), micros(record.moment.end));
        let moment = found.at_micros.len() as u32;
        for (place, differences) in record.changes().filter_map(|(id, by)| Some((place(id)?, by))) {
            let numbers = &mut now[place];
            sums.take(*numbers);
            numbers.iter_mut().zip(differences).for_each(|(number, difference)| {
                *number = number.wrapping_add(difference);
            });
            sums.add(*numbers);
            let [total_bytes, total_blocks, live_bytes, live_blocks] = *numbers;
            let [total_blocks, live_blocks] = [total_blocks, live_blocks].map(|n| places.whole(n));
            // A damaged record may have a site twice.
            found.sites[place].pop_if(|last| last.moment == moment);
            found.sites[place].push(SiteMoment {
                moment,
                total_bytes,
                total_blocks,
                live_bytes,
                live_blocks,
            });
        }
        // Ascending, whatever the bytes are.
        let end = found.at_micros.last().map_or(end, |before| end.max(before + 1));
        found.at_micros.push(end);
        found.thinned += u64::from(record.moment.skipped);
        at.push(Moment { begin, end, sums });
    }
    (found, at)
}

/// Room for each site's moments, and no more: there may be a quarter of a million sites. None, if
/// there is no record.
fn room<'r>(
    sites: usize,
    records: impl Iterator<Item = Record<'r>>,
    place: impl Fn(u32) -> Option<usize>,
) -> Vec<Vec<SiteMoment>> {
    let mut counts = Vec::new();
    for record in records {
        counts.resize(sites, 0);
        for place in record.changes().filter_map(|(id, _)| place(id)) {
            counts[place] += 1;
        }
    }
    counts.into_iter().map(Vec::with_capacity).collect()
}
