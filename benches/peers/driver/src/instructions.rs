//! Instructions per pair, counted by callgrind.
//!
//! A program runs twice, with different numbers of pairs; the difference is
//! divided by the difference. What happens once (start, filling the heap) is in
//! both and cancels. The report would too, but takes minutes, so none is written.

use std::process::{Command, Stdio};

use crate::child::{Child, Run};
use crate::measured::{Measured, Outcome};
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
    let child = Child::new(options, build, allocator);
    if let Run::Refused(reason) = child.run(&options.units(workload, 1))? {
        return Ok(Outcome::Refused(reason));
    }
    let count = |pairs| count(&child, options.units(workload, pairs));
    let [short, long] = PAIRS;
    let value = (count(long)? - count(short)?) / f64::from(long - short);
    Ok(Outcome::Measured(Measured { value, ..Measured::default() }))
}

/// All instructions of one run.
fn count(child: &Child<'_>, arguments: Vec<String>) -> Result<f64, String> {
    let inner = child.command();
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(inner.get_program());
    command.args(arguments).arg("--no-report");
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    collected(&said)
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("{}: {said}", child.name()))
}

/// The number in callgrind's line `==PID== Collected : NUMBER`.
fn collected(said: &str) -> Option<f64> {
    let (_, rest) = said.rsplit_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}
