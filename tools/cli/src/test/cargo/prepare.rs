//! The plan of a run for its steps, and the variables that make cargo start them.

use std::ffi::OsString;
use std::io;

use crate::base::system::Users;
use crate::program::preload;
use crate::test::shared::own_state::OwnState;
use crate::test::shared::plan::Plan;
use crate::test::shared::refused::Refused;

use super::ask::Cargo;
use super::configured;

/// Writes the plan for the steps, and gives the variables that make cargo start them.
pub(crate) fn prepare(
    own: &OwnState,
    asks: &Cargo,
    words: &[OsString],
) -> Result<Vec<(OsString, OsString)>, Refused> {
    let state = &own.state;
    let failed = |error: io::Error| {
        Refused::from(format!("{} cannot be written to: {error}", state.folder().display()))
    };
    let mut plan = Plan {
        library: preload::library(Users::Own)?,
        recordings: own.recordings().to_owned(),
        rustdoc: rustdoc(asks),
        ..Plan::default()
    };
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    for target in configured::targets(asks, words)? {
        let name = configured::variable(&target);
        plan.runners.push((target.clone(), configured::runner(asks, &target)?));
        let script = state.path(&format!("runner-{target}"));
        state.write_script(&script, "runner", &[target.as_ref()]).map_err(failed)?;
        variables.push((name.into(), script.into()));
    }
    let script = state.path("rustdoc");
    state.write_script(&script, "rustdoc", &[]).map_err(failed)?;
    variables.push(("RUSTDOC".into(), script.into()));
    let name_and_value = |(name, _): &(OsString, OsString)| (name.clone(), std::env::var_os(name));
    plan.before = variables.iter().map(name_and_value).collect();
    state.write_plan(&plan).map_err(failed)?;
    Ok(variables)
}

/// The one that cargo would start.
fn rustdoc(asks: &Cargo) -> OsString {
    let configured = || match asks.configured("build.rustdoc") {
        Ok(Some(serde_json::Value::String(path))) => Some(path.into()),
        _ => None,
    };
    std::env::var_os("RUSTDOC").or_else(configured).unwrap_or_else(|| "rustdoc".into())
}
