//! JSON, written piece by piece: a file is never in memory as a whole.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes `text` as a string.
pub(super) fn string(out: &mut dyn Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}

/// Writes a list of numbers, or of `true`, `false` and `null`.
pub(super) fn list(
    out: &mut dyn Write,
    items: impl IntoIterator<Item = impl Display>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(out, "{comma}{item}")?;
    }
    out.write_all(b"]")
}

/// Writes a further column of a table: a list that is named.
pub(super) fn column(
    out: &mut dyn Write,
    name: &str,
    items: impl IntoIterator<Item = impl Display>,
) -> io::Result<()> {
    write!(out, ",\"{name}\":")?;
    list(out, items)
}

/// Writes a list of strings.
pub(super) fn strings<'t>(
    out: &mut dyn Write,
    texts: impl IntoIterator<Item = &'t str>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    for (index, text) in texts.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        string(out, text)?;
    }
    out.write_all(b"]")
}
