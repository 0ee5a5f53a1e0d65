//! The command line: `mod-alloc` and `cargo mod-alloc`.
//!
//! | file | command |
//! |---|---|
//! | `run` | profile a program |
//! | `recover` | a report of what a killed program left |
//! | `report` | a report as text or JSON |
//! | `top` | a running program, live |
//! | `test` | a row per test, budgets |
//!
//! Every line of ours on standard error begins with `mod-alloc:`.

mod recover;
mod report;
mod run;
mod test;
mod top;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// By which name the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledAs {
    /// `mod-alloc …`
    ModAlloc,
    /// `cargo mod-alloc …`
    Cargo,
}

/// Exact allocation profiles of any program
#[derive(Debug, Parser)]
#[command(name = "mod-alloc", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Profile a program
    Run(run::Arguments),
    /// Make a report of what a killed program left
    Recover(recover::Arguments),
    /// Print a report
    Report(report::Arguments),
    /// Watch a running program
    Top(top::Arguments),
    /// Profile every test of a package
    Test(test::Arguments),
}

/// Runs the command line and gives the process's exit status.
pub fn main(called_as: CalledAs) -> ExitCode {
    let skip = usize::from(
        called_as == CalledAs::Cargo
            && std::env::args_os().nth(1).is_some_and(|word| word == "mod-alloc"),
    );
    let mut words = std::env::args_os();
    let program = words.next();
    let arguments = Arguments::parse_from(program.into_iter().chain(words.skip(skip)));
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Recover(arguments) => recover::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
    }
}
