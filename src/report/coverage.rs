//! Memory of the process that is in no report: allocators that do not call `malloc`, and memory
//! that a program maps itself.
//!
//! Blocks are compared with the process's *anonymous* memory, which has no file: heaps, stacks,
//! variables. Whatever recording explains is taken off:
//!
//! ```text
//!  anonymous memory, the most that was seen
//!    − the larger of: blocks at the heap's peak with their overhead,
//!                     what the allocator says that it holds
//!    − the profiler's own
//!    − stacks of threads and variables of modules, by a rough rule
//!    = not seen, if it is more than a margin
//! ```
//!
//! So the figure is a lower bound: what is said to be missing is missing.

mod holders;
pub mod not_recorded;

use std::string::{String, ToString};
use std::vec::Vec;

use crate::base::units::Bytes;
use crate::recording::model::{Counters, HeapMoment, Recording};

use super::mappings::Mappings;

/// Bytes that a block takes beyond those requested, at most: glibc's header and rounding, and the
/// profiler's trailer.
const OVERHEAD: u64 = 48;
/// Bytes of a thread's stack that are in use.
const STACK: u64 = 128 << 10;
/// The part of a module's address space that is variables: 1 in this many. Programs of Rust and C++
/// have about half of it.
const VARIABLES: u64 = 16;
/// Bytes that are not worth a word, whatever the program.
const MARGIN: u64 = 8 << 20;

/// The memory that a process had, beside what was recorded of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// The most anonymous memory that the process was seen to have, in bytes; 0 if nobody looked.
    pub peak_anonymous_bytes: u64,
    /// Anonymous memory at its end, in bytes; `None` if it wrote no end.
    pub end_anonymous_bytes: Option<u64>,
    /// Bytes live at the heap's peak, as requested.
    pub recorded_bytes: u64,
    /// The most bytes that the allocator was known to hold; `None` if it is not known.
    pub allocator_bytes: Option<u64>,
    /// Bytes that the profiler itself had.
    pub profiler_bytes: u64,
    /// The most bytes that the program had mapped itself, by `mmap` and its kin; `None` if that was
    /// not recorded. Not all of them need be resident.
    pub mapped_bytes: Option<u64>,
    /// Bytes that nothing explains; 0 within the margin.
    pub unseen_bytes: u64,
    /// The likely reasons, each with the way out; empty if all was seen.
    pub reasons: Vec<String>,
    /// Programs that followed this one and are not recorded, each with the reason.
    pub not_recorded: Vec<String>,
}

impl Coverage {
    /// The memory of a recording whose stacks have these totals; `None` if nobody looked at the
    /// process and no other program followed it. Where memory is missing, the files of the
    /// process's modules are searched for allocators.
    #[must_use]
    pub fn of(recording: &Recording, totals: &Counters) -> Option<Self> {
        let mut coverage = Self::without_reasons(recording, totals)?;
        if coverage.unseen_bytes > 0 {
            coverage.reasons = holders::reasons(recording);
        }
        Some(coverage)
    }

    /// As [`of`](Self::of), from the numbers alone, for views of a running process.
    #[must_use]
    pub fn without_reasons(recording: &Recording, totals: &Counters) -> Option<Self> {
        let not_recorded: Vec<String> = not_recorded::sentence(recording).into_iter().collect();
        let memory = Self::of_memory(recording, totals);
        let is_known = memory.is_some() || !not_recorded.is_empty();
        is_known.then(|| Self { not_recorded, ..memory.unwrap_or_default() })
    }

    fn of_memory(recording: &Recording, totals: &Counters) -> Option<Self> {
        let states = &recording.heap_states;
        let moments = [states.peak, states.end];
        let of = |figure: fn(&HeapMoment) -> Option<u64>| {
            moments.iter().flatten().filter_map(figure).max()
        };
        let anonymous = of(|moment| moment.process.anonymous);
        let peak_anonymous_bytes = anonymous.max(recording.anonymous.most_bytes)?;
        let profiler = of(|moment| Some(moment.profiler_bytes)).unwrap_or(0);
        let mut coverage = Self {
            peak_anonymous_bytes,
            end_anonymous_bytes: states.end.and_then(|end| end.process.anonymous),
            recorded_bytes: totals.peak_bytes,
            allocator_bytes: of(|moment| moment.state?.held()),
            profiler_bytes: profiler.saturating_add(recording.anonymous.own_bytes),
            ..Self::default()
        };
        let explained = coverage.explained(recording, totals.peak_blocks);
        let unseen = peak_anonymous_bytes.saturating_sub(explained);
        if unseen > MARGIN + explained / 4 {
            coverage.unseen_bytes = unseen;
        }
        Some(coverage)
    }

    /// Says which function holds what the program has mapped itself.
    pub(super) fn add_mappings(&mut self, mappings: &Mappings) {
        self.mapped_bytes = Some(mappings.sums.peak_bytes);
        if let (true, Some((function, bytes))) = (self.unseen_bytes > 0, mappings.largest_holder())
        {
            let all = Bytes(mappings.sums.peak_bytes);
            let part = if bytes == mappings.sums.peak_bytes {
                "all".to_string()
            } else {
                Bytes(bytes).to_string()
            };
            let reason =
                std::format!("the program mapped {all} itself, {part} of it in {function}");
            self.reasons.insert(0, reason);
        }
    }

    fn explained(&self, recording: &Recording, blocks: u64) -> u64 {
        let requested = self.recorded_bytes.saturating_add(blocks.saturating_mul(OVERHEAD));
        let sizes = recording.modules.iter().map(|module| module.end.saturating_sub(module.start));
        let modules = sizes.fold(0, u64::saturating_add);
        requested
            .max(self.allocator_bytes.unwrap_or(0))
            .saturating_add(self.profiler_bytes)
            .saturating_add(STACK.saturating_mul(recording.threads.len() as u64))
            .saturating_add(modules / VARIABLES)
    }

    /// A sentence for people, with the reasons; `None` if all was seen.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        if self.unseen_bytes == 0 {
            return None;
        }
        let (unseen, all) = (Bytes(self.unseen_bytes), Bytes(self.peak_anonymous_bytes));
        let gap = if self.reasons.is_empty() { "" } else { ": " };
        let reasons = self.reasons.join("; ");
        Some(std::format!(
            "{unseen} of the {all} that the process had at most are not in the report{gap}{reasons}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::heap_state::{Allocator, HeapState};
    use crate::recording::model::{Module, Thread};

    const MIB: u64 = 1 << 20;

    fn recording(anonymous: u64) -> Recording {
        let mut recording = Recording::default();
        recording.anonymous.most_bytes = Some(anonymous);
        recording
    }

    fn unseen(recording: &Recording, peak_bytes: u64, peak_blocks: u64) -> u64 {
        let totals = Counters { peak_bytes, peak_blocks, ..Counters::default() };
        Coverage::of(recording, &totals).unwrap().unseen_bytes
    }

    #[test]
    fn memory_that_nothing_explains_is_not_seen() {
        assert_eq!(unseen(&recording(100 * MIB), 10 * MIB, 0), 90 * MIB);
        assert_eq!(unseen(&recording(8 * MIB), 0, 0), 0, "the margin");
        assert_eq!(unseen(&recording(8 * MIB + 1), 0, 0), 8 * MIB + 1);
        assert_eq!(unseen(&recording(133 * MIB), 100 * MIB, 0), 0, "a quarter of what is known");
        assert_eq!(unseen(&recording(134 * MIB), 100 * MIB, 0), 34 * MIB);
    }

    #[test]
    fn overhead_stacks_variables_and_the_profilers_own_are_no_gap() {
        let blocks = MIB;
        assert_eq!(unseen(&recording(50 * MIB), 2 * MIB, blocks), 0);
        let mut of_many = recording(100 * MIB);
        of_many.threads = std::vec![Thread::default(); 720];
        assert_eq!(unseen(&of_many, 0, 0), 0);
        let mut large = recording(100 * MIB);
        large.modules = std::vec![Module { start: MIB, end: 1601 * MIB, ..Module::default() }];
        assert_eq!(unseen(&large, 0, 0), 0);
        let mut in_memory = recording(100 * MIB);
        in_memory.anonymous.own_bytes = 80 * MIB;
        assert_eq!(unseen(&in_memory, 0, 0), 0);
    }

    #[test]
    fn memory_that_the_allocator_keeps_is_no_gap() {
        let mut fragmented = recording(100 * MIB);
        let state = HeapState { mapped: Some(99 * MIB), ..HeapState::of(Allocator::Glibc) };
        let end = HeapMoment { state: Some(state), ..HeapMoment::default() };
        fragmented.heap_states.end = Some(end);
        assert_eq!(unseen(&fragmented, 10 * MIB, 0), 0);
    }

    #[test]
    fn nothing_is_said_of_a_process_that_nobody_looked_at() {
        assert_eq!(Coverage::of(&Recording::default(), &Counters::default()), None);
    }

    #[test]
    fn the_sentence_has_both_figures_and_a_reason() {
        let totals = Counters::default();
        let coverage = Coverage::of(&recording(98 * MIB), &totals).unwrap();
        let sentence = coverage.sentence().unwrap();
        let start = "98.0 MiB of the 98.0 MiB that the process had at most are not in the report: ";
        assert!(sentence.starts_with(start) && sentence.len() > start.len(), "{sentence}");
        assert_eq!(Coverage::of(&recording(MIB), &totals).unwrap().sentence(), None);
    }
}
