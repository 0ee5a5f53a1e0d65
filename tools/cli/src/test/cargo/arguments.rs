//! The words of the command, as its help tells them.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::test::measured::rows::Sort;
use crate::test::shown::budget::{Budget, Choice, Number};
use crate::units::{Percent, size};

/// Arguments of `mod-alloc test`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "cargo mod-alloc test [OPTIONS] [CARGO TEST'S OPTIONS] [-- TEST PROGRAM'S OPTIONS]",
    after_help = "Examples:
  cargo mod-alloc test
  cargo mod-alloc test --release --sort peak -p mycrate -- --skip slow
  cargo mod-alloc test --nextest --no-fail-fast        or: cargo mod-alloc nextest run --no-fail-fast
  cargo mod-alloc test --save-baseline main
  cargo mod-alloc test --baseline main --fail-above 5% --fail-on blocks,bytes --ignore slow
  cargo mod-alloc test --format json | jq '.tests[0]'

Options of mod-alloc may stand anywhere before `--`; all other words go to cargo as they are.
cargo's output and exit status stay as they are without mod-alloc, with two exceptions: where cargo
names a command (-v, a killed test program), mod-alloc stands in front of it, and nextest says that
it uses a runner. A configured runner is started as before, between mod-alloc and the test program.

A test's numbers are of its thread and the threads that it starts, without the test harness:
  blocks, bytes   ever allocated; bytes as the program asked for
  peak            the most bytes live at once; in total: the highest of all tests
  at end          still live when the test's function had returned and its thread ended
Unit tests are compiled with a library, a program or an example; integration tests are in tests/ or
benches/. A test program with a harness of its own is one row: all its processes together, if it
starts itself for each test. Of a test that nextest repeats, the last attempt counts.

JSON: {\"schema_version\": 1, \"tests\": [{\"name\", \"binary\", \"kind\": \"unit|integration|doc\",
\"result\": \"ok|failed|ignored\", \"blocks\", \"bytes\", \"peak_bytes\", \"end_blocks\", \"end_bytes\"}],
\"total\": {\"blocks\", …}}; `losses`, a list of texts, is there if a number could not be measured.
The numbers of a test that was not measured are null; in the table `?`: its program has an allocator
of its own, or its thread cannot be told from another's. Such tests are in no baseline and are
compared with none.
What belongs to no test has lines of its own, and is in no test's numbers:
  [once]     shared set-up, by std's Once, OnceLock, LazyLock and their kin: it would fall on the
             test that comes first
  [panic]    messages of panics, and backtraces with the symbols that they read
  [harness]  the test harness
In JSON they are the list `apart`, in the form of `tests`. Threads that are started by shared set-up
(a global pool) belong to no test either.

A baseline has the least and the most of each number over several runs, and is made to be committed:
NAME.TARGET.PROFILE.jsonl, with a sorted line per test. A number grew if it is above the most by more
than those runs differ. Where that is beyond the budget, the tests run again, up to three times: it
has to be so each time. [once] is compared, too. The table marks with `~` what varies.
If the JSON goes to standard output, cargo's own output goes to standard error.

Exit status: cargo's; 1 if tests grew beyond --fail-above; 2 if the command line makes no sense."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) own: Own,
    /// Arguments of cargo
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "CARGO")]
    pub(crate) cargo: Vec<OsString>,
}

/// The options of mod-alloc.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Own {
    /// Sort by this column; names from A to Z, numbers from the largest
    #[arg(long, value_enum, default_value_t = Sort::Bytes, value_name = "BY")]
    pub(crate) sort: Sort,
    /// The form of the table
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Print the table to FILE instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print only the first N tests, and the total of all
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// Print no table of tests; cargo is told so, too
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Run the tests several times and save the spread of their numbers as the baseline NAME, in
    /// the target folder; or as a file, if NAME is a path: benches/main
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    pub(crate) save_baseline: Option<String>,
    /// Runs of a baseline, and twice as many if any number varies; of all but the first cargo's
    /// output is not shown
    #[arg(long, value_name = "N", default_value_t = 5, requires = "save_baseline",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) runs: u16,
    /// Compare the numbers with the baseline NAME
    #[arg(long, value_name = "NAME")]
    pub(crate) baseline: Option<String>,
    /// Exit with status 1 if blocks, bytes, peak or live bytes at the end, of a test or in total,
    /// grew by more than PERCENT and more than --floor since the baseline. A number that was 0 grew
    /// by more than any percentage; new tests are listed and do not fail
    #[arg(long, value_name = "PERCENT", requires = "baseline")]
    pub(crate) fail_above: Option<Percent>,
    /// Growth of bytes, peak or live bytes up to SIZE does not fail, unless the number was 0
    #[arg(long, value_name = "SIZE", requires = "baseline", default_value = "256B",
        value_parser = size)]
    pub(crate) floor: u64,
    /// Fail for growth of these numbers only: blocks, bytes, peak, end
    #[arg(long, value_name = "NUMBERS", requires = "baseline", value_delimiter = ',', value_enum)]
    pub(crate) fail_on: Vec<Number>,
    /// Compare only tests with PART in their names; may be repeated
    #[arg(long, value_name = "PART", requires = "baseline")]
    pub(crate) only: Vec<String>,
    /// Compare no test with PART in its name; may be repeated
    #[arg(long, value_name = "PART", requires = "baseline")]
    pub(crate) ignore: Vec<String>,
    /// Run `cargo nextest run` instead of `cargo test`
    #[arg(long)]
    pub(crate) nextest: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    /// For a pull request: what grew, or without a baseline all tests
    Markdown,
}

impl Own {
    /// The growth that fails, if any does.
    pub(crate) fn budget(&self) -> Option<Budget> {
        let percent = self.fail_above?;
        Some(Budget { percent, floor: self.floor, on: self.fail_on.clone() })
    }

    /// The tests that are compared.
    pub(crate) fn choice(&self) -> Choice<'_> {
        Choice { only: &self.only, ignore: &self.ignore }
    }
}
