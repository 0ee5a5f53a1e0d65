//! The words on a selection of the stacks.

use std::fmt::Write;

use crate::base::style::{FAINT, HEADING, Painted, WARNING};
use crate::dhat_file::Numbers;
use crate::report::names;
use crate::units::Count;

use super::page::{Report, line};

impl Report<'_> {
    /// The line that says that this is a part of the report.
    pub(super) fn selection(&mut self) {
        let Some(selected) = self.view.selected else { return };
        for part in names::wrapped(&selected.words(), self.width) {
            line!(self, "{}", Painted(WARNING, part));
        }
    }

    /// The part of all stacks' number that the selected ones have; nothing without a selection.
    pub(super) fn of_all(&self, number: impl Fn(&Numbers) -> u64) -> String {
        let Some(selected) = self.view.selected else { return String::new() };
        format!("{} of {}", selected.share(&number), self.size(number(&selected.of_sums)))
    }

    /// A table's title, and behind or below it the number of stacks that it is of.
    pub(super) fn heading(&mut self, title: &str) {
        line!(self, "\n{}", Painted(HEADING, title));
        let Some(selected) = self.view.selected else { return };
        let (stacks, all) = (Count(selected.stacks), Count(selected.of_stacks));
        let part = format!("  {stacks} of {all} stacks");
        if title.chars().count() + part.len() <= self.width {
            self.text.pop();
        }
        line!(self, "{}", Painted(FAINT, part));
    }
}
