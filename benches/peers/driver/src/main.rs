//! Runs the bench programs in turn and prints a table per workload.
//!
//! Every number is the median over several runs. The allocators take turns
//! (A B C A B C …), so that a machine that becomes slower for a while does so
//! for all of them.

mod child;
mod instructions;
mod json;
mod options;
mod programs;
mod rows;
mod table;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use child::{Child, Outcome};
use options::{Build, Options};
use programs::{Allocator, Workload};
use rows::Rows;

/// An allocator whose runs of one workload took so long together gets no more of them.
const PATIENCE: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("bench: {complaint}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let mut results = Vec::new();
    for build in &options.builds {
        for &workload in &options.workloads {
            let measured = if options.instructions {
                instructions::measure(options, build, workload)?
            } else {
                measure(options, build, workload)?
            };
            print!("{}", table::text(&measured));
            results.push(measured);
        }
    }
    match &options.json {
        Some(path) => std::fs::write(path, json::text(options, &results))
            .map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

/// All allocators' runs of one workload.
fn measure(options: &Options, build: &Build, workload: Workload) -> Result<Rows, String> {
    let mut turns: Vec<Turns> =
        options.allocators.iter().map(|&allocator| Turns::of(allocator)).collect();
    for _ in 0..options.rounds {
        for turn in turns.iter_mut().filter(|turn| turn.spent < PATIENCE) {
            turn.take(options, build, workload)?;
        }
    }
    let runs = turns.into_iter().map(|turn| (turn.allocator, turn.outcomes));
    Ok(Rows::from_runs(&build.name, workload, runs))
}

/// One allocator's runs so far.
struct Turns {
    allocator: &'static Allocator,
    spent: Duration,
    outcomes: Vec<Outcome>,
}

impl Turns {
    fn of(allocator: &'static Allocator) -> Self {
        Self { allocator, spent: Duration::ZERO, outcomes: Vec::new() }
    }

    fn take(&mut self, options: &Options, build: &Build, workload: Workload) -> Result<(), String> {
        let start = Instant::now();
        let child = Child {
            program: build.directory.join(self.allocator.program),
            directory: &options.scratch,
        };
        self.outcomes.push(child.run(self.allocator, &options.arguments(workload))?);
        self.spent += start.elapsed();
        Ok(())
    }
}
