//! The command line: `mod-alloc` and `cargo mod-alloc`.
//!
//! The floors, from the lowest up. A file uses its own folder and lower floors alone, which
//! `tests/layers.rs` holds; commands of one floor do not know each other.
//!
//! | floor | folder | content |
//! |---|---|---|
//! | 1 | `base` | exit statuses; standard error and output, files, progress; colours; the system |
//! | 1 | `units` | sizes, counts, shares and times as people read them |
//! | 1 | `dhat_file` | a report as data: of any dhat JSON, of a recording, of many processes |
//! | 2 | `program` | an executable: found, examined; the library that is preloaded into it |
//! | 2 | `recordings` | the places of recordings, and their content as a document |
//! | 2 | `watched` | a running process: its recording, read again and again |
//! | 2 | `origin` | the owner of a frame: the program, a library, the standard library |
//! | 3 | `html` | one or two documents as a page for the browser |
//! | 4 | `report` | a document as text, JSON or a page; command: print it |
//! | 5 | `reports` | from recordings to reports in files, and their summary |
//! | 5 | `pprof` | a document as pprof's profile |
//! | 6 | `otlp` | a document as profiles of OpenTelemetry |
//! | 7 | `serve` | command: an endpoint that scrapers and browsers ask |
//! | 7 | `sample` | command: another rate of samples in a running program |
//! | 8 | `run` | command: profile a program |
//! | 8 | `recover` | command: a report of the recording of a killed program |
//! | 8 | `export` | command: a report in the formats of other tools |
//! | 8 | `diff` | command: two reports, compared |
//! | 8 | `merge` | command: several reports as one |
//! | 8 | `top` | command: a running program, live |
//! | 8 | `test` | command: a row per test, budgets |
//! | 8 | `packaging` | commands: completions and man pages |
//! | 9 | `command_line` | the definition of all commands, usage errors |
//!
//! Every line on standard error begins with `mod-alloc:`.

mod base;
mod command_line;
pub mod dhat_file;
mod diff;
mod export;
mod html;
mod merge;
mod origin;
mod otlp;
mod packaging;
mod pprof;
mod program;
mod recordings;
mod recover;
mod report;
mod reports;
mod run;
mod sample;
mod serve;
mod test;
mod top;
mod units;
mod watched;

use std::process::ExitCode;

use command_line::{Arguments, Command, commands};

pub use command_line::CalledAs;
#[doc(hidden)]
pub use diff::is_same_in_every_form;
#[doc(hidden)]
pub use export::in_every_format as export_in_every_format;
#[doc(hidden)]
pub use report::in_every_form as report_in_every_form;

/// Runs the command line and gives the process's exit status.
pub fn main(called_as: CalledAs) -> ExitCode {
    if let Some(status) = command_line::run_by_cargo(called_as) {
        return status;
    }
    let arguments = match Arguments::of_process(called_as) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    arguments.color.apply();
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Recover(arguments) => recover::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Nextest(arguments) => test::nextest(&arguments),
        Command::TestStep(arguments) => test::step(&arguments),
        Command::Completions(arguments) => packaging::completions(&arguments, &commands()),
        Command::Man(arguments) => packaging::man(&arguments, commands()),
    }
}
