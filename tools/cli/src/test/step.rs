//! What cargo, rustdoc and merged doc tests start: us again, with a part of the work.
//!
//! | word | started by | instead of |
//! |---|---|---|
//! | `runner` | cargo, nextest, rustdoc | a test program |
//! | `rustdoc` | cargo | rustdoc |
//! | `merged` | doc tests that were compiled together | the same program with one test |

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::state::{Plan, State};
use super::{Refused, doc_tests, merged, report, runner};

/// What a step was told: words from us, then those of who started it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

/// The state that a step works on.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) state: State,
    pub(super) plan: Plan,
}

/// `__test STEP STATE …`
pub(crate) fn run(_: &Arguments) -> ExitCode {
    // The process's own words: the parser drops a `--`.
    let mut words = std::env::args_os().skip_while(|word| word != "__test").skip(1);
    let step = words.next().unwrap_or_default();
    report(context(words.next()).and_then(|context| match step.to_str() {
        Some("runner") => runner::run(&context, words.collect()),
        Some("rustdoc") => doc_tests::run(&context, words.collect()),
        Some("merged") => merged::run(&context, words.collect()),
        _ => Err(Refused::usage("`__test` is for mod-alloc itself; use `mod-alloc test`".into())),
    }))
}

fn context(folder: Option<OsString>) -> Result<Context, Refused> {
    let state = State::at(PathBuf::from(folder.unwrap_or_default()));
    let plan = state.read_plan().map_err(|error| {
        Refused::from(format!("{} cannot be read: {error}", state.folder().display()))
    })?;
    Ok(Context { state, plan })
}

/// Lets `command` see the environment that it would have without us.
pub(super) fn restore(command: &mut Command, plan: &Plan) {
    for (name, value) in &plan.before {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env_remove(super::hush::NOTES);
}
