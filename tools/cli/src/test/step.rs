//! The steps: cargo, rustdoc and merged doc tests start mod-alloc again, with a part of the work.
//!
//! | word | started by | instead of |
//! |---|---|---|
//! | `runner` | cargo, nextest, rustdoc | a test program |
//! | `rustdoc` | cargo | rustdoc |
//! | `merged` | doc tests that were compiled together | the same program with one test |

mod context;
mod doc_names;
mod doc_run;
mod doc_tests;
mod doc_words;
mod executable;
mod files;
mod measure;
mod merged;
mod outcome;
mod program;
mod runner;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::test::shared::refused::Refused;

use context::Context;

/// The words that a step was told: those of mod-alloc, then those of the program that started it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

/// `__test STEP STATE …`
pub(crate) fn run(_: &Arguments) -> ExitCode {
    // The process's own words: the parser drops a `--`.
    let mut words = std::env::args_os().skip_while(|word| word != "__test").skip(1);
    let step = words.next().unwrap_or_default();
    Refused::conclude(Context::read(words.next()).and_then(|context| match step.to_str() {
        Some("runner") => runner::run(&context, words.collect()),
        Some("rustdoc") => doc_tests::run(&context, words.collect()),
        Some("merged") => merged::run(&context, words.collect()),
        _ => Err(Refused::usage("`__test` is for mod-alloc itself; use `mod-alloc test`".into())),
    }))
}
