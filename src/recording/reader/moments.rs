//! The sites' numbers over time: now, and at the moments of the log.

use std::collections::HashMap;
use std::vec;
use std::vec::Vec;

use super::span::Window;
use super::timeline::{Moment, Sums};
use super::words::bytes;
use crate::base::sync::Ordering;
use crate::recording::model::{Moments, SiteMoment};
use crate::recording::moment_log::{Numbers, records};
use crate::store::arena::Arena;
use crate::store::layout::Region;
use crate::store::sites::Owner;
use crate::store::tally::Tally;
use crate::store::timeline::{log, words};
use crate::store::view::View;

/// Each site's numbers now, by its id; zeros for those of earlier windows.
///
/// The arenas are read last. A share that is flushed meanwhile is missing then, until the next
/// moment; read in another order, it might count twice.
pub(crate) fn site_numbers(view: &View<'_>) -> Vec<Numbers> {
    let window = Window::of(view.header);
    let mut sums: Vec<Numbers> = vec![[0; 4]; view.tallies.len()];
    let mut add = |index: usize, tally: &Tally| {
        if let Some(sum) = sums.get_mut(index).filter(|_| index >= window.first) {
            let (bytes, blocks) = tally.total.get();
            let live = [tally.live_bytes().cast_unsigned(), tally.live_blocks().cast_unsigned()];
            let parts = [bytes, blocks, live[0], live[1]];
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum = sum.wrapping_add(part));
        }
    };
    view.tallies.iter().enumerate().for_each(|(index, own)| add(index, own));
    for (index, (others, owner)) in view.shared.iter().zip(view.owners).enumerate() {
        if Owner::is_shared(owner) {
            add(index, others);
        }
    }
    for share in view.used_arenas().flat_map(Arena::shares) {
        add(share.site().index(), share);
    }
    for sum in &mut sums {
        // Below zero where an event was under way.
        sum.iter_mut().for_each(|number| *number = number.cast_signed().max(0).cast_unsigned());
    }
    sums
}

fn log_bytes(view: &View<'_>) -> Vec<u8> {
    let [_, all] = &view.header.regions[Region::Timeline as usize];
    let all = usize::try_from(all.load(Ordering::Relaxed)).unwrap_or(0);
    // Acquire pairs with the Release of the log's writer: the records are written.
    let state = view.header.process.timeline.log.load(Ordering::Acquire);
    let log = words(log(view.timeline, state, all));
    bytes(log, size_of_val(log))
}

/// A time that is a little after the latest moment, in clock units; 0 if there is none.
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
    let log = log_bytes(view);
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
            // A damaged record may have a site twice.
            site.pop_if(|last| last.moment == moment);
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
