//! A report in each of its forms.

use std::io::{self, Write};

use crate::base::folded::folded;
use crate::base::style::{FAINT, Painted};
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
    let width = terminal::width(WIDEST);
    fitted(report(document, view, width), width)
}

/// `text` in lines of at most `width` columns. Where names are cut in it, a last line says where
/// they are whole.
pub(crate) fn fitted(text: String, width: usize) -> String {
    let mut text = folded(&text, width);
    if has_cut_names(&text) {
        let wider = match width < WIDEST {
            true => format!(" COLUMNS={WIDEST} shows more of it,"),
            false => String::new(),
        };
        let line = format!("\n… is the rest of a name:{wider} --format json all.\n");
        text.push_str(&folded(&Painted(FAINT, line).to_string(), width));
    }
    text
}

/// Of a path, its beginning is left out: its end tells the file.
fn has_cut_names(text: &str) -> bool {
    text.match_indices('…').any(|(at, cut)| !text[at + cut.len()..].starts_with('/'))
}
