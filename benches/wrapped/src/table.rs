//! Tables for people.

use std::fmt::Write as _;

use crate::rows::{Row, Rows};

/// One workload's table, with a line above that says what it is.
pub(crate) fn text(rows: &Rows) -> String {
    let mut lines = vec![headings(rows)];
    lines.extend(rows.rows.iter().map(|row| cells(rows, row)));
    let mut text = format!("\n{} — {}\n", rows.workload.name, rows.workload.title);
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{}", aligned(line, &widths).trim_end());
    }
    text
}

/// The first column to the left, numbers to the right.
fn aligned(line: &[String], widths: &[usize]) -> String {
    let cell = |(index, (cell, &width)): (usize, (&String, &usize))| match index {
        0 => format!("{cell:<width$}"),
        _ => format!("  {cell:>width$}"),
    };
    line.iter().zip(widths).enumerate().map(cell).collect()
}

fn headings(rows: &Rows) -> Vec<String> {
    let value: &[&str] = if rows.workload.is_loop() {
        &["ns/pair", "added", "added/event", "× plain", "of heaptrack's", "of raw heaptrack's"]
    } else {
        &["ms", "added ms", "× plain", "of heaptrack's added"]
    };
    let rest = ["peak MiB", "× plain's", "output KiB", "runs"];
    [&["profiler"], value, &rest[..]].concat().into_iter().map(str::to_owned).collect()
}

fn cells(rows: &Rows, row: &Row) -> Vec<String> {
    let added = rows.added(row);
    let part = |peer| rows.part_of(peer, row).map_or("-".to_owned(), |part| format!("{part:.3}"));
    let mut cells = vec![row.profiler.to_owned()];
    let times = format!("{:.2}", rows.times_plain(row));
    if rows.workload.is_loop() {
        cells.extend([format!("{:.1}", row.value), format!("{added:.1}")]);
        cells.extend([format!("{:.1}", added / 2.0), times]);
        cells.extend([part("heaptrack"), part("heaptrack-raw")]);
    } else {
        cells.extend([format!("{:.0}", row.value / 1e6), format!("{:.0}", added / 1e6)]);
        cells.extend([times, part("heaptrack")]);
    }
    cells.push(format!("{:.1}", row.peak as f64 / 1_048_576.0));
    cells.push(format!("{:.2}", rows.memory_times_plain(row)));
    cells.push(format!("{:.0}", row.written / 1024.0));
    cells.push(row.runs.to_string());
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::rows;

    fn lines(text: &str) -> Vec<Vec<&str>> {
        text.lines()
            .skip(1)
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect()
    }

    #[test]
    fn a_program_is_in_milliseconds() {
        let text = text(&rows("sqlite3", &[&[100], &[120], &[200]]));
        let lines = lines(&text);
        assert!(text.starts_with("\nsqlite3 — "));
        assert_eq!(lines[1][..4], ["profiler", "ms", "added ms", "× plain"]);
        assert_eq!(lines[2], ["plain", "100", "0", "1.00", "0.000", "10.0", "1.00", "2", "1"]);
        assert_eq!(lines[3], ["mod-alloc", "120", "20", "1.20", "0.200", "20.0", "2.00", "2", "1"]);
    }

    #[test]
    fn a_loop_is_in_nanoseconds_of_a_pair_and_of_an_event() {
        let text = text(&rows("loop-deep32", &[&[10], &[50], &[410], &[210]]));
        let expected = [
            "mod-alloc",
            "50.0",
            "40.0",
            "20.0",
            "5.00",
            "0.100",
            "0.200",
            "20.0",
            "2.00",
            "2",
            "1",
        ];
        assert_eq!(lines(&text)[3], expected);
    }
}
