//! Times whole programs, plain and under allocation profilers, and prints a table of each.
//!
//! Every number is the median over several runs. The profilers take turns (A B C A B C …), so that
//! a machine that becomes slower for a while does so for all of them.

#[path = "../../shared/choices.rs"]
mod choices;
mod json;
mod made;
mod options;
mod process;
mod profilers;
mod rows;
mod settings;
mod table;
mod workloads;

use std::process::ExitCode;
use std::time::Duration;

use options::Options;
use profilers::Profiler;
use rows::{Measured, Rows};
use workloads::{Job, Workload};

/// A profiler whose runs of one workload took so long together gets no more of them.
const PATIENCE: Duration = Duration::from_secs(90);

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("bench-wrapped: {complaint}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut results = Vec::new();
    for workload in &options.workloads {
        let rows = measure(options, workload)?;
        print!("{}", table::text(&rows));
        results.push(rows);
    }
    match &options.json {
        Some(path) => std::fs::write(path, json::text(options, &results))
            .map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

/// All profilers' runs of one workload.
fn measure(options: &Options, workload: &Workload) -> Result<Rows, String> {
    let job = Job::prepare(&options.settings, workload)?;
    let profilers: Vec<&Profiler> =
        options.profilers.iter().copied().filter(|profiler| profiler.takes(workload)).collect();
    let mut runs: Vec<Vec<Measured>> = vec![Vec::new(); profilers.len()];
    for _ in 0..options.rounds {
        for (profiler, runs) in profilers.iter().zip(&mut runs) {
            let spent: Duration = runs.iter().map(|run: &Measured| run.wall).sum();
            if spent < PATIENCE {
                runs.push(timed(options, &job, profiler)?);
            }
        }
    }
    let mut rows = Rows::new(workload);
    for (profiler, runs) in profilers.into_iter().zip(&runs) {
        let looked_at = runs.iter().map(|run| run.peak).max().unwrap_or(0);
        let peak =
            if options.settings.quick { looked_at } else { weighed(options, &job, profiler)? };
        rows.push(profiler, runs, peak);
    }
    Ok(rows)
}

/// One run, timed; only for a look is its memory looked at meanwhile, which takes some of its time.
fn timed(options: &Options, job: &Job, profiler: &Profiler) -> Result<Measured, String> {
    let run = profiler.command(&options.settings, job)?;
    let sampling = options.settings.quick.then_some(process::SAMPLING);
    let ended = process::run(run.command, job, sampling)?;
    Measured::of(&ended, job, &run.output)
}

/// One run, whose memory is looked at all the time: the most that all its processes had.
fn weighed(options: &Options, job: &Job, profiler: &Profiler) -> Result<u64, String> {
    let run = profiler.command(&options.settings, job)?;
    let ended = process::run(run.command, job, Some(process::SAMPLING))?;
    Ok(ended.most_resident)
}
