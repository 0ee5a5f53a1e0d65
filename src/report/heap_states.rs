//! The allocator's state, as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::api::heap_state::{Fragmentation, HeapState};
use crate::recording::model::{HeapMoment, HeapStates};

/// As `x_heap_state` of reports: see [`crate::report::dhat`].
impl Serialize for HeapStates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HeapStates { peak_bytes, peak, end } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("peak_bytes", peak_bytes)?;
        map.serialize_entry("peak", &peak.as_ref().map(MomentEntry))?;
        map.serialize_entry("end", &end.as_ref().map(MomentEntry))?;
        map.end()
    }
}

struct MomentEntry<'p>(&'p HeapMoment);

impl Serialize for MomentEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HeapMoment { micros, requested_bytes, profiler_bytes, state, process } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", micros)?;
        map.serialize_entry("requested_bytes", requested_bytes)?;
        map.serialize_entry("profiler_bytes", profiler_bytes)?;
        map.serialize_entry("allocator", &state.map(|state| state.allocator.name()))?;
        for (name, figure) in figures(state) {
            map.serialize_entry(name, &figure)?;
        }
        map.serialize_entry("process_resident", &process.resident)?;
        map.serialize_entry("process_peak_resident", &process.peak_resident)?;
        map.serialize_entry("fragmentation", &self.0.fragmentation().map(LostEntry))?;
        map.end()
    }
}

/// The allocator's figures by name.
fn figures(state: &Option<HeapState>) -> [(&'static str, Option<u64>); 7] {
    let of = |figure: fn(HeapState) -> Option<u64>| state.and_then(figure);
    [
        ("allocated", of(|state| state.allocated)),
        ("active", of(|state| state.active)),
        ("resident", of(|state| state.resident)),
        ("mapped", of(|state| state.mapped)),
        ("retained", of(|state| state.retained)),
        ("arenas", of(|state| state.arenas)),
        ("held", of(|state| state.held())),
    ]
}

struct LostEntry(Fragmentation);

impl Serialize for LostEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Fragmentation { rounding, in_pages, idle_pages, overall } = self.0;
        let mut map = serializer.serialize_map(None)?;
        for (name, share) in [
            ("rounding", rounding),
            ("in_pages", in_pages),
            ("idle_pages", idle_pages),
            ("overall", overall),
        ] {
            map.serialize_entry(name, &share.map(rounded))?;
        }
        map.end()
    }
}

/// To four digits: a hundredth of a percent.
fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
