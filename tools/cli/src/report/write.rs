//! A report in each of its forms.

use std::io::{self, Write};

use crate::base::folded::folded;
use crate::base::style::{FAINT, Painted};
use crate::base::{glyphs, terminal};
use crate::dhat_file::Document;
use crate::units::Percent;

use super::json;
use super::suppress::Suppressions;
use super::text::report;
use super::tree::Shape;
use super::view::{Format, TOP, Tables, View};

/// Wider lines are hard to follow.
const WIDEST: usize = 160;
/// Columns of a tree, whose branches take room.
const WIDEST_TREE: usize = 200;

/// Writes the report of `document`.
pub(crate) fn write(
    document: &Document,
    format: Format,
    view: &View<'_>,
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
    let mut shown = document.clone();
    let suppressed = Suppressions::default().apply(&mut shown);
    let tree = |inverted| Tables::Tree(Shape { inverted, least: Percent(1.0) });
    let tables = [Tables::Sites, Tables::Threads, tree(false), tree(true)];
    for (tables, whole_stacks) in tables.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        let (top, suppressed) = (Some(TOP.1), suppressed.as_ref());
        let view = View { top, whole_stacks, tables, suppressed, ..View::default() };
        write(&shown, Format::Text, &view, out)?;
        write(&shown, Format::Json, &view, out)?;
    }
    Ok(())
}

/// The report of `document` for people, with colours.
pub(crate) fn text(document: &Document, view: &View<'_>) -> String {
    let widest = if let Tables::Tree(_) = view.tables { WIDEST_TREE } else { WIDEST };
    let width = terminal::width(widest);
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
