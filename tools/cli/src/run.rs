//! `mod-alloc run`

use std::process::ExitCode;

/// Arguments of `mod-alloc run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> ExitCode {
    ExitCode::from(125)
}
