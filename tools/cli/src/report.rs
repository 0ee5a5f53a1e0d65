//! `mod-alloc report`: totals, the sites that matter, losses; as text or as JSON.

mod heap_state;
mod json;
mod names;
mod own_code;
mod rows;
mod terminal;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::command_line::FAILED;
use crate::dhat_file::Document;
use crate::say::say;
use crate::{input, output};

pub(crate) use rows::Sort;

/// Rows of each of several tables, and of a single one.
const TOP: (usize, usize) = (5, 20);

/// Arguments of `mod-alloc report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc report mod-alloc.myapp.4711.json
  mod-alloc report --sort peak --top 50 dhat-heap.json
  mod-alloc report --format json dhat.out.4711 | jq '.sites.total[0]'

A row stands for all stacks whose telling frames are the same: the program's own innermost
function first, then the function it called, and what of the standard library allocated.

JSON has schema_version 1; sizes are in bytes, times in `time_unit`:
  command, pid, executable, mode, verb, time_unit, end, peak, short_lifetime, peak_is_exact,
  heap_state: peak_bytes, and peak and end: time requested_bytes allocator allocated active
    resident mapped retained arenas held process_resident process_peak_resident
    fragmentation (rounding in_pages idle_pages overall: shares, 0 to 1),
  stacks (their number), threads (their number), upper_bounds (merged report: names of numbers
  that are no more than that), losses (by cause), groups (of allocations, if the
  program has any: name, numbers), processes (of a merged report),
  totals: total_bytes total_blocks lifetimes peak_bytes peak_blocks end_bytes end_blocks,
  sites: total blocks peak end short, each a list of
    the same numbers, max_bytes max_blocks, stacks (how many were added up: above 1, the maxima
    are upper bounds), frames: a list of function file line column module origin
    (own, library, standard, plumbing, remark) text
What is not known is null, and lists that need frees are not there in reports without them.")]
pub(crate) struct Arguments {
    /// A dhat JSON (ours, dhat-rs's, Valgrind's) or a recording; `-` is standard input
    file: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// One table alone, sorted by this
    #[arg(long, value_enum, value_name = "BY")]
    sort: Option<Sort>,
    /// Rows of a table [default: 5; with --sort 20]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// A row for each whole stack, with all its frames, innermost first
    #[arg(long)]
    stacks: bool,
    /// Where debug files are, for a recording; may be given several times
    #[arg(long = "debug-dir", value_name = "DIR")]
    debug_dirs: Vec<PathBuf>,
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: exact numbers
    Json,
}

/// What of a document is shown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct View {
    pub(crate) sort: Option<Sort>,
    pub(crate) top: Option<usize>,
    pub(crate) whole_stacks: bool,
}

impl View {
    fn sorts(&self, document: &Document) -> Vec<Sort> {
        let wanted = |sort: &Sort| self.sort.is_none_or(|only| only == *sort);
        let all = Sort::ALL.into_iter();
        all.filter(wanted).filter(|sort| sort.is_known(document)).collect()
    }

    fn top(&self) -> usize {
        self.top.unwrap_or(if self.sort.is_some() { TOP.1 } else { TOP.0 })
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let name = arguments.file.display();
    let document = match input::read(&arguments.file, &arguments.debug_dirs) {
        Ok(document) => document,
        Err(error) => {
            say!("{name}: {error}");
            return ExitCode::from(FAILED);
        }
    };
    if let Some(sort) = arguments.sort.filter(|sort| !sort.is_known(&document)) {
        say!(
            "{name}: --sort {sort} needs to know of frees, and this report is of mode {:?} \
             without block lifetimes; --sort total and blocks work",
            document.mode
        );
        return ExitCode::from(FAILED);
    }
    let view = View { sort: arguments.sort, top: arguments.top, whole_stacks: arguments.stacks };
    let written = output::to_stdout(&mut |out| write(&document, arguments.format, &view, out));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the report cannot be written: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Writes the report of `document`.
pub(crate) fn write(
    document: &Document,
    format: Format,
    view: &View,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => out.write_all(text(document, view).as_bytes()),
        Format::Json => json::write(document, view, out),
    }
}

/// Writes every table that `report` has of `document`, in each of its forms. For `tests/fuzz/`.
///
/// # Errors
///
/// If `out` has one.
pub fn in_every_form(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    for whole_stacks in [false, true] {
        let view = View { sort: None, top: Some(TOP.1), whole_stacks };
        write(document, Format::Text, &view, out)?;
        write(document, Format::Json, &view, out)?;
    }
    Ok(())
}

/// The report of `document` for people, with colours.
pub(crate) fn text(document: &Document, view: &View) -> String {
    text::report(document, view, terminal::width())
}

#[cfg(test)]
mod tests;
