//! The rows of which a number changed, in four lists.

use std::cmp::Reverse;

use crate::dhat_file::Document;
use crate::report::Sort;
use crate::units::{Bytes, Count};

use super::compare::{Comparison, Row};

/// The rows whose number changed, the largest change first. Rows that are in one report alone have
/// a list of their own.
#[derive(Debug)]
pub(super) struct Changes<'c, 'd> {
    pub(super) grew: Vec<&'c Row<'d>>,
    pub(super) new: Vec<&'c Row<'d>>,
    pub(super) shrank: Vec<&'c Row<'d>>,
    pub(super) gone: Vec<&'c Row<'d>>,
}

impl<'c, 'd> Changes<'c, 'd> {
    pub(super) fn by(sort: Sort, comparison: &'c Comparison<'d>) -> Self {
        let mut changed: Vec<_> =
            comparison.rows.iter().filter(|row| row.change(sort) != 0).collect();
        // Equal ones in the order of the reports, so that the same files give the same text.
        changed.sort_by_key(|row| Reverse(row.change(sort).unsigned_abs()));
        let of = |belongs: fn(&Row<'_>, i128) -> bool| -> Vec<&'c Row<'d>> {
            changed.iter().copied().filter(|row| belongs(row, row.change(sort))).collect()
        };
        Self {
            grew: of(|row, change| change > 0 && row.before.stacks > 0),
            new: of(|row, _| row.before.stacks == 0),
            shrank: of(|row, change| change < 0 && row.after.stacks > 0),
            gone: of(|row, _| row.after.stacks == 0),
        }
    }
}

impl Row<'_> {
    /// The growth of the number; negative if it became less.
    pub(super) fn change(&self, sort: Sort) -> i128 {
        i128::from(self.after.number(sort)) - i128::from(self.before.number(sort))
    }
}

impl Comparison<'_> {
    /// No number of any row changed, nor a row came or went.
    pub(super) fn is_empty(&self) -> bool {
        let known = |sort: &Sort| self.is_known(*sort);
        let sorts: Vec<_> = Sort::ALL.into_iter().filter(known).collect();
        self.rows.iter().all(|row| sorts.iter().all(|&sort| row.change(sort) == 0))
    }

    /// Both documents have the number.
    pub(super) fn is_known(&self, sort: Sort) -> bool {
        self.documents.iter().all(|document| sort.is_known(document))
    }

    pub(super) fn before(&self, sort: Sort) -> u64 {
        self.totals[0].number(sort)
    }

    pub(super) fn after(&self, sort: Sort) -> u64 {
        self.totals[1].number(sort)
    }
}

/// The growth in percent, negative if it became less; `None` from nothing.
pub(super) fn percent(before: u64, after: u64) -> Option<f64> {
    (before > 0).then(|| (after as f64 - before as f64) * 100.0 / before as f64)
}

/// An amount of what is sorted by, in the document's units: `12.3 MiB`, `1,234`.
pub(super) fn amount(sort: Sort, document: &Document, number: i128) -> String {
    if sort.counts_bytes() && document.units.is_none() {
        Bytes(number).to_string()
    } else {
        Count(number).to_string()
    }
}

/// The amount with a sign.
pub(super) fn signed(sort: Sort, document: &Document, number: i128) -> String {
    let sign = if number > 0 { "+" } else { "" };
    format!("{sign}{}", amount(sort, document, number))
}
