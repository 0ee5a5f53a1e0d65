//! The lists of groups and of processes.

use std::cmp::Reverse;
use std::fmt::Write;

use crate::base::style::{FAINT, HEADING, Painted};
use crate::dhat_file::{Frame, Group, Holder, Process, holders};
use crate::report::names;
use crate::units::Count;

use super::page::{Report, line};

/// Columns that a name has at least beside its numbers. In a narrow window it goes below them.
const NAME: usize = 20;
/// Columns before a name that is below its numbers.
const BELOW: usize = 9;

impl Report<'_> {
    pub(super) fn groups(&mut self) {
        let mut groups: Vec<_> = self.document.extras.groups.iter().collect();
        groups.sort_by_key(|group| Reverse(group.total_bytes));
        let head =
            format!("{:>10} {:>12} {:>10} {:>10}  group", "bytes", "blocks", "peak", "at end");
        self.list("Groups", &head, &groups, Self::group);
    }

    fn group(&self, group: &Group) -> String {
        let (total, peak) = (self.size(group.total_bytes), self.size(group.peak_bytes));
        let (blocks, end) = (Count(group.total_blocks), self.size(group.live_bytes));
        let numbers = format!("{total:>10} {blocks:>12} {peak:>10} {end:>10}");
        self.named(&numbers, |room| names::command_line(&group.name, room))
    }

    /// The numbers, and what `name` makes of the name for its room.
    fn named(&self, numbers: &str, name: impl Fn(usize) -> String) -> String {
        match self.width.saturating_sub(numbers.chars().count() + 2) {
            ..NAME => format!("{numbers}\n{:BELOW$}{}", "", name(self.width - BELOW)),
            room => format!("{numbers}  {}", name(room)),
        }
    }

    pub(super) fn mappings(&mut self) {
        let Some(mappings) = &self.document.extras.mappings else { return };
        let holders = holders(mappings);
        let sums =
            Holder { kind: "all", frame: Frame::parse("[all together]"), counters: mappings.sums };
        let all: Vec<_> = [&sums].into_iter().chain(&holders).collect();
        let head = format!(
            "{:>10} {:>10} {:>10} {:>8} {:<9}  by",
            "bytes", "peak", "at end", "calls", "kind"
        );
        self.list("Mapped by the program itself", &head, &all, Self::holder);
    }

    fn holder(&self, holder: &Holder<'_>) -> String {
        let Holder { kind, counters, .. } = holder;
        let (total, peak) = (self.size(counters.total_bytes), self.size(counters.peak_bytes));
        let (calls, end) = (Count(counters.calls), self.size(counters.end_bytes));
        let numbers = format!("{total:>10} {peak:>10} {end:>10} {calls:>8} {kind:<9}");
        self.named(&numbers, |room| names::function(holder.name(), room))
    }

    pub(super) fn processes(&mut self) {
        let mut processes: Vec<_> = self.document.extras.processes.iter().collect();
        processes.sort_by_key(|process| Reverse(process.total_bytes));
        let head = format!(
            "{:>8} {:>10} {:>12} {:>10} {:>10}  command",
            "process", "bytes", "blocks", "peak", "end"
        );
        self.list("Processes", &head, &processes, Self::process);
    }

    fn process(&self, process: &Process) -> String {
        let (total, peak) = (self.size(process.total_bytes), self.size(process.peak_bytes));
        let (blocks, end) = (Count(process.total_blocks), self.size(process.end_bytes));
        let pid = process.pid;
        let own = process.own_allocator.as_deref().map(|allocator| {
            let allocator = names::command_line(allocator, self.width);
            format!("\n{:>9}brings {allocator}, whose blocks are not in the report", "")
        });
        let numbers = format!("{pid:>8} {total:>10} {blocks:>12} {peak:>10} {end:>10}");
        let line = self.named(&numbers, |room| names::command_line(&process.command, room));
        format!("{line}{}", own.unwrap_or_default())
    }

    /// The first `items` under a title, and the number of the others; nothing if there are none.
    fn list<T>(&mut self, title: &str, head: &str, items: &[&T], text: fn(&Self, &T) -> String) {
        if items.is_empty() {
            return;
        }
        line!(self, "\n{}", Painted(HEADING, title));
        line!(self, "{}", Painted(FAINT, head));
        for item in items.iter().take(self.view.top()) {
            let item = text(self, item);
            line!(self, "{item}");
        }
        if let Some(more) = items.len().checked_sub(self.view.top()).filter(|&more| more > 0) {
            line!(self, "{}", Painted(FAINT, format_args!("{more:>10} more")));
        }
    }
}
