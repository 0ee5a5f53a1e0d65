//! Mappings that the program made itself, with named stacks.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::recording::model::{Counters, MappingCounters, MappingKind, Recording, Site};

use super::frame_ref::FrameRef;
use super::naming;
use super::options::Options;

/// Mappings that a program made itself, by call site: a table of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mappings {
    /// All together.
    pub sums: MappingCounters,
    /// Microseconds from the start of recording to the moment when they had the most bytes.
    pub peak_micros: u64,
    /// Their call sites, those of most bytes at that moment first.
    pub sites: Vec<MappingSite>,
}

/// The mappings of a call site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MappingSite {
    /// `anonymous`, `file`, `reserved` (it could not be accessed at first) or `break`.
    pub kind: String,
    /// Their numbers.
    pub counters: MappingCounters,
    /// The frames' texts, innermost first.
    pub stack: Vec<String>,
}

impl Mappings {
    /// The function that has mapped most at their peak, with its bytes.
    pub(super) fn largest_holder(&self) -> Option<(String, u64)> {
        let mut sums = BTreeMap::<&str, u64>::new();
        for site in &self.sites {
            let sum = sums.entry(site.holder()).or_default();
            *sum = sum.saturating_add(site.counters.peak_bytes);
        }
        let (name, bytes) = sums.into_iter().max_by_key(|(_, bytes)| *bytes)?;
        (bytes > 0).then(|| (name.to_string(), bytes))
    }

    /// The mappings of `recording`; `None` if they were not recorded.
    pub(super) fn of(recording: &Recording, options: &Options) -> Option<Self> {
        let recorded = recording.mappings.as_ref()?;
        let has = |kind: &MappingKind| recorded.sites.iter().any(|site| site.kind == *kind);
        let kinds = MappingKind::ALL.into_iter().filter(has);
        let mut sites: Vec<_> = kinds.flat_map(|kind| named(recording, kind, options)).collect();
        let order = |site: &MappingSite| (site.counters.peak_bytes, site.counters.total_bytes);
        sites.sort_by_key(|site| core::cmp::Reverse(order(site)));
        Some(Self { sums: recorded.sums, peak_micros: recorded.peak_micros, sites })
    }
}

impl MappingSite {
    /// The innermost function whose name is known, or else the innermost frame as it is.
    fn holder(&self) -> &str {
        let named = self.stack.iter().filter_map(|text| {
            let (_, rest) = text.split_once(": ")?;
            let (name, _) = rest.rsplit_once(" (")?;
            (name != "???").then_some(name)
        });
        let innermost = self.stack.first().map_or("[unknown]", String::as_str);
        named.into_iter().next().unwrap_or(innermost)
    }
}

/// The mappings of one kind, as if they were blocks: their stacks are named, trimmed and merged as
/// those are.
fn named(recording: &Recording, kind: MappingKind, options: &Options) -> Vec<MappingSite> {
    let recorded = recording.mappings.iter().flat_map(|mappings| &mappings.sites);
    let sites = recorded.filter(|site| site.kind == kind).map(|site| Site {
        frame: site.frame,
        counters: Counters {
            total_blocks: site.counters.calls,
            total_bytes: site.counters.total_bytes,
            peak_bytes: site.counters.peak_bytes,
            end_bytes: site.counters.end_bytes,
            ..Counters::default()
        },
    });
    let blocks = Recording {
        sites: sites.collect(),
        frames: recording.frames.clone(),
        moments: Default::default(),
        ..recording.without_stacks()
    };
    let (frames, stacks) = naming::named_stacks(&blocks, options);
    let named = (0..stacks.len()).map(|index| {
        let Counters { total_blocks, total_bytes, peak_bytes, end_bytes, .. } =
            *stacks.counters(index);
        let texts = stacks
            .frame_ids(index)
            .iter()
            .map(|&id| FrameRef::new(&frames, &recording.modules, id as usize).to_string());
        MappingSite {
            kind: kind.name().into(),
            counters: MappingCounters { calls: total_blocks, total_bytes, peak_bytes, end_bytes },
            stack: texts.collect(),
        }
    });
    named.collect()
}
