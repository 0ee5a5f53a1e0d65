//! What the benches measure. Every bench program is this library under an
//! allocator of its own, so that the programs differ in nothing else.
//!
//! `PROGRAM WORKLOAD [--budget MILLISECONDS] [--files N]` measures the workload
//! and prints lines of `key value`:
//!
//! * `value`: nanoseconds per pair of allocation and free, or per pass;
//! * `again`: for whole programs, nanoseconds of the second pass, unless the first took very long;
//! * `refused`: why the profiler would not start, instead of all others;
//! * `end`: the monotonic clock in nanoseconds when the work was done, before
//!   the profiler writes its report. What passes from then until the process
//!   is gone is the price of the report.
//!
//! `PROGRAM WORKLOAD --pairs N` does N pairs (after those that fill the heap)
//! and measures nothing: for counting instructions from outside.

pub mod arguments;
pub mod clock;
pub mod loops;
pub mod measure;
pub mod parallel;
pub mod passes;

use std::hint::black_box;
use std::process::ExitCode;

use arguments::{Amount, Arguments, Workload};

/// Starts the profiler, runs the workload that the command line names, prints
/// what it measured, and stops the profiler by dropping what `start` returned.
///
/// Exit status 2 and one line on standard error if the command line cannot be
/// used. A profiler that refuses to start is an outcome: status 0.
pub fn main<Profiler>(start: impl FnOnce() -> Result<Profiler, String>) -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(complaint) => {
            eprintln!("bench: {complaint}");
            return ExitCode::from(2);
        }
    };
    match start() {
        Ok(_profiler) => run(&arguments),
        Err(reason) => println!("refused {reason}"),
    }
    ExitCode::SUCCESS
}

fn run(arguments: &Arguments) {
    match (arguments.workload, arguments.amount) {
        (Workload::Json, _) => print_passes(passes::twice(passes::json)),
        (Workload::Syn, _) => {
            print_passes(passes::twice(|| passes::syn(arguments.files)));
        }
        (Workload::Loop(body), Amount::Pairs(pairs)) => {
            let work = body.start();
            // A loop that the compiler does not unroll: one call, and so one stack per site.
            black_box(vec![body.warm_up(), pairs]).into_iter().for_each(work);
        }
        (Workload::Loop(body), Amount::Budget(budget)) => {
            let mut work = body.start();
            let timed = |pairs| measure::time(|| work(pairs));
            println!("value {}", measure::per_unit(budget, body.warm_up(), timed));
        }
        (Workload::Threads(threads), Amount::Pairs(pairs)) => {
            parallel::run(threads, pairs);
        }
        (Workload::Threads(threads), Amount::Budget(budget)) => {
            println!("value {}", parallel::per_pair(threads, budget));
        }
    }
    println!("end {}", clock::monotonic_nanos());
}

fn print_passes((first, second): (f64, Option<f64>)) {
    println!("value {first}");
    if let Some(second) = second {
        println!("again {second}");
    }
}
