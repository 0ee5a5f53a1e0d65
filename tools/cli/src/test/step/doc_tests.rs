//! In rustdoc's place: runs it, has it log results, and names the programs of its tests.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::base::say::say;
use crate::program::in_front;
use crate::test::measured::ran::{self, Ran};
use crate::test::measured::results;
use crate::test::shared::refused::Refused;
use crate::test::shared::{hush, options, supervise};

use super::context::Context;
use super::doc_names;
use super::doc_run::{Run, prepare};
use super::doc_words::{logs_of_user, runs_tests, without_logs};
use super::program::exec;

/// `__test rustdoc STATE ARGUMENTS…`
pub(crate) fn run(context: &Context, arguments: Vec<OsString>) -> Result<ExitCode, Refused> {
    let mut rustdoc = Command::new(&context.plan.rustdoc);
    if !runs_tests(&arguments) {
        rustdoc.args(arguments);
        return Err(exec(&mut rustdoc));
    }
    let run = prepare(context).map_err(|error| {
        Refused::from(format!("{} cannot be prepared: {error}", context.state.folder().display()))
    })?;
    if logs(context) {
        // In front of the user's: behind a `--` it would be the name of a test.
        rustdoc.args(["--test-args", "--logfile", "--test-args"]).arg(&run.log);
        rustdoc.env("LD_PRELOAD", in_front([context.state.hush()]));
    }
    rustdoc.args(without_logs(&arguments)).env(hush::NOTES, &run.folder);
    let log = run.read_log()?;
    let status = supervise::run(&mut rustdoc);
    let log = run.finish(log);
    let status = status.map_err(|error| {
        let name = Path::new(&context.plan.rustdoc).display();
        Refused::from(format!("{name} cannot be started: {error}"))
    })?;
    for path in logs_of_user(&arguments) {
        if let Err(error) = fs::write(&path, &log) {
            say!("{} cannot be written: {error}", Path::new(&path).display());
        }
    }
    if let Err(error) = keep(context, &run, &arguments, &log) {
        say!("the numbers of the doc tests cannot be kept: {error}");
    }
    Ok(supervise::end_as(status))
}

/// True if the harness in rustdoc knows the option for logs: its help says so.
fn logs(context: &Context) -> bool {
    let empty = context.state.path("empty.rs");
    if fs::write(&empty, "").is_err() {
        return false;
    }
    let mut rustdoc = Command::new(&context.plan.rustdoc);
    rustdoc.args(["--test", "--test-args", "--help"]).arg(empty).stdin(Stdio::null());
    let help = rustdoc.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&help).contains("--logfile")
}

fn keep(context: &Context, run: &Run, arguments: &[OsString], log: &str) -> io::Result<()> {
    let programs = ran::read_all(&run.folder.join("ran"))?;
    let (mut runs, mut notes) = (Vec::new(), Vec::new());
    for program in programs {
        runs.extend(program.doc_runs);
        notes.extend(program.notes);
    }
    let mut rows = doc_names::rows(runs, &run.notes()?, &results::of_log(log));
    rows.notes.extend(notes);
    let name = options::values_of(arguments, "--crate-name").last().copied();
    let rows = Ran {
        doc_tests_of: Some(name.unwrap_or_default().to_string_lossy().into_owned()),
        package: std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
        attempt: 1,
        ..rows
    };
    rows.keep(&context.state)
}
