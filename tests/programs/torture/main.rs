//! Programs whose stacks are as hard to walk as stacks can be, for the tests `self_check`, `dlclose`
//! and `python`, and for `tools/check/self-check`.
//!
//! One binary: `torture-programs PROGRAM CAPTURES FOLDER [ARGUMENTS]`. Each program goes on until it
//! has made as many blocks as CAPTURES says; FOLDER has the native objects that
//! `tests/programs/native/build` makes.
//!
//! A program is random runs ([`walk`]) through functions of every shape (*nodes*), native and in
//! Rust, each of which calls others or allocates. What the program itself knows of its stacks
//! ([`shadow`]) it prints at the end, as an oracle for the report: of each stack its nodes,
//! outermost first, and the blocks and bytes allocated there. Names of nodes begin with `node_`.

mod fibers;
mod host;
mod interrupted;
mod nodes;
mod objects;
mod pointed;
mod programs;
mod python;
#[path = "../random.rs"]
mod random;
#[path = "../region.rs"]
mod region;
mod reload;
mod shadow;
mod threads;
mod walk;

use shadow::Counting;

#[global_allocator]
static ALLOC: Counting = Counting::new();

/// The words of the command line.
#[derive(Clone, Copy)]
struct Arguments<'a> {
    /// How many blocks to make, at least, each thread.
    captures: u64,
    /// The native objects' folder.
    folder: &'a str,
    /// Words that only this program understands.
    more: &'a [&'a str],
}

/// A program's name and what it does.
type Program = (&'static str, fn(Arguments<'_>));

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [name, captures, folder, ref more @ ..] = arguments[..] else {
        panic!("usage: torture-programs PROGRAM CAPTURES FOLDER [ARGUMENTS]")
    };
    let families = [
        programs::PROGRAMS,
        fibers::PROGRAMS,
        interrupted::PROGRAMS,
        reload::PROGRAMS,
        pointed::PROGRAMS,
        python::PROGRAMS,
        threads::PROGRAMS,
    ];
    let program = families.iter().copied().flatten().find(|(known, _)| *known == name);
    let (_, run) = program.unwrap_or_else(|| panic!("no program is called {name}"));
    let captures = captures.parse().expect("a number of captures");
    shadow::in_shadow(|| run(Arguments { captures, folder, more }));
    shadow::print();
}
