//! The allocator's state in a report, as it is written there.

use mod_alloc::heap_state::{Allocator, HeapState, ProcessMemory};
use mod_alloc::recording::model::{HeapMoment, HeapStates};
use serde::Deserialize;

/// Of what can be computed of the rest nothing is read.
#[derive(Deserialize)]
pub(super) struct HeapStatesEntry {
    peak_bytes: u64,
    peak: Option<MomentEntry>,
    end: Option<MomentEntry>,
}

#[derive(Deserialize)]
struct MomentEntry {
    time: u64,
    requested_bytes: u64,
    #[serde(default)]
    profiler_bytes: u64,
    allocator: Option<String>,
    allocated: Option<u64>,
    active: Option<u64>,
    resident: Option<u64>,
    mapped: Option<u64>,
    retained: Option<u64>,
    arenas: Option<u64>,
    process_resident: Option<u64>,
    process_peak_resident: Option<u64>,
    process_anonymous: Option<u64>,
}

impl HeapStatesEntry {
    pub(super) fn to_states(&self) -> HeapStates {
        let mut states = HeapStates::default();
        states.peak_bytes = self.peak_bytes;
        states.peak = self.peak.as_ref().map(MomentEntry::to_moment);
        states.end = self.end.as_ref().map(MomentEntry::to_moment);
        states
    }
}

impl MomentEntry {
    fn to_moment(&self) -> HeapMoment {
        let mut moment = HeapMoment::default();
        moment.micros = self.time;
        moment.requested_bytes = self.requested_bytes;
        moment.profiler_bytes = self.profiler_bytes;
        moment.process = self.process();
        let allocator = self.allocator.as_deref().and_then(Allocator::of_name);
        moment.state = allocator.map(|allocator| self.state(allocator));
        moment
    }

    fn process(&self) -> ProcessMemory {
        let mut process = ProcessMemory::default();
        process.resident = self.process_resident;
        process.peak_resident = self.process_peak_resident;
        process.anonymous = self.process_anonymous;
        process
    }

    fn state(&self, allocator: Allocator) -> HeapState {
        let mut state = HeapState::of(allocator);
        state.allocated = self.allocated;
        state.active = self.active;
        state.resident = self.resident;
        state.mapped = self.mapped;
        state.retained = self.retained;
        state.arenas = self.arenas;
        state.process = self.process();
        state
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// As mod-alloc writes it.
    fn written() -> Value {
        let moment = json!({
            "time": 31, "requested_bytes": 800, "profiler_bytes": 100, "allocator": "jemalloc", "allocated": 1200,
            "active": 1500, "resident": 2000, "mapped": 4000, "retained": 8000, "arenas": 9,
            "held": 2000, "process_resident": 5000, "process_peak_resident": null,
            "process_anonymous": 3000,
            "fragmentation": { "rounding": 0.25, "in_pages": 0.2, "idle_pages": 0.25, "overall": 0.55 },
        });
        json!({ "peak_bytes": 1000, "peak": moment, "end": null })
    }

    fn read(json: Value) -> serde_json::Result<HeapStates> {
        serde_json::from_value::<HeapStatesEntry>(json).map(|entry| entry.to_states())
    }

    #[test]
    fn what_is_written_is_read_and_written_again() {
        let states = read(written()).unwrap();
        assert_eq!((states.peak_bytes, states.end), (1000, None));
        let state = states.peak.unwrap().state.unwrap();
        assert_eq!((state.allocator, state.retained), (Allocator::Jemalloc, Some(8000)));
        assert_eq!(serde_json::to_value(states).unwrap(), written());
    }

    #[test]
    fn an_allocator_that_is_not_known_has_no_figures() {
        let mut json = written();
        json["peak"]["allocator"] = "tcmalloc".into();
        let peak = read(json).unwrap().peak.unwrap();
        assert_eq!((peak.state, peak.process.resident), (None, Some(5000)));
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for (key, value) in
            [("time", json!(-1)), ("requested_bytes", json!("9")), ("active", json!(1.5))]
        {
            let mut json = written();
            json["peak"][key] = value;
            assert!(read(json).is_err(), "{key}");
        }
    }
}
