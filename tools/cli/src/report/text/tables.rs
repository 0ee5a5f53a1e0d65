//! The tables of sites.

use std::fmt::Write;

use crate::base::style::{FAINT, HEADING, NUMBER, OWN, Painted, STRONG};
use crate::dhat_file::Numbers;
use crate::origin::Origin;
use crate::report::names;
use crate::report::rows::{Row, Rows, TellingFrame};
use crate::report::sort::Sort;
use crate::units::{Count, Counted, Share};

use super::fit::fit;
use super::page::{Report, line};

/// Columns before a site's leading frame; those after it are two further in.
const INDENT: usize = 6;

impl<'d> Report<'d> {
    pub(super) fn tables(&mut self) {
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
            details
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
