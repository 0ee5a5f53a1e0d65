//! Small programs with known allocations, for the tests `heap_*` and `walls`.
//!
//! One binary; the first argument names the program, the rest are its arguments. What a
//! program expects of the report it prints on standard output, a line per site, without the
//! heap. Functions that allocate are called `site_*` and are never inlined, so that the
//! tests find them in the report.

mod endings;
mod model;
mod numbered;
mod one_run;
mod over_time;
#[path = "dhat/profilers.rs"]
mod profilers;
mod random;
mod region;
mod reports;
mod rig;
mod samples;
mod settings;
mod signals;
mod states;
mod threads;
mod truth;
mod walls;
mod week;

use mod_alloc::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, arguments) = arguments.split_first().expect("the name of a program");
    let families = [
        truth::PROGRAMS,
        model::PROGRAMS,
        settings::PROGRAMS,
        threads::PROGRAMS,
        walls::PROGRAMS,
        endings::PROGRAMS,
        signals::PROGRAMS,
        states::PROGRAMS,
        profilers::PROGRAMS,
        over_time::PROGRAMS,
        one_run::PROGRAMS,
        reports::PROGRAMS,
        samples::PROGRAMS,
        week::PROGRAMS,
    ];
    let program = families.iter().copied().flatten().find(|(known, _)| known == name);
    let (_, run) = program.unwrap_or_else(|| panic!("no program is called {name}"));
    run(arguments);
}

/// A program's name and what it does with its arguments.
type Program = (&'static str, fn(&[&str]));
