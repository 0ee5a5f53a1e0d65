//! The tables of sites.

use std::fmt::Write;

use crate::base::style::{FAINT, NUMBER, OWN, Painted, STRONG};
use crate::dhat_file::Numbers;
use crate::report::callers::Caller;
use crate::report::frames::TellingFrame;
use crate::report::names;
use crate::report::rows::{Row, Rows};
use crate::report::sort::Sort;
use crate::units::{Count, Counted, Share};

use super::fit::{Line, fit, lines};
use super::page::{Report, line};

/// Columns before a site's leading frame; those after it are two further in.
const INDENT: usize = 6;
/// Callers of a row that are named.
const CALLERS: usize = 3;
/// Wrappers that are named, and the room of each name.
const WRAPPERS: usize = 12;
const LONGEST_WRAPPER: usize = 40;

impl<'d> Report<'d> {
    pub(super) fn tables(&mut self) {
        let rows = Rows::of(self.document, &self.view.wrappers, self.view.whole_stacks);
        self.wrappers(&rows.passed_over());
        self.nameless(rows.nameless());
        for sort in self.view.sorts(self.document) {
            self.table(sort, rows.sorted(sort));
        }
    }

    /// The functions that rows are not named after, so that nobody misses them.
    fn wrappers(&mut self, names: &[&str]) {
        if names.is_empty() || self.view.whole_stacks {
            return;
        }
        let mut shown: Vec<_> = names
            .iter()
            .take(WRAPPERS)
            .map(|name| names::function(name, LONGEST_WRAPPER))
            .collect();
        let more = names.len() - shown.len();
        if more > 0 {
            shown.push(format!("{} more", Count(more as u64)));
        }
        self.remark(&format!("Allocate for their callers: {}", shown.join(", ")));
    }

    /// Functions that have no names, and the way to them.
    fn nameless(&mut self, module: Option<&str>) {
        let Some(module) = module else { return };
        let module = module.rsplit('/').next().unwrap_or(module);
        self.remark(&format!(
            "Functions of {module} have no names: it is stripped. sub_N begins at its address N, \
             NAME+N begins N bytes after NAME. mod-alloc run --debuginfod fetches the names."
        ));
    }

    /// A paragraph on the tables that follow.
    fn remark(&mut self, text: &str) {
        self.text.push('\n');
        for (index, part) in names::wrapped(text, self.width.saturating_sub(4)).iter().enumerate() {
            let indent = if index == 0 { 0 } else { 2 };
            line!(
                self,
                "{:indent$}{}",
                "",
                Painted(FAINT, names::beginning_with(part, self.width))
            );
        }
    }

    fn table(&mut self, sort: Sort, rows: Vec<Row<'d>>) {
        let title = self.title(sort);
        self.heading(&title);
        if rows.is_empty() {
            line!(self, "  none");
        }
        if sort == Sort::End {
            self.suppressed();
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
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(row.parts.clone()).or_insert(next);
        let (share, size) = self.shares(sort, &row.numbers);
        let details = self.details(sort, row);
        let number_text = format!("#{number}");
        line!(
            self,
            " {:<5}{} {:>10}  {}",
            Painted(STRONG, number_text),
            Painted(NUMBER, format_args!("{:>7}", share.to_string())),
            Painted(STRONG, size),
            details
        );
        if number == next {
            self.frames(row);
        } else {
            self.again(row);
        }
        self.callers(sort, row);
    }

    fn frames(&mut self, row: &Row<'d>) {
        for line in lines(&row.frames, row.lead, self.view.whole_stacks) {
            match line {
                Line::Frame { telling, is_lead, is_inward } => {
                    self.frame(telling, is_lead, is_inward);
                }
                Line::Wrappers(chain) => {
                    let indent = INDENT + 2;
                    let chain = names::chain(chain, " → ", self.width.saturating_sub(indent));
                    line!(self, "{:indent$}{}", "", Painted(FAINT, chain));
                }
            }
        }
    }

    /// The line of a site that an earlier table has shown: its first frame, and the last.
    fn again(&mut self, row: &Row<'_>) {
        let [first, .., last] = row.frames.as_slice() else {
            return row.frames.iter().for_each(|only| self.frame(only, true, false));
        };
        let last = row.frames.get(1).filter(|called| called.is_wrapper).unwrap_or(last);
        let room = self.width.saturating_sub(INDENT + 3);
        let (first, place) = fit(&first.frame, &self.here, room * 3 / 5);
        let gap = if place.is_empty() { "" } else { "  " };
        let used = first.chars().count() + gap.len() + place.chars().count();
        let last = names::function(names::called(&last.frame), room.saturating_sub(used));
        let (first, rest) = (Painted(OWN, first), Painted(FAINT, format!("{place} → {last}")));
        line!(self, "{:INDENT$}{first}{gap}{rest}", "");
    }

    /// The functions that call the leading one: with their shares, or one with its own callers.
    fn callers(&mut self, sort: Sort, row: &Row<'d>) {
        let indent = INDENT + 2;
        let room = self.width.saturating_sub(indent + 3);
        let text = match row.callers.as_slice() {
            [] => return,
            [only] if only.is_main() => return,
            [only] => names::chain(&only.chain, " ← ", room),
            several => self.shares_of_callers(sort, row, several, room),
        };
        // Tables repeat rows, whose callers are told again where they differ.
        let told = self.callers.entry(row.parts.clone()).or_default();
        if *told != text {
            line!(self, "{:indent$}{}", "", Painted(FAINT, format_args!("← {text}")));
            *told = text;
        }
    }

    fn shares_of_callers(
        &self,
        sort: Sort,
        row: &Row<'d>,
        callers: &[Caller<'d>],
        room: usize,
    ) -> String {
        let whole = sort.key(&row.numbers);
        let shown = &callers[..callers.len().min(CALLERS)];
        let room_of_each = (room / shown.len().max(1)).saturating_sub(13);
        let mut texts: Vec<_> = shown
            .iter()
            .map(|caller| {
                let name = names::called(&caller.chain[0].frame);
                let share = Share { part: caller.part, whole };
                format!("{} {share}", names::function(name, room_of_each))
            })
            .collect();
        let more = callers.len() - shown.len();
        if more > 0 {
            texts.push(format!("{} more", Count(more as u64)));
        }
        names::beginning_with(&texts.join(" · "), room)
    }

    /// A row's numbers besides the one that the table is sorted by.
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
        details.extend(self.interval(sort, numbers));
        match (row.lifetime, sort) {
            (Some(mean), Sort::End) => details.push(format!("{} old", self.time(mean))),
            (Some(mean), _) => details.push(format!("living {}", self.time(mean))),
            (None, _) => {
                let age = row.age_of_half.map(|age| format!("half over {} old", self.time(age)));
                details.extend(age);
            }
        }
        if row.stacks > 1 {
            details.push(format!("{} stacks", Count(row.stacks)));
        }
        details.join(", ")
    }

    /// Where blocks were sampled: the bounds of the number that the table is sorted by.
    fn interval(&self, sort: Sort, numbers: &Numbers) -> Option<String> {
        let samples = self.document.samples()?;
        let (bytes, blocks) = match sort {
            Sort::Total | Sort::Blocks | Sort::Short => (numbers.total_bytes, numbers.total_blocks),
            Sort::Peak => (numbers.peak_bytes, numbers.peak_blocks),
            Sort::End => (numbers.end_bytes, numbers.end_blocks),
        };
        let bounds = samples.bounds(bytes, blocks)?;
        let [least, most] = match sort {
            Sort::Blocks | Sort::Short => bounds.blocks.map(|bound| Count(bound).to_string()),
            _ => bounds.bytes.map(|bound| self.size(bound)),
        };
        Some(format!("[{least} to {most}]"))
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
