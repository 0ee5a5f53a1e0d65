//! Tables for people.

use std::fmt::Write as _;

use crate::programs::Unit;
use crate::rows::{Numbers, Row, Rows};

/// One workload's table, with a line above that says what it is.
pub(crate) fn text(rows: &Rows) -> String {
    let mut lines = vec![headings(rows.unit)];
    lines.extend(rows.rows.iter().map(|row| cells(rows.unit, row)));
    let mut text =
        format!("\n{} — {} ({} build)\n", rows.workload.name, rows.workload.title, rows.build);
    let columns = lines[0].len();
    let widths: Vec<usize> = (0..columns).map(|column| width(&lines, column)).collect();
    for line in &lines {
        writeln!(text, "{}", aligned(line, &widths).trim_end()).expect("writing to a String");
    }
    text
}

fn headings(unit: Unit) -> Vec<String> {
    let particular: &[&str] = match unit {
        Unit::Pair => &["ns/pair", "added ns"],
        Unit::Pass => &["ms", "added ms", "2nd pass ms"],
        Unit::Shared => &["M events/s", "ns/pair", "added ns"],
        Unit::Instructions => {
            return to_strings(&["allocator", "instructions/pair", "added", "× plain"]);
        }
    };
    let common = ["× plain", "of dhat's added", "peak RSS MiB", "exit ms", "report KiB", "runs"];
    to_strings(&[&["allocator"], particular, &common].concat())
}

fn to_strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn cells(unit: Unit, row: &Row) -> Vec<String> {
    let mut cells = vec![row.allocator.name.to_owned()];
    match &row.numbers {
        Ok(numbers) => {
            cells.extend(particular(unit, numbers));
            if unit != Unit::Instructions {
                cells.extend(common(numbers, row.runs));
            }
        }
        Err(reason) => cells.push(reason.clone()),
    }
    cells
}

fn particular(unit: Unit, numbers: &Numbers) -> Vec<String> {
    let Numbers { median, added, ratio, .. } = numbers;
    let (value, again) = (median.value, median.again);
    match unit {
        Unit::Pair => vec![format!("{value:.1}"), format!("{added:.1}")],
        Unit::Pass => {
            let again = if again > 0.0 { format!("{:.0}", again / 1e6) } else { "-".to_owned() };
            vec![format!("{:.0}", value / 1e6), format!("{:.0}", added / 1e6), again]
        }
        // A pair is two events.
        Unit::Shared => {
            vec![format!("{:.2}", 2e3 / value), format!("{value:.1}"), format!("{added:.1}")]
        }
        Unit::Instructions => {
            vec![format!("{value:.1}"), format!("{added:.1}"), format!("{ratio:.2}")]
        }
    }
}

fn common(numbers: &Numbers, runs: usize) -> Vec<String> {
    let Numbers { median, ratio, of_dhat, .. } = numbers;
    vec![
        format!("{ratio:.2}"),
        share(*of_dhat),
        format!("{:.1}", median.resident_kib / 1024.0),
        format!("{:.1}", median.exit_millis),
        format!("{:.1}", median.report_bytes / 1024.0),
        runs.to_string(),
    ]
}

/// A fraction with numerator 1; there is none for plain, or for what costs nothing measurable.
fn share(of_dhat: Option<f64>) -> String {
    match of_dhat {
        Some(share) if share > 0.0 => format!("1/{:.1}", 1.0 / share),
        _ => "-".to_owned(),
    }
}

/// The widest cell of a column. A reason why there are no numbers stands in
/// the second column and may run on over the others.
fn width(lines: &[Vec<String>], column: usize) -> usize {
    let whole = lines.iter().filter(|line| line.len() == lines[0].len());
    whole
        .map(|line| line[column].chars().count())
        .chain([if column == 0 { 16 } else { 0 }])
        .max()
        .unwrap_or(0)
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    let mut text = format!("  {:<1$}", line[0], widths[0]);
    for (cell, width) in line[1..].iter().zip(&widths[1..]) {
        write!(text, "  {cell:>width$}").expect("writing to a String");
    }
    text
}
