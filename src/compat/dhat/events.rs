//! Ad hoc events, counted by their stacks.

use std::collections::BTreeMap;
use std::vec::Vec;

use super::{AS_1_0, AdHocStats, Mode, phase};
use crate::base::current::as_profiler;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::inside::Inside;
use crate::engine::stack_site;
use crate::recording::model::{Counters, ROOT_BROKEN, ROOT_TABLE_FULL, Site};
use crate::start;
use crate::store::ids::FrameId;

/// 1 while an ad hoc profiler counts: otherwise events are ignored.
static COUNTING: AtomicU32 = AtomicU32::new(0);

/// All events and their weights since the process's start.
static EVENTS: AtomicU64 = AtomicU64::new(0);
static UNITS: AtomicU64 = AtomicU64::new(0);

/// A profiler's counts: events and units, by the innermost frame of the stack.
#[derive(Debug)]
pub(super) struct Events {
    by_frame: BTreeMap<u32, (u64, u64)>,
}

impl Events {
    pub(super) const fn new() -> Self {
        Self { by_frame: BTreeMap::new() }
    }

    pub(super) fn begin(&mut self) {
        self.by_frame.clear();
        COUNTING.store(1, Ordering::Relaxed);
    }

    pub(super) fn end(&mut self) {
        COUNTING.store(0, Ordering::Relaxed);
    }

    fn count(&mut self, frame: u32, weight: u64) {
        let (events, units) = self.by_frame.entry(frame).or_default();
        *events += 1;
        *units = units.wrapping_add(weight);
    }

    pub(super) fn stats(&self) -> AdHocStats {
        self.by_frame.values().fold(AdHocStats::default(), |sum, (events, units)| AdHocStats {
            total_events: sum.total_events + events,
            total_units: sum.total_units.wrapping_add(*units),
        })
    }

    /// The counts as call sites, whose blocks are events and whose bytes are units.
    pub(super) fn sites(&self) -> Vec<Site> {
        let site = |(frame, (events, units)): (&u32, &(u64, u64))| Site {
            frame: *frame,
            counters: Counters {
                total_blocks: *events,
                total_bytes: *units,
                ..Counters::default()
            },
        };
        self.by_frame.iter().map(site).collect()
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

with_callers_registers! {
    /// Counts an event of the weight given first, of a stack whose innermost frame is the caller's.
    ///
    /// # Safety
    ///
    /// Always safe to call.
    pub(super) happened(usize, usize, usize) -> u32 => count
}

unsafe extern "C" fn count(weight: usize, _: usize, _: usize, pc: u64, sp: u64, bp: u64) -> u32 {
    let weight = weight as u64;
    EVENTS.fetch_add(1, Ordering::Relaxed);
    UNITS.fetch_add(weight, Ordering::Relaxed);
    if COUNTING.load(Ordering::Relaxed) == 0 {
        return 0;
    }
    let frame = frame_of(Registers { pc, sp, bp });
    as_profiler(|| {
        let mut phase = phase::lock();
        // It may have ended meanwhile.
        if phase.counts(Mode::AdHoc) {
            phase.events.count(frame, weight);
        }
    });
    frame
}

/// The innermost frame's id of the stack with these registers, or a root's.
fn frame_of(at: Registers) -> u32 {
    let Some(session) = start::session() else { return ROOT_BROKEN };
    let Ok(mut inside) = Inside::enter(session) else { return ROOT_BROKEN };
    let frame = stack_site::frame_of(inside.thread(), session, at);
    frame.map_or(ROOT_TABLE_FULL, FrameId::number)
}
