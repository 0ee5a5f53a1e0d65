//! The comparison for people.
//!
//! ```text
//! before  app 1                                    the two runs
//! after   app 2
//!
//!             before        after       change     totals
//!   bytes    7.0 MiB      8.1 MiB     +1.1 MiB   +15.7 %
//!
//! Grew (bytes): 3 sites, +1.2 MiB                  lists: a line of numbers, then the telling
//! frames
//!   +1.1 MiB  +50.0 %, 2.0 MiB → 3.1 MiB
//!       words::count  src/main.rs:19
//! ```

use std::fmt::Write;

use mod_alloc::report::summary;

use crate::base::style::{FAINT, HEADING, NUMBER, OWN, Painted, STRONG, WARNING};
use crate::dhat_file::{Document, Units};
use crate::report::names::{chain, command_line, wrapped};
use crate::report::{Line, Sort, TellingFrame, current_folder, fit, lines};
use crate::units::{Bytes, Counted, Share};

use super::bounds;
use super::change::{Changes, amount, percent, signed};
use super::command::View;
use super::compare::{Comparison, Row};

/// Rows of a table.
const TOP: usize = 5;
/// Columns before a row's leading frame; those after it are two further in.
const INDENT: usize = 6;

/// The whole text, with colours, in lines of at most `width` columns.
pub(super) fn text(comparison: &Comparison<'_>, view: &View, width: usize) -> String {
    let here = current_folder();
    let mut page = Page { comparison, view, width, here, text: String::new() };
    page.runs();
    page.totals();
    page.tables();
    page.losses();
    page.text
}

struct Page<'c, 'd> {
    comparison: &'c Comparison<'d>,
    view: &'c View,
    width: usize,
    /// The current folder: paths in it are shown from there.
    here: String,
    text: String,
}

/// Adds a line as `format!` makes it. Writing to a string does not fail.
macro_rules! line {
    ($page:ident, $($text:tt)*) => {{ let _ = writeln!($page.text, $($text)*); }};
}

impl Page<'_, '_> {
    fn runs(&mut self) {
        for (name, document) in ["before", "after"].into_iter().zip(self.comparison.documents) {
            let stacks = document.sites.len() as u64;
            let stacks = Counted { count: stacks, one: "stack", many: "stacks" }.to_string();
            let facts = format!("process {} · {stacks}", document.pid);
            let room = self.width.saturating_sub(10 + facts.chars().count());
            let command = Painted(STRONG, command_line(&document.command, room));
            line!(self, "{name:<6}  {command}  {}", Painted(FAINT, facts));
        }
    }

    fn totals(&mut self) {
        let [name, number] = self.columns();
        let head = ["before", "after", "change"].map(|head| format!(" {head:>number$}")).concat();
        line!(self, "\n{}", Painted(FAINT, format!("  {:name$}{head}", "")));
        for sort in Sort::ALL.into_iter().filter(|&sort| self.comparison.is_known(sort)) {
            self.total(sort);
        }
        if !self.comparison.is_known(Sort::End) {
            let why = "Nothing is known of frees: no peak, no lifetimes, nothing of the end.";
            line!(self, "{}", Painted(FAINT, why));
        }
        if self.comparison.documents.iter().any(|document| document.extras.processes.len() > 1) {
            let why = "Peaks of several processes are added up: upper bounds.";
            line!(self, "{}", Painted(FAINT, why));
        }
        self.samples();
    }

    /// Sampled reports: their sums are exact, and their rows are not.
    fn samples(&mut self) {
        for (name, document) in ["before", "after"].into_iter().zip(self.comparison.documents) {
            let Some(samples) = document.samples() else { continue };
            let gap = Bytes(samples.mean_gap());
            let text = format!(
                "Sampled, {name}: a block in {gap} on average. Its numbers of sites are \
                 estimates; its totals are exact, all but blocks at the peak and short-lived ones. \
                 [A to B]: in 95 of 100 cases, the true change is between them."
            );
            for part in wrapped(&text, self.width.saturating_sub(2)) {
                line!(self, "  {}", Painted(WARNING, part));
            }
        }
    }

    fn total(&mut self, sort: Sort) {
        let (before, after) = (self.comparison.before(sort), self.comparison.after(sort));
        let document = self.comparison.documents[1];
        let [from, to] = [before, after].map(|number| amount(sort, document, number.into()));
        let change = i128::from(after) - i128::from(before);
        let change = if change == 0 { "-".into() } else { signed(sort, document, change) };
        let share = share(before, after).filter(|_| before != after).unwrap_or_default();
        let name = name(sort, document);
        let [room, number] = self.columns();
        if room == 0 {
            line!(self, "  {name}");
        }
        let name = if room == 0 { String::new() } else { name };
        let line =
            format!("  {name:<room$} {from:>number$} {to:>number$} {change:>number$} {share:>9}");
        line!(self, "{}", line.trim_end());
    }

    /// The width of a total's name and of its numbers. In a narrow window the name has a line of its
    /// own.
    fn columns(&self) -> [usize; 2] {
        if self.width < 70 { [0, 8] } else { [18, 12] }
    }

    fn tables(&mut self) {
        if self.comparison.is_empty() {
            line!(self, "\nNo differences: both reports have the same numbers.");
            return;
        }
        let changes = Changes::by(self.view.sort, self.comparison);
        let lists = [
            ("Grew", &changes.grew),
            ("New", &changes.new),
            ("Shrank", &changes.shrank),
            ("Gone", &changes.gone),
        ];
        let sorted = name(self.view.sort, self.comparison.documents[1]);
        if lists.iter().all(|(_, rows)| rows.is_empty()) {
            let option = "--sort";
            line!(self, "\nNo differences in {sorted}; {option} shows those of another number.");
        }
        for (title, rows) in lists.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            let sites = Counted { count: rows.len() as u64, one: "site", many: "sites" };
            let change = self.signed(rows.iter().map(|row| row.change(self.view.sort)).sum());
            let title = Painted(HEADING, format!("{title} ({sorted}): {sites}, {change}"));
            line!(self, "\n{title}");
            self.table(rows);
        }
    }

    fn table(&mut self, rows: &[&Row<'_>]) {
        let top = self.view.top.unwrap_or(TOP);
        for row in rows.iter().take(top) {
            self.row(row);
        }
        let rest = rows.get(top..).unwrap_or_default();
        if !rest.is_empty() {
            let change = self.signed(rest.iter().map(|row| row.change(self.view.sort)).sum());
            let more = Counted { count: rest.len() as u64, one: "more site", many: "more sites" };
            line!(self, "{}", Painted(FAINT, format!("  {change:>11}  {more}")));
        }
    }

    fn signed(&self, number: i128) -> String {
        signed(self.view.sort, self.comparison.documents[1], number)
    }

    fn row(&mut self, row: &Row<'_>) {
        let sort = self.view.sort;
        let change = self.signed(row.change(sort));
        let (before, after) = (row.before.number(sort), row.after.number(sort));
        let [from, to] =
            [before, after].map(|number| amount(sort, self.comparison.documents[1], number.into()));
        // From nothing and to nothing is told by the list.
        let mut details = Vec::new();
        if row.before.stacks > 0 && row.after.stacks > 0 {
            details.extend(share(before, after));
            details.push(format!("{from} → {to}"));
        }
        details.extend(self.other_number(row));
        let bounds = bounds::of_change(self.comparison, row, sort);
        details.extend(bounds.map(|bounds| {
            let [least, most] = bounds.map(|bound| self.signed(bound));
            format!("[{least} to {most}]")
        }));
        let change = Painted(NUMBER, format_args!("{change:>11}"));
        line!(self, "  {change}  {}", details.join(", "));
        for line in lines(&row.frames, row.lead, self.view.whole_stacks) {
            match line {
                Line::Frame { telling, is_lead, is_inward } => {
                    self.frame(telling, is_lead, is_inward);
                }
                Line::Wrappers(wrappers) => {
                    let indent = INDENT + 2;
                    let names = chain(wrappers, " → ", self.width.saturating_sub(indent));
                    line!(self, "{:indent$}{}", "", Painted(FAINT, names));
                }
            }
        }
    }

    /// The change of blocks for bytes, and of bytes for blocks.
    fn other_number(&self, row: &Row<'_>) -> Option<String> {
        let [before, after] = [row.before.numbers, row.after.numbers];
        let document = self.comparison.documents[1];
        let blocks = |before: u64, after: u64| {
            let change = i128::from(after) - i128::from(before);
            let word = document.units.as_ref().map_or("blocks", |units| &*units.blocks);
            let word = if change.unsigned_abs() == 1 { word.trim_end_matches('s') } else { word };
            (change != 0).then(|| format!("{} {word}", signed(Sort::Blocks, document, change)))
        };
        match self.view.sort {
            Sort::Total => blocks(before.total_blocks, after.total_blocks),
            Sort::Peak => blocks(before.peak_blocks, after.peak_blocks),
            Sort::End => blocks(before.end_blocks, after.end_blocks),
            Sort::Blocks | Sort::Short => {
                let change = i128::from(after.total_bytes) - i128::from(before.total_bytes);
                let word = document.units.as_ref().map_or("", |units| &units.many);
                let change = (change != 0).then(|| signed(Sort::Total, document, change))?;
                Some(format!("{change} {word}").trim_end().into())
            }
        }
    }

    fn frame(&mut self, telling: &TellingFrame<'_>, is_lead: bool, is_inward: bool) {
        let indent = INDENT + if is_inward { 2 } else { 0 };
        let room = self.width.saturating_sub(indent);
        let (name, place) = fit(&telling.frame, &self.here, room);
        let gap = if place.is_empty() { "" } else { "  " };
        let style = if is_lead { OWN } else { anstyle::Style::new() };
        let (name, place) = (Painted(style, name), Painted(FAINT, place));
        line!(self, "{:indent$}{name}{gap}{place}", "");
    }

    /// A report that lost events may have grown for that reason alone.
    fn losses(&mut self) {
        for (name, document) in ["before", "after"].into_iter().zip(self.comparison.documents) {
            let losses = document.extras.losses.unwrap_or_default();
            let losses = summary::losses(&losses, document.extras.circumstances());
            if losses.is_empty() {
                continue;
            }
            line!(self, "\n{}", Painted(WARNING, format_args!("Not recorded in full, {name}")));
            for loss in losses {
                for part in wrapped(&loss, self.width.saturating_sub(4)) {
                    line!(self, "  {part}");
                }
            }
        }
    }
}

/// The growth in percent, or how many times as much it is; nothing has no percentage of itself.
fn share(before: u64, after: u64) -> Option<String> {
    if percent(before, after)? >= 1000.0 {
        return Some(format!("×{:.0}", after as f64 / before as f64));
    }
    let share = Share { part: before.abs_diff(after), whole: before };
    Some(format!("{}{share}", if after > before { "+" } else { "-" }))
}

/// The number, as a row's name and in a sentence.
fn name(sort: Sort, document: &Document) -> String {
    let (many, blocks) = match &document.units {
        None => ("bytes", "blocks"),
        Some(Units { many, blocks, .. }) => (&**many, &**blocks),
    };
    match sort {
        Sort::Total => many.into(),
        Sort::Blocks => blocks.into(),
        Sort::Peak => format!("{many} at peak"),
        Sort::End => format!("{many} at end"),
        Sort::Short => format!("short-lived {blocks}"),
    }
}
