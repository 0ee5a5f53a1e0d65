//! The report for people.
//!
//! ```text
//! COMMAND                                     facts
//!               bytes         blocks
//!   total    82.2 MiB        595,698          totals
//!
//! Allocate for their callers: make_node       functions that rows are not named after
//!
//! Most bytes                                  tables: a line of numbers, then the telling frames
//!  #1  56.8 %  46.7 MiB in 73,900 blocks, 9 stacks
//!      app::parse  src/main.rs:12
//!        Vec<T>::push  library/alloc/src/vec/mod.rs:1
//!        ← app::load 90.0 % · app::reload 10.0 %
//!
//! Sizes of blocks                             distributions, groups, processes
//!
//! Lost                                        what was not recorded in full
//! ```
//!
//! A site has the same number in all tables, and shows its frames where it comes first.

pub(super) mod fit;
mod histograms;
mod lists;
pub(super) mod page;
mod selection;
mod suppressed;
mod tables;
mod threads;
mod tree;

use std::fmt::Write;

use mod_alloc::report::{Coverage, summary};

use crate::base::style::{FAINT, Painted, STRONG, WARNING};
use crate::dhat_file::Document;
use crate::units::{Bytes, Count, Counted, Share};

use super::heap_state;
use super::names;
use super::view::{Tables, View};

use page::{Report, line};

/// The whole report, with colours, in lines of at most `width` columns.
pub(super) fn report(document: &Document, view: &View<'_>, width: usize) -> String {
    let mut report = Report::new(document, view, width);
    report.facts();
    report.totals();
    match view.tables {
        Tables::Sites => report.every_table(),
        Tables::Tree(shape) => report.tree(shape),
        Tables::Threads => report.threads(),
    }
    report.losses();
    report.text
}

impl Report<'_> {
    fn every_table(&mut self) {
        self.tables();
        self.histograms();
        self.mappings();
        self.groups();
        self.processes();
    }

    fn facts(&mut self) {
        let document = self.document;
        let command = names::command_line(&document.command, self.width);
        line!(self, "{}", Painted(STRONG, command));
        let extras = &document.extras;
        let counted = |count, one, many| Counted { count, one, many }.to_string();
        let mut facts = Vec::new();
        if extras.processes.is_empty() {
            facts.push(format!("process {}", document.pid));
            if document.end > 1 {
                facts.push(format!("ran {}", self.time(document.end as f64)));
            }
            let orderly = extras.ending.filter(|ending| ending.is_orderly());
            facts.extend(orderly.map(|ending| ending.to_string()));
            facts.extend(extras.threads_ever().map(|count| counted(count, "thread", "threads")));
        } else {
            let programs = extras.processes.len() as u64;
            facts.push(format!("the sum of {}", counted(programs, "program", "programs")));
        }
        facts.push(counted(document.sites.len() as u64, "stack", "stacks"));
        match &extras.version {
            Some(version) => facts.push(format!("mod-alloc {version}")),
            None => facts.push(format!("mode {}", document.mode)),
        }
        line!(self, "{}", Painted(FAINT, facts.join(" · ")));
        if let Some(ending) = extras.ending.filter(|ending| !ending.is_orderly()) {
            let text = names::wrapped(&ending.to_string(), self.width).join("\n");
            line!(self, "{}", Painted(WARNING, text));
        }
        self.selection();
        self.text.push('\n');
    }

    fn totals(&mut self) {
        let (totals, document) = (self.totals, self.document);
        let units = document.units.as_ref();
        let (one, many) = units.map_or(("bytes", "blocks"), |u| (&*u.many, &*u.blocks));
        line!(self, "{}", Painted(FAINT, format_args!("{one:>20} {many:>14}")));
        self.total(
            "total",
            totals.total_bytes,
            totals.total_blocks,
            self.of_all(|n| n.total_bytes),
        );
        if !document.knows_frees() {
            let why = "Nothing is known of frees: no peak, no lifetimes, nothing of the end.";
            line!(self, "{}", Painted(FAINT, why));
            return;
        }
        self.total("at peak", totals.peak_bytes, totals.peak_blocks, self.peak_time());
        self.total("at end", totals.end_bytes, totals.end_blocks, self.end_remark());
        self.samples();
        self.heap_states();
    }

    /// The samples that all numbers of stacks, and their sums above, are made of.
    fn samples(&mut self) {
        let Some(samples) = self.document.samples() else { return };
        let exact = samples.instead_of(&self.totals);
        let gap = Bytes(samples.mean_gap());
        let text = format!(
            "Sampled: a block in {gap} on average. All numbers of stacks are estimates, and so are \
             their sums above. Exactly, the whole heap had {} in {}, {} at its peak, {} in {} at \
             the end. [A to B]: in 95 of 100 cases, the true number is between them.",
            Bytes(exact.total_bytes),
            self.blocks(exact.total_blocks),
            Bytes(exact.peak_bytes),
            Bytes(exact.end_bytes),
            self.blocks(exact.end_blocks),
        );
        let few = "Too few samples were taken to tell much: a smaller gap takes more.";
        let text = match samples.are_enough(&self.totals) {
            true => text,
            false => format!("{text} {few}"),
        };
        for (index, part) in names::wrapped(&text, self.width.saturating_sub(4)).iter().enumerate()
        {
            let indent = if index == 0 { 2 } else { 4 };
            line!(self, "{:indent$}{}", "", Painted(WARNING, part));
        }
    }

    /// The allocator's state, a line for each moment.
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
        line!(self, "{line}{gap}{}", Painted(FAINT, remark));
    }

    fn peak_time(&self) -> String {
        let (document, mut text) = (self.document, self.of_all(|n| n.peak_bytes));
        if !document.extras.processes.is_empty() {
            return "at most: the processes' peaks added up".into();
        }
        let has_peak = self.totals.peak_bytes > 0 && document.end > 1;
        if let Some(peak) = document.peak.filter(|_| has_peak) {
            let share = Share { part: peak, whole: document.end };
            let gap = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{gap}after {} ({share})", self.time(peak as f64));
        }
        if document.extras.peak_is_exact == Some(false) {
            let gap = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{gap}{}", self.peak_error());
        }
        text
    }

    /// The bound of the peak's error where several threads allocated: 1 % of it; in a small heap,
    /// the bytes that each thread may keep to itself.
    fn peak_error(&self) -> String {
        const OF_A_THREAD: u64 = 1 << 10;
        let kept = self.document.extras.threads.unwrap_or(1).saturating_mul(OF_A_THREAD);
        if self.totals.peak_bytes / 100 >= kept {
            "within 1 %".into()
        } else {
            format!("within {}", Bytes(kept))
        }
    }

    fn losses(&mut self) {
        let extras = &self.document.extras;
        let unseen = extras.coverage.as_ref().and_then(Coverage::sentence);
        if let Some(losses) = &extras.losses {
            let losses = summary::losses(losses, extras.circumstances());
            let others = extras.coverage.as_ref().map_or(0, |coverage| coverage.not_recorded.len());
            let none = if unseen.is_some() || others > 0 {
                "Of what was seen, nothing was lost."
            } else {
                "Nothing was lost."
            };
            match losses.is_empty() {
                true if self.totals.total_blocks == 0 => self.warning(
                    "Nothing was recorded.",
                    &["The program did not call malloc, or has an allocator of its own".into()],
                ),
                true => line!(self, "\n{}", Painted(FAINT, none)),
                false => self.warning("Not recorded in full", &losses),
            }
        }
        self.warning("Not seen", unseen.as_slice());
        let coverage = extras.coverage.as_ref();
        self.warning("Not in this report", coverage.map_or(&[], |coverage| &coverage.not_recorded));
        self.warning("Advice", &extras.advice);
    }

    /// A heading and sentences below; nothing if there are none.
    fn warning(&mut self, heading: &str, sentences: &[String]) {
        if sentences.is_empty() {
            return;
        }
        line!(self, "\n{}", Painted(WARNING, heading));
        for sentence in sentences {
            let parts = names::wrapped(sentence, self.width.saturating_sub(4));
            for (index, part) in parts.iter().enumerate() {
                line!(self, "{}{part}", if index == 0 { "  " } else { "    " });
            }
        }
    }
}
