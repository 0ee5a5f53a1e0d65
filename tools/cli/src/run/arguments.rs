//! The words of the command.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::recordings::DebugFiles;
use crate::reports::Format;
use crate::sample::gap;
use crate::serve::{Listening, Pushing};

use super::scheduled::Schedule;

/// Arguments of `mod-alloc run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc run ls -la
  mod-alloc run -o heap.json -- python3 -c 'print(1)'
  mod-alloc run --html -- ./app               a page for the browser beside the report
  mod-alloc run -o reports/ ./app             the report goes into a folder
  mod-alloc run --serve 127.0.0.1:6060 ./app  profiles for pprof, Parca, Prometheus meanwhile
  mod-alloc run --children yes make -j8       a folder with the sum, and a report of each process
  mod-alloc run --every 10m --keep 6 ./app    a report of the run so far, each ten minutes
  mod-alloc run --format text -o - ls         the report goes to standard output

Exit status: the program's; 128 + the signal that killed it; 125 if mod-alloc refuses or fails,
126 if the program cannot be executed, 127 if it is not found.

A report is named mod-alloc.<program>.<pid>.json. With --children yes, all reports of the run are in
the folder mod-alloc.<program>.<pid>, the sum first: mod-alloc.0-sum.<program>.<pid>.json. With -o
DIR/ they are in DIR, which is made if it is missing, with the folders above it. With -o heap.json,
that is the sum, and the others are in the folder heap.<pid>.reports.

With --every, each report has the run so far: heap.1.json is the first of -o heap.json, and with -o
heap-%n.json the last has a number, too. With --children yes, they are sums of all processes.

A forked child starts with the numbers of its parent: both reports have them, and the sum counts
them twice.

mod-alloc run records programs that are linked dynamically against glibc: their blocks from malloc
and its relatives, or from C++'s new. In a Rust program with another allocator, use the crate
`mod-alloc`.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    #[arg(value_hint = clap::ValueHint::CommandWithArguments)]
    pub(super) program: Vec<OsString>,
}

/// The options, without the program.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write the report to FILE, or all reports into a folder (DIR/); `-` is standard output
    /// [default: mod-alloc.<program>.<pid>.json in the current folder]
    #[arg(short, long, value_name = "FILE|DIR/")]
    pub(super) output: Option<PathBuf>,
    /// Record the processes that the program starts, too: a report of each, and one of all
    #[arg(long, value_enum, default_value_t = Children::No)]
    pub(super) children: Children,
    /// With --children yes, write the report of all processes alone
    #[arg(long, requires = "children")]
    pub(super) sum: bool,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Dhat)]
    pub(super) format: Format,
    /// Write a page for the browser, too: beside the report, with the extension .html
    #[arg(long)]
    pub(super) html: bool,
    /// Keep the N innermost frames of a stack [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) frames: Option<u32>,
    /// Peaks of several threads: within 1 %, or exact and slower [default: bounded]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) peak: Option<Peak>,
    /// Take samples: one in SIZE allocated bytes on average. Totals stay exact, call sites are
    /// estimates; all: each block, until `mod-alloc sample` says otherwise [default: each block]
    #[arg(long, value_name = "SIZE", value_parser = gap)]
    pub(super) sample: Option<u32>,
    /// Record the program's own mappings, too: mmap, mremap, brk, by call site, in a table of their
    /// own
    #[arg(long)]
    pub(super) mappings: bool,
    /// Make room for N call sites, 64 to 1048576 [default: the table grows as needed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=1 << 20))]
    pub(super) buckets: Option<u32>,
    #[command(flatten)]
    pub(super) schedule: Schedule,
    #[command(flatten)]
    pub(super) listening: Listening,
    #[command(flatten)]
    pub(super) pushing: Pushing,
    #[command(flatten)]
    pub(super) debug_files: DebugFiles,
    /// Keep the recording in the file PATH; with --children yes, in the folder PATH. The variable
    /// MOD_ALLOC_RECORD does the same
    #[arg(long, value_name = "PATH")]
    pub(super) record: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Children {
    /// Only the program itself
    No,
    /// Every process
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Peak {
    Bounded,
    Exact,
}
