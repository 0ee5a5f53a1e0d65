//! The part of a document that a report shows, and in which form.

use crate::dhat_file::Document;

use super::pattern::Pattern;
use super::select::Selected;
use super::sort::Sort;
use super::suppress::Suppressed;
use super::tree::Shape;

/// Rows of each of several tables, and of a single one.
pub(super) const TOP: (usize, usize) = (5, 20);

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs: exact numbers
    Json,
}

/// The tables that a report has.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Tables {
    /// Those of sites, and all others.
    #[default]
    Sites,
    /// `--tree`
    Tree(Shape),
    /// `--threads`
    Threads,
}

/// The shown part of a document.
#[derive(Debug, Clone, Default)]
pub(crate) struct View<'v> {
    pub(crate) sort: Option<Sort>,
    pub(crate) top: Option<usize>,
    pub(crate) whole_stacks: bool,
    pub(crate) tables: Tables,
    /// Functions that are wrappers besides those that are recognised.
    pub(crate) wrappers: Vec<Pattern>,
    /// Facts of the selection, if the document is of some stacks alone.
    pub(crate) selected: Option<&'v Selected>,
    /// The blocks at the end that are not shown, if anything is known of the end.
    pub(crate) suppressed: Option<&'v Suppressed>,
}

impl View<'_> {
    pub(super) fn sorts(&self, document: &Document) -> Vec<Sort> {
        let wanted = |sort: &Sort| self.sort.is_none_or(|only| only == *sort);
        let all = Sort::ALL.into_iter();
        all.filter(wanted).filter(|sort| sort.is_known(document)).collect()
    }

    pub(super) fn top(&self) -> usize {
        self.top.unwrap_or(if self.sort.is_some() { TOP.1 } else { TOP.0 })
    }
}
