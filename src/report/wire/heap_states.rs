//! The allocator's state, as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::object::object;
use crate::recording::heap_state::{Fragmentation, HeapState};
use crate::recording::model::{HeapMoment, HeapStates};

object!(HeapStates: |states| {
    "peak_bytes": states.peak_bytes,
    "peak": states.peak.as_ref().map(MomentEntry),
    "end": states.end.as_ref().map(MomentEntry),
});

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
        map.serialize_entry("process_anonymous", &process.anonymous)?;
        map.serialize_entry("fragmentation", &self.0.fragmentation().map(SharesEntry))?;
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

struct SharesEntry(Fragmentation);

object!(SharesEntry: |shares| {
    "rounding": shares.0.rounding.map(rounded),
    "in_pages": shares.0.in_pages.map(rounded),
    "idle_pages": shares.0.idle_pages.map(rounded),
    "overall": shares.0.overall.map(rounded),
});

/// To four digits: a hundredth of a percent.
fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}
