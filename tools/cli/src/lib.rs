//! The command line: `mod-alloc` and `cargo mod-alloc`.
//!
//! | file | command |
//! |---|---|
//! | `run` | profile a program |
//! | `recover` | a report of what a killed program left |
//! | `report` | a report as text or JSON |
//! | `top` | a running program, live |
//! | `test` | a row per test, budgets |
//! | `packaging` | hidden: completions and man pages |
//!
//! | file | what the commands share |
//! |---|---|
//! | `command_line` | the words to a command, usage errors, exit statuses |
//! | `say`, `output`, `progress` | standard error; standard output and files; what is going on |
//! | `style`, `units` | colours; sizes, counts, shares and times as people read them |
//! | `dhat_file` | the report as data: of any dhat JSON, of a recording, of many processes |
//! | `input` | opens a FILE argument, whichever of these it is |
//! | `program` | finds an executable and tells whether a library can be preloaded into it |
//! | `preload` | the library, unpacked |
//! | `recordings` | where recordings lie, and which are there |
//! | `reports`, `summary` | from recordings to reports in files, and what is said of them |
//!
//! Every line of ours on standard error begins with `mod-alloc:`.

mod command_line;
pub mod dhat_file;
mod input;
mod output;
mod packaging;
mod preload;
mod program;
mod progress;
mod recordings;
mod recover;
mod report;
mod reports;
mod run;
mod say;
mod style;
mod summary;
mod test;
mod top;
mod units;

use std::process::ExitCode;

use command_line::{Arguments, Command};

#[doc(hidden)]
pub use report::in_every_form as report_in_every_form;

/// By which name the program was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledAs {
    /// `mod-alloc …`
    ModAlloc,
    /// `cargo mod-alloc …`
    Cargo,
}

/// Runs the command line and gives the process's exit status.
pub fn main(called_as: CalledAs) -> ExitCode {
    let arguments = match Arguments::of_process(called_as) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    arguments.color.apply();
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Recover(arguments) => recover::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Nextest(arguments) => test::nextest(&arguments),
        Command::TestStep(arguments) => test::step(&arguments),
        Command::Completions(arguments) => packaging::completions(&arguments),
        Command::Man(arguments) => packaging::man(&arguments),
    }
}
