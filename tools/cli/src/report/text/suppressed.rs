//! The words on what is suppressed.

use std::fmt::Write;

use crate::base::style::{FAINT, Painted};
use crate::report::names;
use crate::units::Counted;

use super::page::{Report, line};

impl Report<'_> {
    /// The remark on the total of what is live at the end.
    pub(super) fn end_remark(&self) -> String {
        let mut remarks: Vec<_> =
            Some(self.of_all(|numbers| numbers.end_bytes)).into_iter().collect();
        let suppressed = self.view.suppressed.filter(|suppressed| suppressed.sums.stacks > 0);
        let more = |bytes: u64| format!("without {} suppressed", self.size(bytes));
        remarks.extend(suppressed.map(|suppressed| more(suppressed.sums.end_bytes)));
        remarks.retain(|remark| !remark.is_empty());
        remarks.join(", ")
    }

    /// Under the title of what is live at the end: what is missing there, and why.
    pub(super) fn suppressed(&mut self) {
        let Some(suppressed) = self.view.suppressed.filter(|it| it.sums.stacks > 0) else { return };
        let sums = suppressed.sums;
        let stacks = Counted { count: sums.stacks, one: "stack", many: "stacks" };
        let reasons: Vec<_> = suppressed
            .rules
            .iter()
            .map(|rule| match &rule.pattern {
                Some(pattern) if pattern.starts_with("leak:") => pattern.clone(),
                _ => rule.name.clone(),
            })
            .collect();
        let is_known = suppressed.rules.iter().any(|rule| rule.pattern.is_none());
        let way_out = if is_known { "; --suppress none shows them" } else { "" };
        let (size, blocks) = (self.size(sums.end_bytes), self.blocks(sums.end_blocks));
        let text =
            format!("suppressed: {stacks}, {size} in {blocks}: {}{way_out}", reasons.join(", "));
        for (index, part) in names::wrapped(&text, self.width.saturating_sub(4)).iter().enumerate()
        {
            let indent = if index == 0 { 2 } else { 4 };
            line!(self, "{:indent$}{}", "", Painted(FAINT, part));
        }
    }
}
