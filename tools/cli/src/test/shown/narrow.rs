//! A table in a window that has no room for its columns: each name in a line of its own, and its
//! numbers below it.

use comfy_table::{Cell, Table};

use crate::base::folded::folded;

/// Columns that names have at least beside their numbers.
const NAME: usize = 20;

/// The table as it fits into its width.
pub(super) fn drawn(table: &Table) -> String {
    let width = table.width().map_or(usize::MAX, usize::from);
    let widest = |column| {
        let cells = table.column_cells_with_header_iter(column).flatten();
        cells.map(|cell| cell.content().chars().count()).max().unwrap_or(0)
    };
    let columns = table.column_iter().count();
    let numbers: usize = (1..columns).map(|column| widest(column) + 2).sum();
    if widest(0).min(NAME) + numbers <= width { table.to_string() } else { listed(table, width) }
}

fn listed(table: &Table, width: usize) -> String {
    let titles: Vec<_> = table.header().into_iter().flat_map(|row| row.cell_iter()).collect();
    let mut text = String::new();
    if let Some((name, numbers)) = titles.split_first() {
        let numbers: Vec<_> = numbers.iter().map(|title| title.content()).collect();
        text.push_str(&folded(&format!("{}: {}\n", name.content(), numbers.join(", ")), width));
    }
    for row in table.row_iter() {
        let mut cells = row.cell_iter();
        let name: Vec<char> = cells.next().map(Cell::content).unwrap_or_default().chars().collect();
        for part in name.chunks(width) {
            text.extend(part);
            text.push('\n');
        }
        let numbers: Vec<_> = titles
            .iter()
            .skip(1)
            .zip(cells)
            .filter(|(_, cell)| !cell.content().is_empty())
            .map(|(title, cell)| format!("{} {}", title.content(), cell.content()))
            .collect();
        if !numbers.is_empty() {
            text.push_str(&folded(&format!("  {}\n", numbers.join(", ")), width));
        }
    }
    text
}
