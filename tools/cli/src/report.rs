//! `mod-alloc report`

use std::process::ExitCode;

/// Arguments of `mod-alloc report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> ExitCode {
    ExitCode::from(125)
}
