//! One or two reports as a page for the browser: one file that asks for nothing else.
//!
//! The page is made of `page.html`, which `tools/viewer` builds (`tools/README.md` says how), of a
//! head in JSON, and of the data: columns of numbers, compressed, in base64.
//!
//! ```text
//!  documents ─▶ names: each text once ─▶ tree: stacks with the same outer frames share nodes
//!      │                                       │
//!      └─▶ head: totals, losses, …             └─▶ columns: the data (see `columns`)
//! ```
//!
//! # Keys of a report that the page shows
//!
//! Of dhat's keys and ours ([`mod_alloc::report::dhat`]) all; and these, each where it is there:
//!
//! - `x_timeline`: an object of lists of one length. `end_us`, ascending: ends of intervals.
//!   `min_bytes` and `max_bytes`: the least and the most live bytes in the interval. At its end:
//!   `blocks` (live), `total_bytes` and `total_blocks` (allocated since the start),
//!   `resident_bytes` (null where not known).
//! - `x_moments`: an object with `at_us`, ascending: the moments of which stacks have numbers.
//! - `x_moments` of a stack: a list of `[moment, total_bytes, total_blocks, live_bytes,
//!   live_blocks]`: an index into `at_us`, ascending, and the stack's own numbers then (not
//!   differences). Only moments at which they differ from those of the moment before are there;
//!   before the first, all are 0.
//! - `x_histograms`: an object with `sizes` (of blocks, in bytes) and `lifetimes` (in µs). Each is an
//!   object with the lists `blocks` and `bytes`. Entry 0 is of the value 0, entry N of the values
//!   from 2^(N-1) to 2^N - 1.
//! - `x_sampling`: the mean gap in bytes: a number, or an object with `mean_gap`.
//! - `x_coverage`: an object. Keys that end in `_bytes` are shown as sizes, a list `reasons` as
//!   sentences.
//!
//! A range of time begins and ends at the report's start, at its end or at one of `x_moments`.
//! Range and chart agree where a moment is also the end of an interval.

mod columns;
mod crates;
mod head;
mod names;
mod open;
mod page;
mod save;
mod source;
mod strings;
mod tree;

use std::io::{self, Write};

use crate::dhat_file::Document;

pub(crate) use save::save;

/// The choices that a page is made by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// Source lines around each frame go into the page, where their files can be read now.
    pub(crate) source: bool,
    /// The metric that is shown first, by the word of `--sort`; `None`: the page chooses.
    pub(crate) metric: Option<&'static str>,
}

/// The content of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shown<'d> {
    /// A report.
    One(&'d Document),
    /// The difference of two reports: stacks are the same if their functions' names are.
    Difference { before: &'d Document, after: &'d Document },
}

impl<'d> Shown<'d> {
    /// The later one is the last.
    fn documents(self) -> Vec<&'d Document> {
        match self {
            Shown::One(document) => vec![document],
            Shown::Difference { before, after } => vec![before, after],
        }
    }
}

/// Writes the page.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(shown: Shown<'_>, options: Options, out: &mut dyn Write) -> io::Result<()> {
    let documents = shown.documents();
    let names = names::Names::of(&documents);
    let tree = tree::Tree::of(&documents, &names);
    let sources = if options.source { source::lines(&names, &tree) } else { Vec::new() };
    page::write(out, &head::json(&documents, &tree, options.metric), |out| {
        columns::write(&names, &tree, &sources, out)
    })
}
