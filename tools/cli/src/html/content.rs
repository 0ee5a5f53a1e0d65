//! The content of a page, and the way from it to the page.

use std::io::{self, Write};

use crate::dhat_file::Document;

use super::names::Names;
use super::tree::Tree;
use super::{columns, head, page, source};

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
    let names = Names::of(&documents);
    let tree = Tree::of(&documents, &names);
    let sources = if options.source { source::lines(&names, &tree) } else { Vec::new() };
    page::write(out, &head::json(&documents, &tree, options.metric), |out| {
        columns::write(&names, &tree, &sources, out)
    })
}
