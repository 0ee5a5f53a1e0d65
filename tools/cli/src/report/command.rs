//! The command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::exit_status::FAILED;
use crate::base::output;
use crate::base::say::say;
use crate::dhat_file::Document;
use crate::html;
use crate::recordings::{self, DebugFiles};
use crate::units::Percent;

use super::pattern::{Pattern, warn_of_unmet};
use super::select::Selecting;
use super::sort::Sort;
use super::suppress::SuppressOptions;
use super::tree::Shape;
use super::view::{Format, Tables, View};
use super::write::write;

/// Arguments of `mod-alloc report`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc report mod-alloc.myapp.4711.json
  mod-alloc report --sort peak --top 50 dhat-heap.json
  mod-alloc report --wrapper 'pool_*' --wrapper Arena::push mod-alloc.myapp.4711.json
  mod-alloc report --format json dhat.out.4711 | jq '.sites.total[0]'
  mod-alloc report --tree --sort peak dhat-heap.json      who holds the memory, as a call tree
  mod-alloc report --filter regex dhat-heap.json          the stacks through a library alone
  mod-alloc report --html --open dhat-heap.json    flame graph, tables and charts in the browser

A row stands for all stacks with equal telling frames: the program's innermost function that does
not merely allocate for its callers, the function that it called, and the standard library's
function that allocated. Its callers follow an arrow to the left. The report lists the functions
that it took as such wrappers: by their names (xmalloc, operator new), or because several functions
call them for blocks and they do nothing else with memory; --wrapper adds one. A row adds up the
stacks that have blocks of its table, and tells a lifetime if it is known of just these blocks; of
live blocks also the age that half of them have at least, by the moments of the run.
Functions without a name (stripped code) are called by the nearest function before them that has
one and the bytes to their beginning, deflate+0x1b0, or by their address, sub_1b0.

JSON has schema_version 1; sizes are in bytes, times in `time_unit`:
  command, pid, executable, mode, verb, time_unit, end, peak, short_lifetime, peak_is_exact,
  heap_state: peak_bytes, and peak and end: time requested_bytes allocator allocated active
    resident mapped retained arenas held process_resident process_peak_resident
    fragmentation (rounding in_pages idle_pages overall: shares, 0 to 1),
  histograms: sizes and lifetimes (in µs), each lists of blocks and bytes: entry 0 is of the
    value 0, entry N of the values from 2^(N-1) to 2^N - 1,
  ending: how (exit, signal, gone: without exit handlers, running), code, signal, name, text,
  stacks (their number), threads (the number of those that ever were), upper_bounds (in a
  merged report: names of numbers that are upper bounds), losses (by cause), groups (of
  allocations, if the program has any: name, numbers), processes (of a merged report),
  wrappers (names of the functions that rows are not named after),
  sampling (null: each block was recorded): mean_gap, and the exact total_bytes total_blocks
    peak_bytes end_bytes end_blocks; all other numbers but the threads' are estimates then,
  totals: total_bytes total_blocks lifetimes peak_bytes peak_blocks end_bytes end_blocks,
  sites: total blocks peak end short, each a list of
    the same numbers, max_bytes max_blocks, stacks (how many were added up: above 1, the maxima
    are upper bounds), lifetime (the mean of the table's blocks), age_of_half (of end, without
    that: at least half of the blocks are so old), bounds (null: the numbers are exact; else the
    least and the most of total, peak and end that hold in 95 of 100 cases; none of a number
    without samples), frames and callers: lists of
    function file line column module origin (own, library, standard, plumbing, remark)
    culprit (the row is named after it) wrapper (it allocates for its callers) text, callers
    also of part: their part of the number that the list is sorted by;
    none with --tree and --threads,
  thread_list: a list of id name running total_bytes total_blocks freed_bytes freed_blocks,
  selection (with --filter and --focus): filter focus stacks of_stacks of_totals,
  tree (with --tree): sort inverted min_share (0 to 1) children more. Each of children has the
    numbers of totals, share (0 to 1), stacks, own (the numbers of stacks that end there), frame,
    children and more; more: the count and the numbers of those below min_share,
  suppressed: stacks end_bytes end_blocks, and rules: a list of name pattern stacks end_bytes
    end_blocks (pattern: null if the rule is built in)
With --filter and --focus, all numbers are of the selected stacks. What is known of the whole
process alone is left out: heap_state, histograms, mappings, groups, processes, thread_list.

Suppressed blocks are left out of all numbers of the end (end_bytes, end_blocks), here and in the
tables; the report's file, pages, export and diff have them. FILE has lines `leak:PATTERN` as for
LeakSanitizer: the stacks that have PATTERN in a function, a file or a module (`*` is any text, `^`
and `$` are its ends); and blocks as for Valgrind's Memcheck:Leak, with the names that the report
shows. `--suppress none` shows the blocks that glibc and libstdc++ are known to keep, too.
An unknown number is null. A report without frees has no lists that need them.")]
pub(crate) struct Arguments {
    /// A dhat JSON (of mod-alloc, dhat-rs or Valgrind) or a recording; `-` is standard input
    file: PathBuf,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print one table alone, sorted by this number
    #[arg(long, value_enum, value_name = "BY")]
    sort: Option<Sort>,
    /// Print N rows of a table [default: 5; with --sort 20]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print a row for each whole stack, with all its frames, innermost first
    #[arg(long)]
    stacks: bool,
    /// Take the function NAME as a wrapper, too: rows are named after its callers; `*` in NAME is
    /// any text; may be repeated
    #[arg(long = "wrapper", value_name = "NAME")]
    wrappers: Vec<Pattern>,
    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    tree: TreeOptions,
    #[command(flatten)]
    suppress: SuppressOptions,
    /// Print a table of threads: the bytes and blocks that each has allocated and freed
    #[arg(long, conflicts_with_all = ["sort", "stacks", "filter", "focus"])]
    threads: bool,
    #[command(flatten)]
    debug_files: DebugFiles,
    #[command(flatten)]
    page: Page,
}

/// The report as a call tree.
#[derive(Debug, clap::Args)]
struct TreeOptions {
    /// Print a call tree, from the outermost function to those that allocate; with --sort of that
    /// number, else of the total; with --stacks with all frames
    #[arg(long, conflicts_with_all = ["top", "threads"])]
    tree: bool,
    /// Turn the tree around: from the functions that allocate to their callers
    #[arg(long, requires = "tree")]
    inverted: bool,
    /// Fold functions of the tree that have less than this of the whole
    #[arg(long, value_name = "SHARE", default_value = "1%", requires = "tree")]
    min_share: Percent,
}

impl TreeOptions {
    fn shape(&self) -> Option<Shape> {
        let shape = Shape { inverted: self.inverted, least: self.min_share };
        self.tree.then_some(shape)
    }
}

/// The report as a page for the browser.
#[derive(Debug, clap::Args)]
struct Page {
    /// Write a page for the browser: flame graph, tables, totals; one file that needs no network
    #[arg(long, conflicts_with_all = ["format", "sort", "top", "stacks", "wrappers", "tree", "threads"])]
    html: bool,
    /// Write the page to OUT: a file, or a folder (DIR/); `-` is standard output [default: FILE's
    /// name with .html, in the current folder]
    #[arg(short, long, value_name = "OUT", requires = "html")]
    output: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long, requires = "html")]
    open: bool,
    /// Put the source lines around each frame into the page, where their files can be read now
    #[arg(long, requires = "html")]
    source: bool,
}

impl Page {
    fn write(&self, document: &Document, file: &Path) -> ExitCode {
        let options = html::Options { source: self.source, metric: None };
        let name = page_name(file);
        let target = self.output.as_deref().unwrap_or(&name);
        let spared = output::spare(target, &[file])
            .map_err(|error| format!("writing the page to {} failed: {error}", target.display()));
        let page = html::Shown::One(document);
        match spared.and_then(|()| html::save(page, options, target, &name, self.open)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say!("{error}");
                ExitCode::from(FAILED)
            }
        }
    }
}

impl Arguments {
    fn view(&self) -> View<'static> {
        let tables = match self.tree.shape() {
            Some(shape) => Tables::Tree(shape),
            None if self.threads => Tables::Threads,
            None => Tables::Sites,
        };
        let Self { sort, top, stacks: whole_stacks, .. } = *self;
        let wrappers = self.wrappers.clone();
        View { sort, top, whole_stacks, tables, wrappers, ..View::default() }
    }
}

/// The name of the page of `file`, where none is given.
fn page_name(file: &Path) -> PathBuf {
    match file.file_name().filter(|_| file != Path::new("-")) {
        Some(name) => Path::new(name).with_extension("html"),
        None => "mod-alloc.html".into(),
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let name = arguments.file.display();
    let document = match recordings::read(&arguments.file, &arguments.debug_files) {
        Ok(document) => document,
        Err(error) => {
            say!("{name}: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let (mut document, selected) = match arguments.selecting.apply(document) {
        Ok(selected) => selected,
        Err(error) => {
            say!("{name}: {error}");
            return ExitCode::from(FAILED);
        }
    };
    if arguments.page.html {
        if let Some(selected) = &selected {
            say!("{name}: {}", selected.words());
            selected.label(&mut document);
        }
        return arguments.page.write(&document, &arguments.file);
    }
    if let Some(sort) = arguments.sort.filter(|sort| !sort.is_known(&document)) {
        say!("{name}: {}", sort.lacking("--sort", &document));
        return ExitCode::from(FAILED);
    }
    let suppressions = match arguments.suppress.rules() {
        Ok(suppressions) => suppressions,
        Err(error) => {
            say!("{error}");
            return ExitCode::from(FAILED);
        }
    };
    warn_of_unmet(&arguments.wrappers, &[&document]);
    let suppressed = suppressions.apply(&mut document);
    let (selected, suppressed) = (selected.as_ref(), suppressed.as_ref());
    let view = View { selected, suppressed, ..arguments.view() };
    let written = output::to_stdout(&mut |out| write(&document, arguments.format, &view, out));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the report cannot be written: {error}");
            ExitCode::from(FAILED)
        }
    }
}
