//! One run: cargo with steps of mod-alloc in the place of its programs, then the table.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use crate::base::exit_status::FAILED;
use crate::base::say::say;
use crate::test::measured::ran;
use crate::test::measured::rows::Rows;
use crate::test::measured::workspace::Workspace;
use crate::test::shared::own_state::OwnState;
use crate::test::shared::refused::Refused;
use crate::test::shared::state::State;
use crate::test::shared::supervise;
use crate::test::shown::baseline;

use super::arguments::{Format, Own};
use super::ask::{self, Cargo};
use super::conclude::conclude;
use super::prepare::prepare;
use super::words::Words;

/// `cargo test` or `cargo nextest`, as `command` says.
pub(crate) fn run(words: &Words, command: &str) -> Result<ExitCode, Refused> {
    let own = &words.own;
    let asks = Cargo::new(&words.cargo);
    let workspace = workspace(&asks, own)?;
    let before = match &own.baseline {
        Some(name) => Some(baseline::read(&workspace.target_directory, name)?),
        None => None,
    };
    if let Some(name) = &own.save_baseline {
        baseline::path(&workspace.target_directory, name)?;
    }
    let (first, status) = run_once(words, command, &asks, &workspace, true)?;
    let mut runs = vec![first];
    if own.save_baseline.is_some() && status.success() {
        for _ in 1..own.runs {
            let (rows, again) = run_once(words, command, &asks, &workspace, false)?;
            if !again.success() {
                let (number, of) = (runs.len() + 1, own.runs);
                say!("cargo failed in run {number} of {of}: no baseline was saved; run it again");
                return Ok(supervise::end_as(again));
            }
            runs.push(rows);
        }
    }
    let above = conclude(&runs, before.as_ref(), &workspace, own, status)?;
    if above && status.success() {
        return Ok(ExitCode::from(FAILED));
    }
    Ok(supervise::end_as(status))
}

/// One run of cargo, with its output or without.
fn run_once(
    words: &Words,
    command: &str,
    asks: &Cargo,
    workspace: &Workspace,
    is_shown: bool,
) -> Result<(Rows, ExitStatus), Refused> {
    let own = &words.own;
    let own_state = OwnState::create()?;
    let state = &own_state.state;
    let variables = prepare(&own_state, asks, &words.cargo)?;
    let mut cargo = Command::new(ask::program());
    cargo.args(subcommand(own, command)).args(&words.cargo).envs(variables);
    if !is_shown {
        cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    } else if own.format != Format::Text && own.output.is_none() {
        let error = io::stderr().as_fd().try_clone_to_owned();
        cargo.stdout(File::from(error.map_err(|error| format!("standard error: {error}"))?));
    }
    let status = supervise::run(&mut cargo).map_err(|error| {
        format!("{} cannot be started: {error}", OsStr::display(cargo.get_program()))
    })?;
    Ok((rows(state, workspace, own)?, status))
}

fn subcommand(own: &Own, command: &str) -> Vec<OsString> {
    let words: &[&str] = match (command, own.nextest) {
        ("nextest", _) => &["nextest"],
        (_, true) => &["nextest", "run"],
        _ => &["test"],
    };
    words.iter().map(OsString::from).collect()
}

/// The packages. Where cargo cannot tell, it says why when it is to run tests; only baselines need
/// them before that.
fn workspace(asks: &Cargo, own: &Own) -> Result<Workspace, Refused> {
    let read = asks.metadata().and_then(|value| {
        serde_json::from_value::<Workspace>(value)
            .map_err(|error| format!("cargo metadata: {error}"))
    });
    match read {
        Ok(workspace) => Ok(workspace),
        Err(error) if own.baseline.is_some() || own.save_baseline.is_some() => Err(error.into()),
        Err(_) => Ok(Workspace::default()),
    }
}

fn rows(state: &State, workspace: &Workspace, own: &Own) -> Result<Rows, Refused> {
    let ran = ran::read_all(&state.path("ran"))
        .map_err(|error| format!("the numbers of the tests cannot be read: {error}"))?;
    let mut rows = Rows::of(&ran, workspace);
    rows.sort(own.sort);
    Ok(rows)
}
