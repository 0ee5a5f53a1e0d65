//! Mappings that the program made itself, as they are written in a report.

use mod_alloc::recording::model::MappingCounters;
use mod_alloc::report::{MappingSite, Mappings};
use serde::Deserialize;

use super::coverage::plain;
use super::frame::Frame;

/// The mappings that one function has made, whoever called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder<'m> {
    pub(crate) kind: &'m str,
    /// The innermost frame, of the first of its stacks.
    pub(crate) frame: Frame<'m>,
    pub(crate) counters: MappingCounters,
}

impl<'m> Holder<'m> {
    /// The function; if its name is not known, its address, or what is there instead.
    pub(crate) fn name(&self) -> &'m str {
        self.frame.function.or(self.frame.address).unwrap_or(self.frame.text)
    }
}

/// The functions that hold mappings, those with the most bytes at the peak first.
pub(crate) fn holders(mappings: &Mappings) -> Vec<Holder<'_>> {
    let mut holders: Vec<Holder<'_>> = Vec::new();
    for site in &mappings.sites {
        let frame = Frame::parse(site.stack.first().map_or("[unknown]", String::as_str));
        // A function without a name is its address.
        let name = |frame: &Frame<'_>| frame.function.or(frame.address).map(str::to_owned);
        let same = |holder: &&mut Holder<'_>| {
            holder.kind == site.kind && name(&holder.frame) == name(&frame)
        };
        match holders.iter_mut().find(same) {
            Some(holder) => add(&mut holder.counters, &site.counters),
            None => holders.push(Holder { kind: &site.kind, frame, counters: site.counters }),
        }
    }
    holders.sort_by_key(|holder| {
        let MappingCounters { peak_bytes, total_bytes, .. } = holder.counters;
        std::cmp::Reverse((peak_bytes, total_bytes))
    });
    holders
}

fn add(sum: &mut MappingCounters, more: &MappingCounters) {
    let numbers = [
        (&mut sum.calls, more.calls),
        (&mut sum.total_bytes, more.total_bytes),
        (&mut sum.peak_bytes, more.peak_bytes),
        (&mut sum.end_bytes, more.end_bytes),
    ];
    numbers.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
}

#[derive(Deserialize)]
pub(super) struct MappingsEntry {
    #[serde(flatten)]
    sums: CountersEntry,
    #[serde(default)]
    peak_us: u64,
    #[serde(default)]
    sites: Vec<SiteEntry>,
}

#[derive(Deserialize)]
struct CountersEntry {
    #[serde(default)]
    calls: u64,
    #[serde(default)]
    total_bytes: u64,
    #[serde(default)]
    peak_bytes: u64,
    #[serde(default)]
    end_bytes: u64,
}

#[derive(Deserialize)]
struct SiteEntry {
    kind: String,
    #[serde(flatten)]
    counters: CountersEntry,
    #[serde(default)]
    stack: Vec<String>,
}

impl CountersEntry {
    fn to_counters(&self) -> MappingCounters {
        let mut counters = MappingCounters::default();
        counters.calls = self.calls;
        counters.total_bytes = self.total_bytes;
        counters.peak_bytes = self.peak_bytes;
        counters.end_bytes = self.end_bytes;
        counters
    }
}

impl MappingsEntry {
    pub(super) fn to_mappings(&self) -> Mappings {
        let mut mappings = Mappings::default();
        mappings.sums = self.sums.to_counters();
        mappings.peak_micros = self.peak_us;
        mappings.sites = self.sites.iter().map(SiteEntry::to_site).collect();
        mappings
    }
}

impl SiteEntry {
    fn to_site(&self) -> MappingSite {
        let mut site = MappingSite::default();
        site.kind = plain(&self.kind);
        site.counters = self.counters.to_counters();
        site.stack = self.stack.iter().map(|frame| plain(frame)).collect();
        site
    }
}
