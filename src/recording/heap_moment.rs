//! The allocator's state at the moments that a recording tells of.

use crate::recording::heap_state::{Fragmentation, HeapState, ProcessMemory};

/// The state of allocator and process near the heap's peak and at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapStates {
    /// Bytes live at the heap's peak, as requested: what `peak`'s `requested_bytes` are to be
    /// compared with.
    pub peak_bytes: u64,
    /// The state near the peak: that of the latest moment at which it was taken down, or of the end
    /// if more was live then. `None` if it never was: the heap was too small, the program too
    /// short.
    pub peak: Option<HeapMoment>,
    /// The state at the end; `None` for a process that had none, or wrote no such thing.
    pub end: Option<HeapMoment>,
}

impl HeapStates {
    /// True if anything is known of either moment.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.peak.is_some() || self.end.is_some()
    }

    /// Notes the state at the end. It is the peak's as well if the program had as much live.
    pub(crate) fn end_with(&mut self, end: HeapMoment) {
        let most = self.peak.map_or(self.peak_bytes, |peak| peak.requested_bytes);
        if end.requested_bytes >= most {
            self.peak = Some(end);
        }
        self.end = Some(end);
    }
}

/// The state of allocator and process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapMoment {
    /// Microseconds from the start of recording.
    pub micros: u64,
    /// Bytes that the program had live, as requested.
    pub requested_bytes: u64,
    /// Bytes that the profiler itself had allocated of the same allocator, for names and reports.
    pub profiler_bytes: u64,
    /// The allocator's figures; `None` if it is not known.
    pub state: Option<HeapState>,
    /// The process's own.
    pub process: ProcessMemory,
}

impl HeapMoment {
    /// The allocator's fragmentation, what the profiler itself has of it being in use, too; `None`
    /// if the allocator is not known.
    #[must_use]
    pub fn fragmentation(&self) -> Option<Fragmentation> {
        let used = self.requested_bytes.saturating_add(self.profiler_bytes);
        Some(self.state?.fragmentation(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requested_bytes: u64) -> HeapMoment {
        HeapMoment { requested_bytes, ..HeapMoment::default() }
    }

    #[test]
    fn the_end_is_the_peak_if_more_is_live_there() {
        let states = |peak: Option<u64>, end: u64| {
            let peak = peak.map(of);
            let mut states = HeapStates { peak_bytes: 100, peak, ..HeapStates::default() };
            states.end_with(of(end));
            assert_eq!(states.end, Some(of(end)));
            states.peak.map(|peak| peak.requested_bytes)
        };
        assert_eq!(states(Some(90), 95), Some(95));
        assert_eq!(states(Some(90), 80), Some(90));
        assert_eq!(states(None, 100), Some(100));
        assert_eq!(states(None, 99), None);
    }
}
