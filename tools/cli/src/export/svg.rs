//! A flame graph as one picture: the outermost frames on top, what they call below.
//!
//! ```text
//! Bytes live at the peak: 3.7 MiB                     title
//! target/release/words · 9 stacks                     the run, and what is not drawn
//! ┌ all ────────────────────────────────────────────┐
//! ├ words::split ───────────────┬ words::count ─────┤  a frame: as wide as its share
//! ```
//!
//! Names are text, which browsers search. A `title` on each frame has its numbers in words:
//! browsers show it as a tooltip. No script runs, so forges show the picture. It has colours for
//! light and for dark pages.

mod color;
mod draw;
mod layout;
mod xml;

use std::io::{self, Write};

use crate::dhat_file::Document;

use super::metric::Metric;
use super::names::Names;
use super::tree::Tree;
use draw::Picture;
use layout::Layout;

pub(super) fn write(document: &Document, metric: Metric, out: &mut dyn Write) -> io::Result<()> {
    let names = Names::of(document);
    let tree = Tree::of(document, |frame| names.of_frame[frame as usize]);
    let layout = Layout::of(document, metric, &tree, &names);
    Picture { document, metric, names: &names, layout: &layout }.write(out)
}
