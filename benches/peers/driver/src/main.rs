//! Runs the bench programs in turn and prints a table per workload.
//!
//! Every number is the median over several runs. The allocators take turns
//! (A B C A B C …), so that a machine that becomes slower for a while does so
//! for all of them.

mod child;
#[path = "../../../shared/choices.rs"]
mod choices;
mod instructions;
mod json;
mod lines;
mod made;
mod measured;
mod memory;
mod options;
mod programs;
mod report;
mod rows;
mod summary;
mod table;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use child::Child;
use made::Made;
use measured::Outcome;
use memory::Memory;
use options::{Build, Options};
use programs::{Allocator, Unit, Workload};
use rows::Rows;

/// An allocator whose runs of one workload took so long together gets no more of them.
const PATIENCE: Duration = Duration::from_secs(8);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [command, path] if command == report::DESCRIBE => report::print_description(path.as_ref()),
        _ => Options::parse(arguments.into_iter()).and_then(|options| run(&options)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("bench: {complaint}");
            ExitCode::from(2)
        }
    }
}

/// What is printed, and written for programs.
enum Table {
    Rows(Rows),
    Memory(Memory),
}

fn run(options: &Options) -> Result<(), String> {
    let mut results = Vec::new();
    for build in &options.builds {
        for &workload in &options.workloads {
            let table = measured(options, build, workload, &results)?;
            print!("{}", table.text());
            results.push(table);
        }
    }
    let timed: Vec<&Rows> = results.iter().filter_map(Table::rows).collect();
    if !timed.is_empty() {
        print!("{}", summary::text(&timed));
    }
    match &options.json {
        Some(path) => std::fs::write(path, json::text(options, &results))
            .map_err(|error| format!("{}: {error}", path.display())),
        None => Ok(()),
    }
}

/// The table of one workload; `before` are those that there are already.
fn measured(
    options: &Options,
    build: &Build,
    workload: Workload,
    before: &[Table],
) -> Result<Table, String> {
    if workload.unit == Unit::Bytes {
        return memory::measure(options, build).map(Table::Memory);
    }
    if options.instructions {
        return instructions::measure(options, build, workload).map(Table::Rows);
    }
    let mut rows = time(options, build, workload)?;
    let is_alone = |rows: &&Rows| rows.build == build.name && rows.workload.name == "threads-1";
    if let Some(alone) = before.iter().filter_map(Table::rows).find(is_alone) {
        rows.compare_with(alone);
    }
    Ok(Table::Rows(rows))
}

impl Table {
    fn text(&self) -> String {
        match self {
            Self::Rows(rows) => table::text(rows),
            Self::Memory(memory) => table::memory(memory),
        }
    }

    fn rows(&self) -> Option<&Rows> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Memory(_) => None,
        }
    }
}

/// All allocators' runs of one workload.
fn time(options: &Options, build: &Build, workload: Workload) -> Result<Rows, String> {
    let made = Made::count(options, build, workload)?;
    let mut turns: Vec<Turns> =
        options.allocators.iter().map(|&allocator| Turns::of(allocator)).collect();
    for _ in 0..options.rounds {
        for turn in turns.iter_mut().filter(|turn| turn.spent < PATIENCE) {
            turn.take(options, build, workload, &made)?;
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

    fn take(
        &mut self,
        options: &Options,
        build: &Build,
        workload: Workload,
        made: &Made,
    ) -> Result<(), String> {
        let child = Child::new(options, build, self.allocator);
        let start = Instant::now();
        self.outcomes.push(Outcome::of(&child, &options.timed(workload), made)?);
        self.spent += start.elapsed();
        Ok(())
    }
}
