//! The table of threads.

use std::cmp::Reverse;
use std::fmt::Write;

use mod_alloc::recording::model::Thread;

use crate::base::style::{FAINT, HEADING, Painted};
use crate::report::names;
use crate::units::{Count, Share, ShortCount};

use super::page::{Report, line};

/// The columns of the table.
#[derive(Clone, Copy)]
struct Columns {
    /// Blocks are counted in thousands and millions.
    is_short: bool,
    /// Bytes and blocks that a thread freed are shown.
    has_freed: bool,
    size: usize,
    count: usize,
}

impl Columns {
    /// From the widest to the narrowest.
    const CHOICES: [(bool, bool); 3] = [(false, true), (true, true), (true, false)];

    fn blocks(self, blocks: u64) -> String {
        if self.is_short { ShortCount(blocks).to_string() } else { Count(blocks).to_string() }
    }

    /// Columns before the name.
    fn width(self) -> usize {
        let pair = self.size + self.count + 2;
        8 + pair + if self.has_freed { pair } else { 0 } + 2
    }

    /// Bytes and blocks, and those that were freed.
    fn pairs(self, allocated: (&str, &str), freed: (&str, &str)) -> String {
        let (size, count) = (self.size, self.count);
        let pair = |(bytes, blocks)| format!(" {bytes:>size$} {blocks:>count$}");
        if self.has_freed { pair(allocated) + &pair(freed) } else { pair(allocated) }
    }
}

impl Report<'_> {
    /// The threads that allocated, those with the most bytes first.
    pub(super) fn threads(&mut self) {
        line!(self, "\n{}", Painted(HEADING, "Threads"));
        let mut threads: Vec<_> = self.document.extras.thread_list.iter().collect();
        if threads.is_empty() {
            return self.note("Nothing is known of threads: mod-alloc's own reports have them.");
        }
        threads.sort_by_key(|thread| (Reverse(thread.total_bytes), thread.id));
        let whole = threads.iter().fold(0_u64, |sum, t| sum.saturating_add(t.total_bytes));
        let columns = self.columns_for(&threads);
        let pairs = columns.pairs(("bytes", "blocks"), ("freed", "blocks"));
        line!(self, "{}", Painted(FAINT, format_args!("{:>8}{pairs}  thread", "share")));
        let top = self.view.top.unwrap_or(usize::MAX);
        for thread in threads.iter().take(top) {
            let name = name(thread);
            let room = self.width.saturating_sub(columns.width()).max(1);
            let shown = names::command_line(&name, room);
            let share = Share { part: thread.total_bytes, whole }.to_string();
            let pairs = self.numbers_of(thread, columns);
            line!(self, "{share:>8}{pairs}  {shown}");
        }
        if let Some(more) = threads.len().checked_sub(top).filter(|&more| more > 0) {
            line!(self, "{}", Painted(FAINT, format_args!("{more:>8} more")));
        }
        // Columns with what was freed are chosen only where every name fits.
        self.note(match columns.has_freed {
            true => "A thread may free what another allocated: freed is what it freed itself.",
            false => "Some is left out in so few columns; --format json has all.",
        });
    }

    fn numbers_of(&self, thread: &Thread, columns: Columns) -> String {
        let (bytes, freed) = (self.size(thread.total_bytes), self.size(thread.freed_bytes));
        let blocks = columns.blocks(thread.total_blocks);
        let freed_blocks = columns.blocks(thread.freed_blocks);
        columns.pairs((&bytes, &blocks), (&freed, &freed_blocks))
    }

    /// The widest columns that leave room for every name, or else the narrowest.
    fn columns_for(&self, threads: &[&Thread]) -> Columns {
        let longest = threads.iter().map(|thread| name(thread).chars().count()).max();
        let choices = Columns::CHOICES.into_iter().map(|(is_short, has_freed)| {
            let mut columns = Columns { is_short, has_freed, size: 8, count: 6 };
            for thread in threads {
                for bytes in [thread.total_bytes, thread.freed_bytes] {
                    columns.size = columns.size.max(self.size(bytes).chars().count());
                }
                for blocks in [thread.total_blocks, thread.freed_blocks] {
                    columns.count = columns.count.max(columns.blocks(blocks).len());
                }
            }
            columns
        });
        let choices: Vec<_> = choices.collect();
        let fits = |columns: &&Columns| columns.width() + longest.unwrap_or(0) <= self.width;
        choices.iter().find(fits).copied().unwrap_or(choices[choices.len() - 1])
    }

    /// A sentence below a table.
    fn note(&mut self, sentence: &str) {
        for part in names::wrapped(sentence, self.width.saturating_sub(2)) {
            line!(self, "  {}", Painted(FAINT, part));
        }
    }
}

/// `worker (4711, running)`
fn name(thread: &Thread) -> String {
    let name = if thread.name.is_empty() { "?" } else { &thread.name };
    let running = if thread.running { ", running" } else { "" };
    format!("{name} ({}{running})", thread.id)
}

#[cfg(test)]
mod tests;
