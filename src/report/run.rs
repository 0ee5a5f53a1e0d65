//! The process as a whole.

use std::ops::Deref;

use crate::recording::model::Recording;

/// All that is said about the process as a whole: its [`Recording`] without frames, sites and their
/// moments, which are empty here. It ends 1 µs after its start at least and not before its peak;
/// all groups have names.
#[derive(Debug, Clone, Default)]
pub struct Run(Recording);

impl Run {
    pub(super) fn of(recording: &Recording) -> Self {
        let mut run = recording.without_stacks();
        run.end_micros = run.end_micros.max(1);
        run.peak_micros = run.peak_micros.min(run.end_micros);
        run.groups.retain(|group| !group.name.is_empty());
        Self(run)
    }
}

impl Deref for Run {
    type Target = Recording;

    fn deref(&self) -> &Recording {
        &self.0
    }
}
