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
//! - `x_moments`: an object with `at_us`, ascending: the moments of which stacks have numbers; and
//!   `thinned`, the number of moments that were left out.
//! - `x_moments` of a stack: a list of `[moment, total_bytes, total_blocks, live_bytes,
//!   live_blocks]`: an index into `at_us`, ascending, and the stack's own numbers then (not
//!   differences). Only moments at which they differ from those of the moment before are there;
//!   before the first, all are 0.
//! - `x_histograms`: an object with `sizes` (of blocks, in bytes) and `lifetimes` (in µs). Each is
//!   an object with the lists `blocks` and `bytes`. Entry 0 is of the value 0, entry N of the
//!   values from 2^(N-1) to 2^N - 1.
//! - `x_ending`: an object. `how` the process ended: `exit`, `signal`, `gone` (without its exit
//!   handlers), `running` (the report is of a moment of the run); where known, `code`, `signal`
//!   and the signal's `name`; `text`: that in words. In the page's head it is `ending`.
//! - `x_sampling`: the mean gap in bytes: a number, or an object with `mean_gap`.
//! - `x_coverage`: an object. Keys that end in `_bytes` are shown as sizes, a list `reasons` as
//!   sentences.
//! - In the page's head `mappings` is made of `x_mappings`: `numbers` (bytes mapped, at the peak, at
//!   the end; calls) of all together, and `holders`, a `name`, a `kind` and `numbers` each.
//!
//! A range of time begins and ends at the report's start, at its end or at one of `x_moments`.
//! Range and chart agree where a moment is also the end of an interval.

mod columns;
mod content;
mod crates;
mod head;
mod names;
mod open;
mod page;
mod save;
mod source;
mod strings;
mod tree;

pub(crate) use content::{Options, Shown, write};
pub(crate) use save::save;
