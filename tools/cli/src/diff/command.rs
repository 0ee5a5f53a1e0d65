//! The command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::exit_status::FAILED;
use crate::base::say::say;
use crate::base::{glyphs, output, terminal};
use crate::dhat_file::Document;
use crate::html;
use crate::recordings::{self, DebugFiles};
use crate::report::{Format, Pattern, Sort, fitted, warn_of_unmet};
use crate::units::Limit;

use super::change::{amount, percent};
use super::compare::{By, Comparison};
use super::{json, text};

/// Wider lines are hard to follow.
const WIDEST: usize = 160;

/// The page's name, where none is given.
const PAGE: &str = "mod-alloc.diff.html";

/// Arguments of `mod-alloc diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc diff before.json after.json
  mod-alloc diff before.json after.json --sort peak --top 20
  mod-alloc diff main.json branch.json --sort blocks --fail-above 5%
  mod-alloc diff before.json after.json --html --open

A row stands for all stacks with equal telling frames, as in `mod-alloc report`; with --stacks for a
whole stack. A function that is taken as a wrapper in one report is one in both. Frames are matched
by the names of functions, without hashes and numbers of compilers, and without the repetitions of
recursion: an edit that moves lines makes nothing new.

Exit status: 0; 1 if a file cannot be read, or if the total of the number that --sort names grew by
more than --fail-above; 2 if the command line makes no sense.

JSON has schema_version 1; sizes are in bytes:
  by, sort, above_limit,
  before, after: command pid mode stacks sampling (null: each block was recorded),
  totals: total blocks peak end short, each before after change percent (null from 0),
  grew, new, shrank, gone, each a list, the largest change first, of
    change (of the number that is sorted by), bounds (null: it is exact; else the least and the
    most of the change in 95 of 100 cases), before and after: total_bytes total_blocks lifetimes
    peak_bytes peak_blocks end_bytes end_blocks stacks, frames as in `mod-alloc report`
An unknown number is null. Lists are whole unless --top is given.")]
pub(crate) struct Arguments {
    /// The earlier report: a dhat JSON (of mod-alloc, dhat-rs or Valgrind) or a recording
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The later report
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// The form of the comparison
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Compare this number
    #[arg(long, value_enum, default_value_t = Sort::Total, value_name = "BY")]
    sort: Sort,
    /// Frames are the same if these are
    #[arg(long, value_enum, default_value_t = By::Function, value_name = "WHAT")]
    by: By,
    /// Print N rows of each list [default: 5; in JSON all]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print a row for each whole stack, with all its frames, innermost first
    #[arg(long)]
    stacks: bool,
    /// Take the function NAME as a wrapper, too: rows are named after its callers; `*` in NAME is
    /// any text; may be repeated
    #[arg(long = "wrapper", value_name = "NAME")]
    wrappers: Vec<Pattern>,
    /// Exit with 1 if the total grew by more: 5%, 64KiB, 1000
    #[arg(long, value_name = "LIMIT")]
    fail_above: Option<Limit>,
    /// Write a page for the browser, with all stacks and metrics: grown red, shrunk blue
    #[arg(long, conflicts_with_all = ["format", "by", "top", "stacks", "wrappers"])]
    html: bool,
    /// Write the page to OUT: a file, or a folder (DIR/); `-` is standard output
    #[arg(short, long, value_name = "OUT", requires = "html", default_value = PAGE)]
    output: PathBuf,
    /// Open the page in the browser
    #[arg(long, requires = "html")]
    open: bool,
    /// Put the source lines around each frame into the page, where their files can be read now
    #[arg(long, requires = "html")]
    source: bool,
    #[command(flatten)]
    debug_files: DebugFiles,
}

/// The shown part of a comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) sort: Sort,
    pub(super) by: By,
    pub(super) top: Option<usize>,
    pub(super) whole_stacks: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match arguments.compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            say!("{error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Compares in every form; true if no row changed. For `tests/fuzz/`.
///
/// # Errors
///
/// If `out` has one.
pub fn is_same_in_every_form(
    documents: [&Document; 2],
    out: &mut dyn std::io::Write,
) -> std::io::Result<bool> {
    let mut is_same = true;
    for by in [By::Function, By::Line] {
        for whole_stacks in [false, true] {
            let comparison = Comparison::new(documents, by, whole_stacks, &[]);
            is_same &= comparison.rows.iter().all(|row| row.before == row.after);
            let view = View { sort: Sort::Total, by, top: Some(5), whole_stacks };
            out.write_all(text::text(&comparison, &view, WIDEST).as_bytes())?;
            json::write(&comparison, &view, false, out)?;
        }
    }
    let [before, after] = documents;
    html::write(html::Shown::Difference { before, after }, html::Options::default(), out)?;
    Ok(is_same)
}

impl Arguments {
    /// Prints the comparison; `false` if the growth is above the limit.
    fn compare(&self) -> Result<bool, String> {
        let (before, after) = (self.read(&self.before)?, self.read(&self.after)?);
        self.check([&before, &after])?;
        warn_of_unmet(&self.wrappers, &[&before, &after]);
        let view = View { sort: self.sort, by: self.by, top: self.top, whole_stacks: self.stacks };
        let comparison = Comparison::new([&before, &after], self.by, self.stacks, &self.wrappers);
        let above_limit = self.is_above_limit(&comparison);
        if self.html {
            self.write_page(&before, &after)?;
        } else {
            let written = output::to_stdout(&mut |out| match self.format {
                Format::Text => {
                    let width = terminal::width(WIDEST);
                    let text = fitted(text::text(&comparison, &view, width), width);
                    out.write_all(glyphs::shown(&text).as_bytes())
                }
                Format::Json => json::write(&comparison, &view, above_limit, out),
            });
            written.map_err(|error| format!("the comparison cannot be written: {error}"))?;
        }
        if above_limit {
            self.tell_growth(&comparison);
        }
        Ok(!above_limit)
    }

    fn write_page(&self, before: &Document, after: &Document) -> Result<(), String> {
        let options = html::Options { source: self.source, metric: Some(self.sort.word()) };
        let shown = html::Shown::Difference { before, after };
        html::save(shown, options, &self.output, Path::new(PAGE), self.open)
    }

    fn read(&self, path: &Path) -> Result<Document, String> {
        let read = recordings::read(path, &self.debug_files);
        read.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Both documents have the number, and it is of one kind.
    fn check(&self, documents: [&Document; 2]) -> Result<(), String> {
        let [before, after] = documents;
        if before.counted() != after.counted() {
            let [earlier, later] = [&self.before, &self.after].map(|path| path.display());
            let (ours, its) = (before.counted(), after.counted());
            return Err(format!("{earlier} counts {ours}, and {later} counts {its}"));
        }
        for (path, document) in [&self.before, &self.after].into_iter().zip(documents) {
            if !self.sort.is_known(document) {
                let lacking = self.sort.lacking("--sort", document);
                return Err(format!("{}: {lacking}", path.display()));
            }
        }
        Ok(())
    }

    fn is_above_limit(&self, comparison: &Comparison<'_>) -> bool {
        let (before, after) = (comparison.before(self.sort), comparison.after(self.sort));
        self.fail_above.is_some_and(|limit| limit.is_exceeded(before, after))
    }

    fn tell_growth(&self, comparison: &Comparison<'_>) {
        let (sort, document) = (self.sort, comparison.documents[1]);
        let (before, after) = (comparison.before(sort), comparison.after(sort));
        let [from, to] = [before, after].map(|number| amount(sort, document, number.into()));
        let share = percent(before, after).map(|percent| format!(" ({percent:+.1} %)"));
        let limit = match self.fail_above {
            Some(Limit::Amount(most)) => amount(sort, document, most.into()),
            Some(limit @ Limit::Percent(_)) => limit.to_string(),
            None => return,
        };
        let share = share.unwrap_or_default();
        say!("--sort {sort} grew from {from} to {to}{share}: more than --fail-above {limit}");
    }
}
