//! The text as far as it is written, and amounts in the document's units.

use std::collections::HashMap;

use crate::dhat_file::{Document, Numbers, Units};
use crate::report::rows::Part;
use crate::report::view::View;
use crate::units::{Bytes, Count, Micros, blocks};

/// A report that is being written.
pub(super) struct Report<'d> {
    pub(super) document: &'d Document,
    pub(super) totals: Numbers,
    pub(super) view: &'d View<'d>,
    pub(super) width: usize,
    /// The current folder, with a `/`: paths in it are shown from there.
    pub(super) here: String,
    pub(super) text: String,
    /// The rows that have been shown.
    pub(super) numbers: HashMap<Vec<Part>, usize>,
    /// Their callers, as they were shown last.
    pub(super) callers: HashMap<Vec<Part>, String>,
}

/// Adds a line as `format!` makes it. Writing to a string does not fail.
macro_rules! line {
    ($report:ident, $($text:tt)*) => {{ let _ = writeln!($report.text, $($text)*); }};
}
pub(super) use line;

impl<'d> Report<'d> {
    pub(super) fn new(document: &'d Document, view: &'d View<'d>, width: usize) -> Self {
        Self {
            document,
            totals: document.totals(),
            view,
            width,
            here: current_folder(),
            text: String::new(),
            numbers: HashMap::new(),
            callers: HashMap::new(),
        }
    }

    pub(super) fn size(&self, bytes: u64) -> String {
        match &self.document.units {
            None => Bytes(bytes).to_string(),
            Some(_) => Count(bytes).to_string(),
        }
    }

    pub(super) fn blocks(&self, count: u64) -> String {
        match &self.document.units {
            None => blocks(count).to_string(),
            Some(Units { blocks, .. }) => format!("{} {blocks}", Count(count)),
        }
    }

    /// A time in units that people know, if the document's is one.
    pub(super) fn time(&self, time: f64) -> String {
        match self.document.micros() {
            Some(micros) => Micros(time * micros).to_string(),
            None => {
                let unit = &self.document.time_unit;
                if time < 10.0 {
                    format!("{time:.1} {unit}")
                } else {
                    format!("{} {unit}", Count(time as u64))
                }
            }
        }
    }
}

/// The current folder, with a `/`.
pub(crate) fn current_folder() -> String {
    let folder = std::env::current_dir().unwrap_or_default();
    format!("{}/", folder.to_string_lossy().trim_end_matches('/'))
}
