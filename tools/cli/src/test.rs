//! `mod-alloc test`, `cargo mod-alloc test`: what each test allocates.
//!
//! ```text
//!  words ─▶ ours, cargo's        workspace: packages, targets      configured: runner to chain
//!                  │                                                      │
//!                  ▼                       state: a folder with all that the steps need
//!  cargo test ─────┴─▶ step runner PROGRAM ─▶ executable: what it is, where its tests begin
//!      │                    │ LD_PRELOAD         results: its log     numbers: its recording
//!      │                    └─▶ ran: rows of one process, as a file ◀── groups: whose numbers
//!      └─▶ rustdoc ─▶ step rustdoc ─▶ doc_tests: names for programs that have none
//!                                    │
//!            rows ◀──────────────────┘ when cargo has ended
//!             ├─▶ table, json
//!             └─▶ baseline: save, compare
//! ```

mod baseline;
mod budget;
mod cargo;
mod configured;
mod configured_cfg;
mod doc_names;
mod doc_tests;
mod executable;
mod groups;
mod hush;
mod json;
mod merged;
mod numbers;
mod ran;
mod results;
mod rows;
mod run_cargo;
mod runner;
mod state;
mod step;
mod supervise;
mod table;
mod words;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::command_line::{REFUSED, USAGE};
use crate::say::say;

pub(crate) use rows::Sort;
pub(crate) use step::{Arguments as StepArguments, run as step};

/// Arguments of `mod-alloc test`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "cargo mod-alloc test [OPTIONS] [CARGO TEST'S OPTIONS] [-- TEST PROGRAM'S OPTIONS]",
    after_help = "Examples:
  cargo mod-alloc test
  cargo mod-alloc test --release --sort peak -p mycrate -- --skip slow
  cargo mod-alloc test --nextest --no-fail-fast        or: cargo mod-alloc nextest run --no-fail-fast
  cargo mod-alloc test --save-baseline main
  cargo mod-alloc test --baseline main --fail-above 5%
  cargo mod-alloc test --format json | jq '.tests[0]'

Options of mod-alloc may stand anywhere before `--`; all other words go to cargo as they are.
cargo's output and exit status stay what they are without mod-alloc; only where cargo names a
command (-v, a test program that was killed) it names ours in front, and nextest says that it uses
a runner. A runner that is configured is started as before, between us and the test program.

A test's numbers are of what it and the threads that it starts allocate, not the test harness:
  blocks, bytes   ever allocated; bytes as asked for
  peak            the most bytes live at once; in total: the highest of all tests
  at end          still live when the test's function had returned and its thread ended
Unit and integration tests are told from each other as cargo does: what is compiled with a library,
a program or an example is a unit test, what is in tests/ or benches/ an integration test. A program
with a harness of its own is one row. Of a test that nextest repeats, the last attempt counts.

JSON: {\"schema_version\": 1, \"tests\": [{\"name\", \"binary\", \"kind\": \"unit|integration|doc\",
\"result\": \"ok|failed|ignored\", \"blocks\", \"bytes\", \"peak_bytes\", \"end_blocks\", \"end_bytes\"}],
\"total\": {\"blocks\", …}}; `losses`, a list of texts, is there if something could not be measured.
On standard output it is alone: what cargo would print there goes to standard error then.

Exit status: cargo's; 1 if tests grew beyond --fail-above; 2 for words that make no sense."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    own: Own,
    /// cargo's own arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CARGO")]
    cargo: Vec<OsString>,
}

/// The options that are ours.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Own {
    /// What to sort by; names from A to Z, numbers from the largest
    #[arg(long, value_enum, default_value_t = Sort::Bytes, value_name = "BY")]
    sort: Sort,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to print it to, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep the numbers under this name, in the target folder
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    save_baseline: Option<String>,
    /// Compare with the numbers that were kept under this name
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Exit with status 1 if a test's blocks, bytes, peak or what is live at its end, or one of
    /// these in total, is more than this above the baseline. From nothing to something is above
    /// any percentage; new tests are listed and do not fail
    #[arg(long, value_name = "PERCENT", requires = "baseline")]
    fail_above: Option<budget::Percent>,
    /// Run `cargo nextest run` instead of `cargo test`
    #[arg(long)]
    nextest: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// Why nothing could be run, and with which status to say so.
#[derive(Debug)]
struct Refused {
    status: u8,
    text: String,
}

impl Refused {
    fn usage(text: String) -> Self {
        Self { status: USAGE, text }
    }
}

impl From<String> for Refused {
    fn from(text: String) -> Self {
        Self { status: REFUSED, text }
    }
}

/// `test …`
pub(crate) fn run(_: &Arguments) -> ExitCode {
    report(words::of_process("test").and_then(|words| run_cargo::run(&words, "test")))
}

/// `nextest …`
pub(crate) fn nextest(_: &Arguments) -> ExitCode {
    report(words::of_process("nextest").and_then(|words| run_cargo::run(&words, "nextest")))
}

fn report(outcome: Result<ExitCode, Refused>) -> ExitCode {
    outcome.unwrap_or_else(|refused| {
        for line in refused.text.lines().filter(|line| !line.trim().is_empty()) {
            say!("{line}");
        }
        ExitCode::from(refused.status)
    })
}
