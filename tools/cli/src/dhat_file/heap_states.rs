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
    allocator: Option<String>,
    allocated: Option<u64>,
    active: Option<u64>,
    resident: Option<u64>,
    mapped: Option<u64>,
    retained: Option<u64>,
    arenas: Option<u64>,
    process_resident: Option<u64>,
    process_peak_resident: Option<u64>,
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
        moment.process = self.process();
        let allocator = self.allocator.as_deref().and_then(Allocator::of_name);
        moment.state = allocator.map(|allocator| self.state(allocator));
        moment
    }

    fn process(&self) -> ProcessMemory {
        let mut process = ProcessMemory::default();
        process.resident = self.process_resident;
        process.peak_resident = self.process_peak_resident;
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
