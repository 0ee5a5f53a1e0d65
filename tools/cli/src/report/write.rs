//! A report in each of its forms.

use std::io::{self, Write};

use crate::base::{glyphs, terminal};
use crate::dhat_file::Document;

use super::json;
use super::text::report;
use super::view::{Format, TOP, View};

/// Wider lines are hard to follow.
const WIDEST: usize = 160;

/// Writes the report of `document`.
pub(crate) fn write(
    document: &Document,
    format: Format,
    view: &View,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => out.write_all(glyphs::shown(&text(document, view)).as_bytes()),
        Format::Json => json::write(document, view, out),
    }
}

/// Writes every table that `report` has of `document`, in each of its forms. For `tests/fuzz/`.
///
/// # Errors
///
/// If `out` has one.
pub fn in_every_form(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    for whole_stacks in [false, true] {
        let view = View { sort: None, top: Some(TOP.1), whole_stacks };
        write(document, Format::Text, &view, out)?;
        write(document, Format::Json, &view, out)?;
    }
    Ok(())
}

/// The report of `document` for people, with colours.
pub(crate) fn text(document: &Document, view: &View) -> String {
    report(document, view, terminal::width(WIDEST))
}
