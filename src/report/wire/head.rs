//! The process, by dhat's own keys.

use serde::ser::SerializeMap;

use super::object::entry;

/// The keys that are dhat's, up to the stacks.
#[derive(Debug)]
pub struct Head<'a> {
    /// The kind of profile.
    pub mode: &'a str,
    /// The event that stacks are counted by: `Allocated`.
    pub verb: &'a str,
    /// Lifetimes are known.
    pub has_lifetimes: bool,
    /// Names for a byte, for several bytes, and for blocks; `None`: just those.
    pub units: Option<[&'a str; 3]>,
    /// The unit of time, and a million of them.
    pub time_units: [&'a str; 2],
    /// Lifetimes below this count as short.
    pub short_lifetime: Option<u64>,
    /// The command line.
    pub command: &'a str,
    /// Process id.
    pub pid: u64,
    /// The end, in `time_units` since the start.
    pub end: u64,
    /// The heap's peak, in `time_units` since the start.
    pub peak: Option<u64>,
}

impl Head<'_> {
    pub(super) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("dhatFileVersion", &2)?;
        map.serialize_entry("mode", self.mode)?;
        map.serialize_entry("verb", self.verb)?;
        map.serialize_entry("bklt", &self.has_lifetimes)?;
        map.serialize_entry("bkacc", &false)?;
        for (key, unit) in ["bu", "bsu", "bksu"].into_iter().zip(self.units.into_iter().flatten()) {
            map.serialize_entry(key, unit)?;
        }
        map.serialize_entry("tu", self.time_units[0])?;
        map.serialize_entry("Mtu", self.time_units[1])?;
        entry(map, "tuth", self.short_lifetime)?;
        map.serialize_entry("cmd", self.command)?;
        map.serialize_entry("pid", &self.pid)?;
        map.serialize_entry("te", &self.end)?;
        entry(map, "tg", self.peak)
    }
}
