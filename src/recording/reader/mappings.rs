//! Mappings that the program made itself.

use std::vec::Vec;

use crate::base::sync::Ordering;
use crate::recording::model::{MappingCounters, MappingSite, Mappings};
use crate::store::kinds::Kind;
use crate::store::layout::Region;
use crate::store::mappings::Entry;
use crate::store::view::View;

/// `None` if they were not recorded. `micros` makes microseconds of clock units.
pub(super) fn mappings(view: &View<'_>, micros: impl Fn(u64) -> u64) -> Option<Mappings> {
    if view.header.version.load(Ordering::Relaxed) < 4 || view.header.place(Region::Mappings).1 == 0
    {
        return None;
    }
    let Some((first, others)) = view.mappings.split_first() else {
        return Some(Mappings::default());
    };
    let is_at_peak = first.now.get() >= first.at_peak.get();
    let sites = others.iter().filter_map(|entry| {
        let code = entry.kind.load(Ordering::Relaxed);
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u32 == code)?;
        let frame = entry.frame.load(Ordering::Relaxed);
        Some(MappingSite { frame, kind, counters: counters(entry, is_at_peak) })
    });
    Some(Mappings {
        sums: counters(first, is_at_peak),
        peak_micros: micros(first.peak_time.get()),
        sites: sites.collect::<Vec<_>>(),
    })
}

/// While all together have the most, an entry has not noted yet what it has.
fn counters(entry: &Entry, is_at_peak: bool) -> MappingCounters {
    let end_bytes = entry.now.get();
    MappingCounters {
        calls: entry.calls.get(),
        total_bytes: entry.total.get(),
        peak_bytes: if is_at_peak { end_bytes } else { entry.at_peak.get() },
        end_bytes,
    }
}
