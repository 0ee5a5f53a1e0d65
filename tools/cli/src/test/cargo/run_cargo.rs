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
use crate::test::shown::baseline::Place;
use crate::test::shown::budget::compare;
use crate::test::shown::spread::Baseline;

use super::arguments::{Format, Own};
use super::ask::{self, Cargo};
use super::conclude::conclude;
use super::configured;
use super::prepare::prepare;
use super::words::Words;

/// `cargo test` or `cargo nextest`, as `command` says.
pub(crate) fn run(words: &Words, command: &str) -> Result<ExitCode, Refused> {
    let own = &words.own;
    let asks = Cargo::new(&words.cargo);
    let workspace = workspace(&asks, own)?;
    let place = match own.baseline.as_ref().or(own.save_baseline.as_ref()) {
        Some(name) => {
            let build =
                configured::build(&asks, &words.cargo, own.nextest || command == "nextest")?;
            Some(Place::of(name, &workspace.target_directory, build)?)
        }
        None => None,
    };
    let before = place.as_ref().filter(|_| own.baseline.is_some()).map(Place::read).transpose()?;
    let (first, status) = run_once(words, command, &asks, &workspace, true)?;
    let mut runs = vec![first];
    if own.save_baseline.is_some() && status.success() {
        let least = usize::from(own.runs);
        // A spread of few runs is too narrow for what varies.
        let is_enough = |runs: &[Rows]| {
            runs.len() >= 2 * least || runs.len() >= least && !Baseline::of(runs).varies()
        };
        while !is_enough(&runs) {
            let (rows, again) = run_once(words, command, &asks, &workspace, false)?;
            if !again.success() {
                let number = runs.len() + 1;
                say!("cargo failed in run {number}: no baseline was saved; run it again");
                return Ok(supervise::end_as(again));
            }
            runs.push(rows);
        }
    }
    if let (Some(before), true) = (&before, status.success()) {
        confirm(&mut runs, before, own, || run_once(words, command, &asks, &workspace, false))?;
    }
    let above = conclude(&runs, before.as_ref(), place.as_ref(), own, status)?;
    if above && status.success() {
        return Ok(ExitCode::from(FAILED));
    }
    Ok(supervise::end_as(status))
}

/// Runs again where tests grew beyond their budget, until all are within it in some run: what grew
/// stays above it, and what varies does not.
fn confirm(
    runs: &mut Vec<Rows>,
    before: &Baseline,
    own: &Own,
    mut again: impl FnMut() -> Result<(Rows, ExitStatus), Refused>,
) -> Result<(), Refused> {
    const RUNS: usize = 3;
    let Some(budget) = own.budget() else { return Ok(()) };
    let grew = |runs: &[Rows]| {
        !compare(&Rows::least_of(runs), before, own.choice()).above(&budget).is_empty()
    };
    while runs.len() < RUNS && grew(runs) {
        if runs.len() == 1 {
            say!("tests grew: they run again, to tell growth from what varies");
        }
        let (rows, status) = again()?;
        // What grew in the first run counts then.
        if !status.success() {
            say!("cargo failed when the tests ran again");
            return Ok(());
        }
        runs.push(rows);
    }
    Ok(())
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
