//! The allocator's state for people: a line for each moment.
//!
//! ```text
//!   heap at peak: requested 1.00 MiB, allocated 1.10 MiB, held by glibc 1.50 MiB:
//!     33.3 % fragmentation; process 4.00 MiB
//! ```

use mod_alloc::recording::model::{HeapMoment, HeapStates};

use crate::units::Bytes;

/// One line for each moment that is known.
pub(super) fn lines(states: &HeapStates) -> Vec<String> {
    let moments = [("at peak", states.peak), ("at end", states.end)];
    let mut lines = Vec::new();
    for (name, moment) in moments {
        let Some(moment) = moment else { continue };
        let name = if name == "at peak" { peak_name(states, &moment) } else { name };
        lines.push(line(name, &moment));
    }
    lines
}

/// The name of the state near the peak: the heap may have had more live bytes than at that moment.
fn peak_name(states: &HeapStates, moment: &HeapMoment) -> &'static str {
    // A few bytes less are no other moment: with several threads they are told in steps.
    let is_it = moment.requested_bytes >= states.peak_bytes - states.peak_bytes / 100;
    if is_it { "at peak" } else { "before peak" }
}

fn line(name: &str, moment: &HeapMoment) -> String {
    let mut line = format!("heap {name}: requested {}", Bytes(moment.requested_bytes));
    if let Some(state) = moment.state {
        let allocated = state.allocated.map(|bytes| format!(", allocated {}", Bytes(bytes)));
        line.extend(allocated);
        let by = state.allocator.name();
        line.extend(state.held().map(|bytes| format!(", held by {by} {}", Bytes(bytes))));
        let own = moment.profiler_bytes;
        if state.held().is_some_and(|held| own > held / 100) {
            line.push_str(&format!(" (the profiler's own {} among it)", Bytes(own)));
        }
        let lost = moment.fragmentation().and_then(|lost| lost.overall);
        line.extend(lost.map(|share| format!(": {:.1} % fragmentation", share * 100.0)));
    }
    let process = moment.process.resident.map(|bytes| format!("; process {}", Bytes(bytes)));
    line.extend(process);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use mod_alloc::heap_state::{Allocator, HeapState};

    fn moment(requested: u64) -> HeapMoment {
        let mut moment = HeapMoment::default();
        moment.requested_bytes = requested;
        moment.process.resident = Some(4 << 20);
        moment
    }

    fn of_glibc(requested: u64) -> HeapMoment {
        let mut state = HeapState::of(Allocator::Glibc);
        (state.allocated, state.mapped) = (Some(3 << 19), Some(2 << 20));
        let mut moment = moment(requested);
        moment.state = Some(state);
        moment
    }

    #[test]
    fn a_line_says_who_holds_what() {
        let mut states = HeapStates::default();
        (states.peak_bytes, states.peak) = (1 << 20, Some(of_glibc(1 << 20)));
        states.end = Some(moment(512));
        let peak = "heap at peak: requested 1.00 MiB, allocated 1.50 MiB, held by glibc 2.00 MiB: \
                    50.0 % fragmentation; process 4.00 MiB";
        assert_eq!(lines(&states), [peak, "heap at end: requested 512 B; process 4.00 MiB"]);
    }

    #[test]
    fn what_the_profiler_has_is_no_fragmentation() {
        let mut moment = of_glibc(1 << 20);
        moment.profiler_bytes = 1 << 19;
        let line = line("at end", &moment);
        let text =
            "held by glibc 2.00 MiB (the profiler's own 512 KiB among it): 25.0 % fragmentation";
        assert!(line.contains(text), "{line}");
    }

    #[test]
    fn what_was_taken_down_too_early_says_so() {
        let mut states = HeapStates::default();
        (states.peak_bytes, states.peak) = (2 << 20, Some(of_glibc(1 << 20)));
        assert!(lines(&states)[0].starts_with("heap before peak: requested 1.00 MiB"));
        states.peak = Some(of_glibc((2 << 20) - (2 << 20) / 100));
        assert!(lines(&states)[0].starts_with("heap at peak"));
        assert!(lines(&HeapStates::default()).is_empty());
    }
}
