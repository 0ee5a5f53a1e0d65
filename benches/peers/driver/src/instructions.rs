//! Instructions per pair, counted by callgrind.
//!
//! A program runs twice, with different numbers of pairs; the difference is
//! divided by the difference. What happens once (start, filling the heap,
//! symbols, the report) is in both and cancels.

use std::process::{Command, Stdio};

use crate::child::{Child, Measured, Outcome};
use crate::options::{Build, Options};
use crate::programs::{Allocator, Unit, Workload};
use crate::rows::Rows;

/// Pairs of the shorter and of the longer run. The longer one's sites have all been met in the shorter one.
const PAIRS: [u32; 2] = [40_000, 90_000];

/// One workload's instructions under every allocator.
pub(crate) fn measure(
    options: &Options,
    build: &Build,
    workload: Workload,
) -> Result<Rows, String> {
    let mut runs = Vec::new();
    for &allocator in &options.allocators {
        runs.push((allocator, vec![per_pair(options, build, allocator, workload)?]));
    }
    let mut rows = Rows::from_runs(&build.name, workload, runs.into_iter());
    rows.unit = Unit::Instructions;
    Ok(rows)
}

fn per_pair(
    options: &Options,
    build: &Build,
    allocator: &Allocator,
    workload: Workload,
) -> Result<Outcome, String> {
    let program = build.directory.join(allocator.program);
    if !program.exists() {
        return Ok(Outcome::Refused(allocator.if_missing.to_owned()));
    }
    let child = Child { program, directory: &options.scratch };
    let [short, long] = PAIRS;
    let counts =
        [count(&child, allocator, workload, short)?, count(&child, allocator, workload, long)?];
    let value = (counts[1] - counts[0]) / f64::from(long - short);
    Ok(Outcome::Measured(Measured { value, ..Measured::default() }))
}

/// All instructions of one run.
fn count(
    child: &Child<'_>,
    allocator: &Allocator,
    workload: Workload,
    pairs: u32,
) -> Result<f64, String> {
    let report = child.directory.join("report.json");
    let inner = child.command(allocator, &report);
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(inner.get_program());
    command.args([workload.name, "--pairs", &pairs.to_string()]);
    command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said)
        .filter(|_| output.status.success())
        .ok_or(format!("{}: {said}", allocator.name))
}

/// The number in callgrind's line `==PID== Collected : NUMBER`.
fn collected(said: &str) -> Option<f64> {
    let (_, rest) = said.rsplit_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}
