//! The words on a selection of the stacks.

use std::fmt::Write;

use crate::base::style::{FAINT, Painted, WARNING};
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

    /// Behind a table's title: the number of stacks that it is of.
    pub(super) fn of_stacks(&self) -> String {
        let Some(selected) = self.view.selected else { return String::new() };
        let (stacks, all) = (Count(selected.stacks), Count(selected.of_stacks));
        Painted(FAINT, format!("  {stacks} of {all} stacks")).to_string()
    }
}
