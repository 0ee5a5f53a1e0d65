//! The running profilers, and the questions that they may answer.
//!
//! ```text
//!         ┌──────────▶ Ready
//!         │              │ a profiler is made
//!         │ it ends      ▼
//!         ├─────────  Running
//!         │              │ an assertion fails: its report is written
//!         │ it ends      ▼
//!         └─────────  PostAssert
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use super::builder::Settings;
use super::events::Events;
use super::{AS_1_0, Mode};
use crate::api::{own_recording, report_files};
use crate::base::os;
use crate::engine::windows;
use crate::recording::model::{Counters, Moments, Recording};
use crate::start;

/// A profiler that has not ended.
#[derive(Debug)]
pub(super) struct Running {
    id: u64,
    pub(super) settings: Settings,
    has_asserted: bool,
    started_nanos: u64,
}

/// The state that all threads share.
#[derive(Debug)]
pub(super) struct Phase {
    /// The latest is the last. More than one only in mod-alloc 1.0's way.
    running: Vec<Running>,
    last_id: u64,
    /// Since the latest ad hoc profiler's making.
    pub(super) events: Events,
}

static PHASE: Mutex<Phase> =
    Mutex::new(Phase { running: Vec::new(), last_id: 0, events: Events::new() });

/// The phase, for the calling thread alone. To be called [as the
/// profiler](crate::base::current::as_profiler). No user code runs while it is held.
pub(super) fn lock() -> MutexGuard<'static, Phase> {
    PHASE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of the latest profiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Running { mode: Mode, testing: bool },
    PostAssert,
}

impl Phase {
    pub(super) fn state(&self) -> State {
        match self.running.last() {
            None => State::Ready,
            Some(running) if running.has_asserted => State::PostAssert,
            Some(Running { settings, .. }) => {
                State::Running { mode: settings.mode, testing: settings.testing }
            }
        }
    }

    /// True if a profiler counts in that mode.
    pub(super) fn counts(&self, mode: Mode) -> bool {
        self.running.iter().any(|running| running.settings.mode == mode && !running.has_asserted)
    }

    /// A new profiler's number; `None` if there is one already.
    pub(super) fn begin(&mut self, settings: Settings) -> Option<u64> {
        if !self.running.is_empty() && !AS_1_0 {
            return None;
        }
        report_files::leave_to_program();
        match settings.mode {
            Mode::Heap if !self.counts(Mode::Heap) => begin_recording(),
            Mode::AdHoc if !self.counts(Mode::AdHoc) => self.events.begin(),
            _ => {}
        }
        self.last_id += 1;
        let (id, started_nanos) = (self.last_id, os::monotonic_nanos());
        self.running.push(Running { id, settings, has_asserted: false, started_nanos });
        Some(id)
    }

    /// Ends a profiler; returns its counts, if it has not reported them. `None`: it has ended.
    pub(super) fn end(&mut self, id: u64) -> Option<(Running, Option<Recording>)> {
        let at = self.running.iter().position(|running| running.id == id)?;
        let mut running = self.running.remove(at);
        let recording = self.stop(&mut running);
        Some((running, recording))
    }

    /// Ends the counting of the latest profiler; returns its counts. `None`: it had ended already.
    pub(super) fn fail(&mut self) -> Option<(Settings, Recording)> {
        let mut running = self.running.pop()?;
        let recording = self.stop(&mut running);
        running.has_asserted = true;
        let settings = running.settings.clone();
        self.running.push(running);
        Some((settings, recording?))
    }

    /// The counts of a profiler that is no longer among the running. `None`: it has reported them.
    fn stop(&mut self, running: &mut Running) -> Option<Recording> {
        if running.has_asserted {
            return None;
        }
        match running.settings.mode {
            Mode::Heap if !self.counts(Mode::Heap) => end_recording(),
            Mode::AdHoc if !self.counts(Mode::AdHoc) => self.events.end(),
            _ => {}
        }
        Some(match running.settings.mode {
            Mode::Heap => heap_recording(),
            Mode::AdHoc => self.events_recording(running),
        })
    }

    fn events_recording(&self, running: &Running) -> Recording {
        let micros = os::monotonic_nanos().saturating_sub(running.started_nanos) / 1000;
        Recording {
            end_micros: micros.max(1),
            peak_micros: 0,
            sites: self.events.sites(),
            // The heap is another story than the events.
            timeline: None,
            moments: Moments::default(),
            histograms: None,
            ..heap_recording()
        }
    }
}

fn begin_recording() {
    if AS_1_0 {
        windows::count_with_stacks();
    } else {
        // Peaks are exact, as dhat-rs's are, whatever the number of threads.
        if let Some(session) = start::session() {
            windows::open(session, true);
        }
    }
}

fn end_recording() {
    let Some(session) = start::session() else { return };
    if !AS_1_0 {
        windows::close(session);
    } else if super::alloc::is_installed() {
        windows::cease_naming(session);
    }
}

/// The present recording, of stacks alone.
fn heap_recording() -> Recording {
    let mut recording = own_recording::recording(start::session());
    if recording.pid == 0 {
        // The process is not recorded: the report has only its id and command line.
        recording.pid = std::process::id();
        recording.command = std::env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ");
    }
    recording.retain_sites(own_recording::has_stack);
    recording
}

/// The sums of the present profiler's counts.
pub(super) fn heap_totals() -> Counters {
    own_recording::totals(start::session())
}
