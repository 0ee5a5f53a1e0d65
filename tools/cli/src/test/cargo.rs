//! A run of cargo, with steps of mod-alloc in the place of its programs.

mod arguments;
mod ask;
mod cfg_expression;
mod conclude;
mod configured;
mod prepare;
mod programs;
mod run_cargo;
mod words;

pub(crate) use arguments::Arguments;
pub(crate) use programs::{Kind, run as programs};

use std::process::ExitCode;

use super::shared::refused::Refused;

/// `test …`
pub(crate) fn test(_: &Arguments) -> ExitCode {
    run("test")
}

/// `nextest …`
pub(crate) fn nextest(_: &Arguments) -> ExitCode {
    run("nextest")
}

/// The parser's arguments are not looked at: it cannot tell the user's words from cargo's.
fn run(command: &str) -> ExitCode {
    Refused::conclude(words::of_process(command).and_then(|words| run_cargo::run(&words, command)))
}
