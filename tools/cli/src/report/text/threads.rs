//! The table of threads.

use std::cmp::Reverse;
use std::fmt::Write;

use mod_alloc::recording::model::Thread;

use crate::base::style::{FAINT, HEADING, Painted};
use crate::report::names;
use crate::units::{Count, Share, ShortCount};

use super::page::{Report, line};

/// In fewer columns blocks are counted in thousands and millions.
const NARROW: usize = 80;

impl Report<'_> {
    /// The threads that allocated, those with the most bytes first.
    pub(super) fn threads(&mut self) {
        line!(self, "\n{}", Painted(HEADING, "Threads"));
        let mut threads: Vec<_> = self.document.extras.thread_list.iter().collect();
        if threads.is_empty() {
            line!(self, "  Nothing is known of threads: this report was not written by mod-alloc.");
            return;
        }
        threads.sort_by_key(|thread| (Reverse(thread.total_bytes), thread.id));
        let whole = threads.iter().fold(0_u64, |sum, t| sum.saturating_add(t.total_bytes));
        let (count, size) = self.widths();
        let head = format!(
            "{:>8} {:>size$} {:>count$} {:>size$} {:>count$}  thread",
            "share", "bytes", "blocks", "freed", "blocks"
        );
        line!(self, "{}", Painted(FAINT, head));
        let top = self.view.top.unwrap_or(usize::MAX);
        for thread in threads.iter().take(top) {
            let text = self.thread(thread, whole);
            line!(self, "{text}");
        }
        if let Some(more) = threads.len().checked_sub(top).filter(|&more| more > 0) {
            line!(self, "{}", Painted(FAINT, format_args!("{more:>8} more")));
        }
        let note = "A thread may free what another allocated: freed is what it freed itself. \
             Peaks and live bytes are known of call sites alone.";
        for part in names::wrapped(note, self.width.saturating_sub(2)) {
            line!(self, "  {}", Painted(FAINT, part));
        }
    }

    /// Columns of a count and of a size.
    fn widths(&self) -> (usize, usize) {
        if self.width < NARROW { (5, 8) } else { (13, 10) }
    }

    fn thread(&self, thread: &Thread, whole: u64) -> String {
        let (count, size) = self.widths();
        let blocks = |blocks| match self.width < NARROW {
            true => ShortCount(blocks).to_string(),
            false => Count(blocks).to_string(),
        };
        let share = Share { part: thread.total_bytes, whole };
        let (total, freed) = (self.size(thread.total_bytes), self.size(thread.freed_bytes));
        let (total_blocks, freed_blocks) =
            (blocks(thread.total_blocks), blocks(thread.freed_blocks));
        let running = if thread.running { ", running" } else { "" };
        let name = if thread.name.is_empty() { "?" } else { &thread.name };
        let room = self.width.saturating_sub(8 + 2 * (size + count) + 4 + 2);
        let name = names::command_line(&format!("{name} ({}{running})", thread.id), room);
        format!(
            "{:>8} {total:>size$} {total_blocks:>count$} {freed:>size$} {freed_blocks:>count$}  {name}",
            share.to_string()
        )
    }
}
