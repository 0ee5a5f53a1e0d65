//! The report for people.
//!
//! ```text
//! COMMAND                                     facts
//!               bytes         blocks
//!   total    82.2 MiB        595,698          totals
//!
//! Most bytes                                  tables: a line of numbers, then the telling frames
//!  #1  56.8 %  46.7 MiB in 73,900 blocks, 9 stacks
//!      app::parse  src/main.rs:12
//!        Vec<T>::push  library/alloc/src/vec/mod.rs:1
//!
//! Lost                                        what was not recorded in full
//! ```
//!
//! A site has the same number in all tables, and shows its frames where it comes first.

use std::collections::HashMap;
use std::fmt::Write;

use mod_alloc::report::summary;

use crate::dhat_file::{Document, Frame, Numbers, Units};
use crate::style::{FAINT, HEADING, NUMBER, OWN, Painted, STRONG, WARNING};
use crate::units::{Bytes, Count, Counted, Micros, Share, blocks};

use super::View;
use super::heap_state;
use super::names;
use super::own_code::Origin;
use super::rows::{Row, Rows, Sort, TellingFrame};

/// Columns before a site's leading frame; those after it are two further in.
const INDENT: usize = 6;

/// The whole report, with colours, in lines of at most `width` columns.
pub(super) fn report(document: &Document, view: &View, width: usize) -> String {
    let mut report = Report {
        document,
        totals: document.totals(),
        view,
        width,
        here: current_folder(),
        text: String::new(),
        numbers: HashMap::new(),
    };
    report.facts();
    report.totals();
    report.tables();
    report.groups();
    report.processes();
    report.losses();
    report.text
}

struct Report<'d> {
    document: &'d Document,
    totals: Numbers,
    view: &'d View,
    width: usize,
    /// The current folder, with a `/`: paths in it are shown from there.
    here: String,
    text: String,
    /// The sites that have been shown, by their frames' texts.
    numbers: HashMap<Vec<&'d str>, usize>,
}

/// Adds a line as `format!` makes it. Writing to a string does not fail.
macro_rules! line {
    ($report:ident, $($text:tt)*) => {{ let _ = writeln!($report.text, $($text)*); }};
}

impl<'d> Report<'d> {
    fn facts(&mut self) {
        let document = self.document;
        let command = names::command_line(&document.command, self.width);
        line!(self, "{}", Painted(STRONG, command));
        let mut facts = vec![format!("process {}", document.pid)];
        if document.end > 1 {
            facts.push(format!("ran {}", self.time(document.end as f64)));
        }
        let extras = &document.extras;
        let counted = |count, one, many| Counted { count, one, many }.to_string();
        facts.extend(extras.threads.map(|count| counted(count, "thread", "threads")));
        facts.push(counted(document.sites.len() as u64, "stack", "stacks"));
        match &extras.version {
            Some(version) => facts.push(format!("mod-alloc {version}")),
            None => facts.push(format!("mode {}", document.mode)),
        }
        line!(self, "{}\n", Painted(FAINT, facts.join(" · ")));
    }

    fn totals(&mut self) {
        let (totals, document) = (self.totals, self.document);
        let units = document.units.as_ref();
        let (one, many) = units.map_or(("bytes", "blocks"), |u| (&*u.many, &*u.blocks));
        line!(self, "{}", Painted(FAINT, format_args!("{one:>20} {many:>14}")));
        self.total("total", totals.total_bytes, totals.total_blocks, String::new());
        if !document.knows_frees() {
            let why = "Nothing is known of frees: no peak, no lifetimes, nothing of the end.";
            line!(self, "{}", Painted(FAINT, why));
            return;
        }
        self.total("at peak", totals.peak_bytes, totals.peak_blocks, self.peak_time());
        self.total("at end", totals.end_bytes, totals.end_blocks, String::new());
        self.heap_states();
    }

    /// What the allocator held, a line for each moment.
    fn heap_states(&mut self) {
        let Some(states) = self.document.extras.heap_states else { return };
        for line in heap_state::lines(&states) {
            for (index, part) in
                names::wrapped(&line, self.width.saturating_sub(4)).iter().enumerate()
            {
                let indent = if index == 0 { 2 } else { 4 };
                line!(self, "{:indent$}{}", "", Painted(FAINT, part));
            }
        }
    }

    fn total(&mut self, what: &str, bytes: u64, blocks: u64, remark: String) {
        let bytes = Painted(STRONG, self.size(bytes));
        let line = format!("  {what:<7} {bytes:>10} {:>14}", Count(blocks));
        let gap = if remark.is_empty() { "" } else { "  " };
        let remark = names::beginning_with(&remark, self.width.saturating_sub(37));
        line!(self, "{line}{gap}{}", Painted(FAINT, remark));
    }

    fn peak_time(&self) -> String {
        let (document, mut text) = (self.document, String::new());
        if !document.extras.processes.is_empty() {
            return "at most: the processes' peaks added up".into();
        }
        let has_peak = self.totals.peak_bytes > 0 && document.end > 1;
        if let Some(peak) = document.peak.filter(|_| has_peak) {
            let share = Share { part: peak, whole: document.end };
            let _ = write!(text, "after {} ({share})", self.time(peak as f64));
        }
        if document.extras.peak_is_exact == Some(false) {
            text.push_str(", within 1 %");
        }
        text
    }

    fn tables(&mut self) {
        let rows = Rows::new(self.document, self.view.whole_stacks);
        for sort in self.view.sorts(self.document) {
            self.table(sort, rows.sorted(sort));
        }
    }

    fn table(&mut self, sort: Sort, rows: Vec<Row<'d>>) {
        let title = self.title(sort);
        line!(self, "\n{}", Painted(HEADING, title));
        if rows.is_empty() {
            line!(self, "  none");
        }
        let top = self.view.top();
        let rest = Rest::of(rows.get(top..).unwrap_or_default());
        for row in rows.into_iter().take(top) {
            self.row(sort, &row);
        }
        if rest.rows > 0 {
            let (share, size) = self.shares(sort, &rest.numbers);
            let more = Counted { count: rest.rows, one: "more site", many: "more sites" };
            line!(
                self,
                "{}",
                Painted(FAINT, format_args!("{:INDENT$}{share:>7} {size:>10}  {more}", ""))
            );
        }
    }

    fn title(&self, sort: Sort) -> String {
        let units = self.document.units.as_ref();
        match (sort, units) {
            (Sort::Total, None) => "Most bytes allocated".into(),
            (Sort::Total, Some(units)) => format!("Most {}", units.many),
            (Sort::Blocks, None) => "Most blocks allocated".into(),
            (Sort::Blocks, Some(units)) => format!("Most {}", units.blocks),
            (Sort::Peak, _) => "Live when the heap was at its peak".into(),
            (Sort::End, _) => "Still live at the end".into(),
            (Sort::Short, _) => {
                let short = self.document.short_lifetime.unwrap_or(0);
                format!(
                    "Short-lived: blocks that live {} or less on average",
                    self.time(short as f64)
                )
            }
        }
    }

    /// Share and size of what a table is sorted by.
    fn shares(&self, sort: Sort, numbers: &Numbers) -> (Share, String) {
        let (part, whole) = (sort.key(numbers), sort.key(&self.totals));
        let size = match sort {
            Sort::Blocks | Sort::Short => Count(part).to_string(),
            _ => self.size(part),
        };
        (Share { part, whole }, size)
    }

    fn row(&mut self, sort: Sort, row: &Row<'d>) {
        let key: Vec<_> = row.frames.iter().map(|telling| telling.frame.text).collect();
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(key).or_insert(next);
        let (share, size) = self.shares(sort, &row.numbers);
        let details = self.details(sort, row);
        let number_text = format!("#{number}");
        line!(
            self,
            " {:<5}{} {:>10}  {}",
            Painted(STRONG, number_text),
            Painted(NUMBER, format_args!("{:>7}", share.to_string())),
            Painted(STRONG, size),
            names::beginning_with(&details, self.width.saturating_sub(INDENT + 20))
        );
        if number != next {
            return self.again(row);
        }
        for (index, telling) in row.frames.iter().enumerate() {
            let lead =
                if self.view.whole_stacks { telling.origin == Origin::Own } else { index == 0 };
            self.frame(telling, lead, index > 0 && !self.view.whole_stacks);
        }
    }

    /// The line of a site that an earlier table has shown: its first frame, and the last.
    fn again(&mut self, row: &Row<'_>) {
        let [first, .., last] = row.frames.as_slice() else {
            return row.frames.iter().for_each(|only| self.frame(only, true, false));
        };
        let room = self.width.saturating_sub(INDENT + 3);
        let first = names::function(names::called(&first.frame), room * 3 / 5);
        let left = room.saturating_sub(first.chars().count());
        let last = names::function(names::called(&last.frame), left);
        let (first, last) = (Painted(OWN, first), Painted(FAINT, format_args!("→ {last}")));
        line!(self, "{:INDENT$}{first} {last}", "");
    }

    /// What a table says of a row besides what it is sorted by.
    fn details(&self, sort: Sort, row: &Row<'_>) -> String {
        let numbers = &row.numbers;
        let units = self.document.units.as_ref();
        let mut details = match sort {
            Sort::Total => vec![format!("in {}", self.blocks(numbers.total_blocks))],
            Sort::Peak => vec![format!("in {}", self.blocks(numbers.peak_blocks))],
            Sort::End => vec![format!("in {}", self.blocks(numbers.end_blocks))],
            Sort::Blocks | Sort::Short => {
                let blocks = units.map_or("blocks", |units| &units.blocks);
                vec![format!("{blocks} of {}", self.mean_size(numbers))]
            }
        };
        if let Some(mean) = numbers.mean_lifetime().filter(|_| self.document.knows_frees()) {
            details.push(format!("living {}", self.time(mean)));
        }
        if row.stacks > 1 {
            details.push(format!("{} stacks", Count(row.stacks)));
        }
        details.join(", ")
    }

    fn mean_size(&self, numbers: &Numbers) -> String {
        let mean = numbers.total_bytes.checked_div(numbers.total_blocks).unwrap_or(0);
        self.size(mean)
    }

    fn frame(&mut self, telling: &TellingFrame<'_>, lead: bool, inward: bool) {
        let frame = &telling.frame;
        let indent = INDENT + if inward { 2 } else { 0 };
        let room = self.width.saturating_sub(indent);
        let (name, place) = fit(frame, &self.here, room);
        let gap = if place.is_empty() { "" } else { "  " };
        let style = if lead { OWN } else { anstyle::Style::new() };
        let (name, place) = (Painted(style, name), Painted(FAINT, place));
        line!(self, "{:indent$}{name}{gap}{place}", "");
    }

    fn groups(&mut self) {
        let mut groups: Vec<_> = self.document.extras.groups.iter().collect();
        if groups.is_empty() {
            return;
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.total_bytes));
        line!(self, "\n{}", Painted(HEADING, "Groups"));
        let head =
            format!("{:>10} {:>12} {:>10} {:>10}  group", "bytes", "blocks", "peak", "at end");
        line!(self, "{}", Painted(FAINT, head));
        for group in groups.iter().take(self.view.top()) {
            let name = names::command_line(&group.name, self.width.saturating_sub(47));
            let (total, peak) = (self.size(group.total_bytes), self.size(group.peak_bytes));
            let (blocks, end) = (Count(group.total_blocks), self.size(group.live_bytes));
            line!(self, "{total:>10} {blocks:>12} {peak:>10} {end:>10}  {name}");
        }
        if let Some(more) = groups.len().checked_sub(self.view.top()).filter(|&more| more > 0) {
            line!(self, "{}", Painted(FAINT, format_args!("{more:>10} more")));
        }
    }

    fn processes(&mut self) {
        let processes = &self.document.extras.processes;
        if processes.is_empty() {
            return;
        }
        let mut sorted: Vec<_> = processes.iter().collect();
        sorted.sort_by_key(|process| std::cmp::Reverse(process.total_bytes));
        line!(self, "\n{}", Painted(HEADING, "Processes"));
        let head = format!(
            "{:>8} {:>10} {:>12} {:>10} {:>10}  command",
            "process", "bytes", "blocks", "peak", "end"
        );
        line!(self, "{}", Painted(FAINT, head));
        for process in sorted.iter().take(self.view.top()) {
            let command = names::command_line(&process.command, self.width.saturating_sub(56));
            let (total, peak) = (self.size(process.total_bytes), self.size(process.peak_bytes));
            let (blocks, end) = (Count(process.total_blocks), self.size(process.end_bytes));
            line!(
                self,
                "{:>8} {total:>10} {blocks:>12} {peak:>10} {end:>10}  {command}",
                process.pid
            );
        }
        if let Some(more) = sorted.len().checked_sub(self.view.top()).filter(|&more| more > 0) {
            line!(self, "{}", Painted(FAINT, format_args!("{more:>8} more")));
        }
    }

    fn losses(&mut self) {
        let Some(losses) = &self.document.extras.losses else { return };
        let frames = self.document.extras.frame_limit.unwrap_or(0);
        let losses = summary::losses(losses, frames);
        if losses.is_empty() {
            line!(self, "\n{}", Painted(FAINT, "Nothing was lost."));
            return;
        }
        line!(self, "\n{}", Painted(WARNING, "Not recorded in full"));
        for loss in losses {
            for (index, part) in
                names::wrapped(&loss, self.width.saturating_sub(4)).iter().enumerate()
            {
                line!(self, "{}{part}", if index == 0 { "  " } else { "    " });
            }
        }
    }

    fn size(&self, bytes: u64) -> String {
        match &self.document.units {
            None => Bytes(bytes).to_string(),
            Some(_) => Count(bytes).to_string(),
        }
    }

    fn blocks(&self, count: u64) -> String {
        match &self.document.units {
            None => blocks(count).to_string(),
            Some(Units { blocks, .. }) => format!("{} {blocks}", Count(count)),
        }
    }

    /// A time in units that people know, if the document's is one.
    fn time(&self, time: f64) -> String {
        match self.document.micros() {
            Some(micros) => Micros(time * micros).to_string(),
            None => {
                let unit = &self.document.time_unit;
                if time < 10.0 {
                    format!("{time:.1} {unit}")
                } else {
                    format!("{} {unit}", Count(time as u64))
                }
            }
        }
    }
}

fn current_folder() -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    format!("{}/", folder.to_string_lossy().trim_end_matches('/'))
}

/// The rows that a table does not show.
struct Rest {
    rows: u64,
    numbers: Numbers,
}

impl Rest {
    fn of(rows: &[Row<'_>]) -> Self {
        let mut numbers = Numbers::default();
        rows.iter().for_each(|row| numbers.add(&row.numbers));
        Self { rows: rows.len() as u64, numbers }
    }
}

/// A frame's name and place in `room` columns, two blanks between them. A short name leaves its
/// room to the place; a long one gets two thirds at least.
fn fit(frame: &Frame<'_>, here: &str, room: usize) -> (String, String) {
    let place = names::place(frame);
    let place = place.strip_prefix(here).map_or(place.clone(), String::from);
    let name = names::called(frame);
    let place_length = place.chars().count();
    if place.is_empty() {
        return (names::function(name, room), place);
    }
    let for_both = room.saturating_sub(2);
    let for_name = for_both.saturating_sub(place_length).max(for_both * 2 / 3);
    let name = names::function(name, for_name);
    let place = names::end_of_place(&place, for_both.saturating_sub(name.chars().count()));
    (name, place)
}
