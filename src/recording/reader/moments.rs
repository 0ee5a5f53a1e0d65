//! The sites' numbers at the moments of the log.

use std::collections::HashMap;
use std::vec;
use std::vec::Vec;

use super::timeline::{Moment, Sums};
use super::words::bytes;
use crate::base::sync::Ordering;
use crate::recording::model::{Moments, SiteMoment};
use crate::recording::moment_log::{Numbers, records};
use crate::store::layout::Region;
use crate::store::timeline::{log, words};
use crate::store::view::View;

/// The moments of the log before `end_micros`, and the sums of the sites at each; `micros` makes
/// microseconds of clock units. `ids`: those of the recording's sites.
pub(super) fn moments(
    view: &View<'_>,
    micros: impl Fn(u64) -> u64,
    end_micros: u64,
    ids: &[usize],
) -> (Moments, Vec<Moment>) {
    let all = usize::try_from(view.header.place(Region::Timeline).1).unwrap_or(0);
    // Acquire pairs with the Release of the log's writer: the records are written.
    let state = view.header.process.timeline.log.load(Ordering::Acquire);
    let log = words(log(view.timeline, state, all));
    let log = bytes(log, size_of_val(log));
    let places: HashMap<usize, usize> =
        ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let mut found = Moments::default();
    let (mut at, mut sums) = (Vec::new(), Sums::default());
    let mut now: Vec<Numbers> = vec![[0; 4]; ids.len()];
    let mut sites: Vec<Vec<SiteMoment>> = vec![Vec::new(); ids.len()];
    for record in records(&log) {
        let (begin, end) = (micros(record.moment.begin), micros(record.moment.end));
        found.thinned += u64::from(record.moment.skipped);
        if end >= end_micros {
            break;
        }
        let moment = found.at_micros.len() as u32;
        for (id, differences) in record.changes() {
            let Some(&place) = places.get(&(id as usize)) else { continue };
            let (numbers, site) = (&mut now[place], &mut sites[place]);
            sums.take(*numbers);
            numbers.iter_mut().zip(differences).for_each(|(number, difference)| {
                *number = number.wrapping_add(difference);
            });
            sums.add(*numbers);
            let [total_bytes, total_blocks, live_bytes, live_blocks] = *numbers;
            site.push(SiteMoment { moment, total_bytes, total_blocks, live_bytes, live_blocks });
        }
        // Ascending, whatever the bytes are.
        let end = found.at_micros.last().map_or(end, |before| end.max(before + 1));
        found.at_micros.push(end);
        at.push(Moment { begin, end, sums });
    }
    if !found.at_micros.is_empty() {
        found.sites = sites;
    }
    (found, at)
}
