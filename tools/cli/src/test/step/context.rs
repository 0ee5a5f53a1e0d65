//! The words that a step was told, and the environment that its program is to see.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::test::shared::hush;
use crate::test::shared::plan::Plan;
use crate::test::shared::refused::Refused;
use crate::test::shared::state::State;

/// The state that a step works on.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) state: State,
    pub(crate) plan: Plan,
}

impl Context {
    /// Reads the plan in `folder`.
    pub(crate) fn read(folder: Option<OsString>) -> Result<Self, Refused> {
        let state = State::at(PathBuf::from(folder.unwrap_or_default()));
        let plan = state.read_plan().map_err(|error| {
            Refused::from(format!("{} cannot be read: {error}", state.folder().display()))
        })?;
        Ok(Self { state, plan })
    }

    /// Lets `command` see the environment that it would have without mod-alloc.
    pub(crate) fn restore(&self, command: &mut Command) {
        for (name, value) in &self.plan.before {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env_remove(hush::NOTES);
    }
}
