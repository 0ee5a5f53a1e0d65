//! Ad hoc events, counted by their stacks.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::{AS_1_0, AdHocStats, Mode, phase};
use crate::base::current::as_profiler;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::recording::model::{Counters, Site};

#[cfg(not(mod_alloc_portable))]
mod stack;
#[cfg(mod_alloc_portable)]
#[path = "../../portable/ad_hoc.rs"]
mod stack;

pub(super) use stack::happened;

/// 1 while an ad hoc profiler counts: otherwise events are ignored.
static COUNTING: AtomicU32 = AtomicU32::new(0);

/// All events and their weights since the process's start.
static EVENTS: AtomicU64 = AtomicU64::new(0);
static UNITS: AtomicU64 = AtomicU64::new(0);

/// A profiler's counts: events and units, by the numbers of their stacks.
#[derive(Debug)]
pub(super) struct Events {
    by_stack: BTreeMap<u32, (u64, u64)>,
}

impl Events {
    pub(super) const fn new() -> Self {
        Self { by_stack: BTreeMap::new() }
    }

    pub(super) fn begin(&mut self) {
        self.by_stack.clear();
        COUNTING.store(1, Ordering::Relaxed);
    }

    pub(super) fn end(&mut self) {
        COUNTING.store(0, Ordering::Relaxed);
    }

    fn count(&mut self, stack: u32, weight: u64) {
        let (events, units) = self.by_stack.entry(stack).or_default();
        *events += 1;
        *units = units.wrapping_add(weight);
    }

    pub(super) fn stats(&self) -> AdHocStats {
        self.by_stack.values().fold(AdHocStats::default(), |sum, (events, units)| AdHocStats {
            total_events: sum.total_events + events,
            total_units: sum.total_units.wrapping_add(*units),
        })
    }

    /// The counts as call sites, whose blocks are events and whose bytes are units.
    pub(super) fn sites(&self) -> Vec<Site> {
        let frames = stack::InnermostFrames::read();
        let site = |(stack, (events, units)): (&u32, &(u64, u64))| Site {
            frame: frames.of(*stack),
            counters: Counters {
                total_blocks: *events,
                total_bytes: *units,
                ..Counters::default()
            },
        };
        self.by_stack.iter().map(site).collect()
    }
}

/// True if a profiler counts events.
#[inline(always)]
pub(super) fn is_wanted() -> bool {
    AS_1_0 || COUNTING.load(Ordering::Relaxed) != 0
}

/// Since the process's start.
pub(super) fn of_process() -> AdHocStats {
    AdHocStats {
        total_events: EVENTS.load(Ordering::Relaxed),
        total_units: UNITS.load(Ordering::Relaxed),
    }
}

/// Counts an event; `stack` gives the number of its stack.
fn enter(weight: usize, stack: impl FnOnce() -> u32) -> u32 {
    let weight = weight as u64;
    EVENTS.fetch_add(1, Ordering::Relaxed);
    UNITS.fetch_add(weight, Ordering::Relaxed);
    if COUNTING.load(Ordering::Relaxed) == 0 {
        return 0;
    }
    let stack = stack();
    as_profiler(|| {
        let mut phase = phase::lock();
        // It may have ended meanwhile.
        if phase.counts(Mode::AdHoc) {
            phase.events.count(stack, weight);
        }
    });
    stack
}
