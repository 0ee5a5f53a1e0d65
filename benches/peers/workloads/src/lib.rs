//! What the benches measure. Every bench program is this library under an
//! allocator of its own, so that the programs differ in nothing else.
//!
//! `PROGRAM WORKLOAD [--budget MILLISECONDS] [--files N]` measures the workload
//! and prints lines of `key value`:
//!
//! * `value`: nanoseconds per pair of allocation and free, or per pass;
//! * `again`: for whole programs, nanoseconds of the second pass, unless the first took very long;
//! * `units`: how many pairs or passes were done, those included that were not measured;
//! * `refused`: why the profiler would not start, instead of all others;
//! * `end`: the monotonic clock in nanoseconds when the work was done, before
//!   the profiler writes its report. What passes from then until the process
//!   is gone is the price of the report.
//!
//! `PROGRAM WORKLOAD --units N` does N pairs on each thread (after those that
//! fill the heap), or N passes, and measures nothing: for counting from outside.
//!
//! `PROGRAM hold-… --count N` keeps so many things (see [`held`]) and prints,
//! as `own_kib` and `resident_kib`, how much memory is resident with them.
//!
//! With `--no-report` the process ends before the profiler writes anything.

pub mod arguments;
pub mod clock;
pub mod exit;
pub mod grown;
pub mod held;
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
        Ok(_profiler) => {
            run(&arguments);
            if arguments.no_report {
                exit::at_once();
            }
        }
        Err(reason) => println!("refused {reason}"),
    }
    ExitCode::SUCCESS
}

fn run(arguments: &Arguments) {
    let amount = arguments.amount;
    let units = match arguments.workload {
        Workload::Json => run_passes(amount, passes::json),
        Workload::Syn => run_passes(amount, || passes::syn(arguments.files)),
        Workload::Loop(body) => run_loop(amount, body.warm_up(), body.start()),
        Workload::Heap(grown) => run_loop(amount, grown.warm_up(), grown.start()),
        Workload::Threads(threads) => run_threads(amount, threads),
        Workload::Hold(held) => {
            let resident = held.resident(arguments.count);
            println!("own_kib {}\nresident_kib {}", resident.own_kib, resident.all_kib);
            arguments.count as u64
        }
    };
    println!("units {units}");
    println!("end {}", clock::monotonic_nanos());
}

/// Returns how many passes were made.
fn run_passes(amount: Amount, mut pass: impl FnMut()) -> u64 {
    match amount {
        Amount::Budget(_) => {
            let passes = passes::twice(pass);
            for (key, time) in ["value", "again"].iter().zip(&passes) {
                println!("{key} {}", time.as_nanos());
            }
            passes.len() as u64
        }
        Amount::Units(passes) => {
            (0..passes).for_each(|_| pass());
            passes
        }
    }
}

/// Returns how many pairs were made, the ones that fill the heap included.
///
/// Inlined, so that all loops are as many frames deep.
#[inline(always)]
fn run_loop(amount: Amount, warm_up: u64, mut work: Box<dyn FnMut(u64)>) -> u64 {
    let mut made = 0;
    let mut counted = |pairs| {
        made += pairs;
        work(pairs);
    };
    match amount {
        Amount::Budget(budget) => {
            let timed = |pairs| measure::time(|| counted(pairs));
            println!("value {}", measure::per_unit(budget, warm_up, timed));
        }
        // A loop that the compiler does not unroll: one call, and so one stack per site.
        Amount::Units(pairs) => {
            black_box(vec![warm_up, pairs]).into_iter().for_each(counted);
        }
    }
    made
}

/// Returns how many pairs all threads together made.
fn run_threads(amount: Amount, threads: u32) -> u64 {
    let mut made = 0;
    let mut counted = |pairs| {
        made += pairs * u64::from(threads);
        parallel::run(threads, pairs)
    };
    match amount {
        Amount::Budget(budget) => {
            println!("value {}", parallel::per_pair(threads, budget, counted));
        }
        Amount::Units(pairs) => {
            counted(pairs);
        }
    }
    made
}
