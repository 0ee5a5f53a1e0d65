//! One run: cargo with our steps in the place of its programs, then the table.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, ExitCode, ExitStatus};

use super::budget::{Comparison, compare};
use super::cargo::{self, Cargo};
use super::configured;
use super::ran;
use super::rows::Rows;
use super::state::{OwnState, Plan, State};
use super::words::Words;
use super::workspace::Workspace;
use super::{Format, Own, Refused, baseline, json, supervise, table};
use crate::command_line::FAILED;
use crate::say::say;
use crate::{output, preload};

/// `cargo test` or `cargo nextest`, as `command` says.
pub(super) fn run(words: &Words, command: &str) -> Result<ExitCode, Refused> {
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
    let own_state = OwnState::create()?;
    let state = &own_state.state;
    let variables = prepare(&own_state, &asks, &words.cargo)?;
    let mut cargo = Command::new(cargo::program());
    cargo.args(subcommand(own, command)).args(&words.cargo).envs(variables);
    if own.format == Format::Json && own.output.is_none() {
        let error = io::stderr().as_fd().try_clone_to_owned();
        cargo.stdout(File::from(error.map_err(|error| format!("standard error: {error}"))?));
    }
    let status = supervise::run(&mut cargo, |_| ()).map_err(|error| {
        format!("{} cannot be started: {error}", OsStr::display(cargo.get_program()))
    })?;
    let rows = rows(state, &workspace, own)?;
    drop(own_state);
    let above = conclude(&rows, before.as_ref(), &workspace, own, status)?;
    if above && status.success() {
        return Ok(ExitCode::from(FAILED));
    }
    Ok(supervise::end_as(status))
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

/// Writes the plan for the steps, and gives the variables that make cargo start them.
fn prepare(
    own: &OwnState,
    asks: &Cargo,
    words: &[OsString],
) -> Result<Vec<(OsString, OsString)>, Refused> {
    let state = &own.state;
    let failed = |error: io::Error| {
        Refused::from(format!("{} cannot be written to: {error}", state.folder().display()))
    };
    let mut plan = Plan {
        library: preload::library()?,
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

fn rows(state: &State, workspace: &Workspace, own: &Own) -> Result<Rows, Refused> {
    let ran = ran::read_all(&state.path("ran"))
        .map_err(|error| format!("what tests allocated cannot be read: {error}"))?;
    let mut rows = Rows::of(&ran, workspace);
    rows.sort(own.sort);
    Ok(rows)
}

/// Prints, keeps and compares. Gives whether tests grew beyond their budget.
fn conclude(
    rows: &Rows,
    before: Option<&Rows>,
    workspace: &Workspace,
    own: &Own,
    status: ExitStatus,
) -> Result<bool, Refused> {
    let found = before.filter(|_| status.success()).map(|before| compare(rows, before));
    print(rows, found.as_ref(), own)?;
    for loss in &rows.losses {
        say!("{loss}");
    }
    if let Some(name) = &own.save_baseline {
        save(rows, workspace, name, status)?;
    }
    if before.is_some() && !status.success() {
        say!("not compared with the baseline, because cargo has failed");
    }
    let budget = own.fail_above.as_ref().zip(found.as_ref());
    Ok(budget.is_some_and(|(budget, found)| !found.above(*budget).is_empty()))
}

/// Nothing ran, nothing to print: cargo has said why, or only built.
fn print(rows: &Rows, found: Option<&Comparison>, own: &Own) -> Result<(), Refused> {
    let width = table::width();
    let name = own.baseline.as_deref().unwrap_or_default();
    let compared = found.map(|found| table::comparison(found, name, own.fail_above, width));
    let mut write = |out: &mut dyn io::Write| match own.format {
        Format::Json => json::write(rows, out),
        Format::Text if rows.rows.is_empty() && compared.is_none() => Ok(()),
        Format::Text => {
            write!(out, "\n{}", table::rows(rows, width))?;
            match &compared {
                Some(text) => write!(out, "\n{text}"),
                None => Ok(()),
            }
        }
    };
    let written = match &own.output {
        Some(path) => output::to_path(path, &mut |out| {
            // A file has no colours.
            let mut plain = anstream::StripStream::new(Vec::new());
            write(&mut plain)?;
            out.write_all(&plain.into_inner())
        }),
        None => output::to_stdout(&mut write),
    };
    if let (Format::Json, Some(text)) = (own.format, &compared) {
        for line in text.lines() {
            say!("{line}");
        }
    }
    written.map_err(|error| {
        let path = own
            .output
            .as_deref()
            .map_or("standard output".into(), |path| path.display().to_string());
        Refused::from(format!("{path} cannot be written: {error}"))
    })
}

fn save(rows: &Rows, workspace: &Workspace, name: &str, status: ExitStatus) -> Result<(), Refused> {
    if !status.success() {
        say!("the baseline '{name}' is not saved, because cargo has failed");
        return Ok(());
    }
    let path = baseline::save(rows, &workspace.target_directory, name)?;
    say!("the baseline '{name}' is saved to {}", path.display());
    Ok(())
}
