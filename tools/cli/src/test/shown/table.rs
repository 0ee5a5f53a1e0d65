//! The rows for people.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::narrow::drawn;
use super::spread::Baseline;
use crate::base::style::{FAINT, HEADING, Painted, STRONG, WARNING};
use crate::test::measured::apart::Apart;
use crate::test::measured::numbers::Numbers;
use crate::test::measured::results::TestResult;
use crate::test::measured::rows::{Row, Rows};
use crate::test::measured::workspace::Kind;
use crate::units::{Bytes, Count, Counted};

/// A row for each of the first `top` tests that allocated, or is remarkable otherwise; a line for
/// the others, and the total. Numbers that differ from run to run are marked, by the runs in
/// `spread`.
pub(crate) fn rows(
    rows: &Rows,
    top: Option<usize>,
    spread: Option<&Baseline>,
    width: u16,
) -> String {
    let several = rows.rows.iter().any(|row| row.binary != rows.rows[0].binary);
    let mut table = table(width, &["test", "blocks", "bytes", "peak", "at end"]);
    let (none, some): (Vec<_>, Vec<_>) = rows.rows.iter().partition(|row| is_folded(row));
    let top = top.unwrap_or(usize::MAX).min(some.len());
    for row in &some[..top] {
        table.add_row(cells(named(row, several), marked(row, spread)));
    }
    let more = [(some.len() - top, "more below these"), (none.len(), "without allocations")];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        let tests = Counted { count: count as u64, one: "test", many: "tests" };
        table.add_row(cells(format!("… {tests} {what}"), [""; 4].map(String::from)));
    }
    for (part, numbers) in rows.apart_by_part() {
        table.add_row(cells(part.to_owned(), shown(&numbers)));
    }
    let total = rows.total();
    let tests = Counted { count: rows.rows.len() as u64, one: "test", many: "tests" };
    table.add_row(cells(
        tests.to_string(),
        [
            Count(total.blocks).to_string(),
            Bytes(total.bytes).to_string(),
            format!("{} max", Bytes(total.peak_bytes)),
            live(total.end_bytes, total.end_blocks),
        ],
    ));
    let text = painted(&table);
    if text.contains(VARIES) {
        return format!("{text}{VARIES} differs from run to run\n");
    }
    text
}

/// Stands before a number that differs from run to run.
const VARIES: char = '~';

fn marked(row: &Row, spread: Option<&Baseline>) -> [String; 4] {
    let varying = spread.map_or([false; 4], |spread| spread.varying(&row.key()));
    let mut texts = shown(&row.numbers);
    for (text, _) in texts.iter_mut().zip(varying).filter(|(_, varies)| *varies) {
        text.insert(0, VARIES);
    }
    texts
}

/// A test that passed and allocated nothing.
fn is_folded(row: &Row) -> bool {
    row.result == TestResult::Ok && !row.numbers.is_unknown && row.numbers.blocks == 0
}

pub(super) fn shown(numbers: &Numbers) -> [String; 4] {
    if numbers.is_unknown {
        return std::array::from_fn(|_| "?".to_owned());
    }
    [
        Count(numbers.blocks).to_string(),
        Bytes(numbers.bytes).to_string(),
        Bytes(numbers.peak_bytes).to_string(),
        live(numbers.end_bytes, numbers.end_blocks),
    ]
}

fn live(bytes: u64, blocks: u64) -> String {
    if blocks == 0 { "-".into() } else { format!("{} in {}", Bytes(bytes), Count(blocks)) }
}

/// The test, with its program's name where there are several, and what became of it.
pub(super) fn named(row: &Row, several: bool) -> String {
    let mut name = row.name.clone();
    // Doc tests and programs that are one test say where they are from.
    if several && row.binary.rsplit("::").next() == Some(&row.name) {
        name.clone_from(&row.binary);
    } else if several {
        let binary = if row.kind == Kind::Doc { "doc" } else { &row.binary };
        name = format!("{binary} {name}");
    }
    match row.result {
        TestResult::Ok => name,
        TestResult::Failed => format!("{name} FAILED"),
        TestResult::Ignored => format!("{name} ignored"),
    }
}

pub(super) fn table(width: u16, titles: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_width(width);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(
        titles
            .iter()
            .enumerate()
            .map(|(index, title)| Cell::new(title).set_alignment(alignment(index))),
    );
    for (index, column) in table.column_iter_mut().enumerate() {
        if index == 0 {
            column.set_padding((0, 0));
        } else {
            column.set_padding((2, 0)).set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn alignment(column: usize) -> CellAlignment {
    if column == 0 { CellAlignment::Left } else { CellAlignment::Right }
}

pub(super) fn cells<const N: usize>(name: String, numbers: [String; N]) -> Vec<Cell> {
    let texts = std::iter::once(name).chain(numbers).enumerate();
    texts.map(|(index, text)| Cell::new(text).set_alignment(alignment(index))).collect()
}

/// The first line is titles, the last the total.
fn painted(table: &Table) -> String {
    let text = drawn(table);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let last = lines.len().saturating_sub(1);
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        // Writing to a string does not fail.
        let _ = match index {
            0 => writeln!(out, "{}", Painted(HEADING, line)),
            index if index == last => writeln!(out, "{}", Painted(STRONG, line)),
            _ if line.contains(" FAILED") => writeln!(out, "{}", Painted(WARNING, line)),
            _ if line.contains(" ignored") || is_apart(line) => {
                writeln!(out, "{}", Painted(FAINT, line))
            }
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

fn is_apart(line: &str) -> bool {
    Apart::ALL.iter().any(|part| line.contains(part.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::tests::row;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_first_tests_are_shown_and_those_without_allocations_folded() {
        let mut all = Rows {
            rows: ["a", "b", "c", "d"].map(|n| row(n, 1)).into(),
            losses: vec![],
            ..Rows::default()
        };
        all.rows[3].numbers = Numbers::default();
        let lines = |top| {
            let text = plain(&rows(&all, top, None, 80));
            text.lines().skip(1).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(lines(None).len(), 5);
        assert_eq!(lines(None)[3], "… 1 test without allocations");
        assert_eq!(
            lines(Some(1))[1..3],
            ["… 2 tests more below these", "… 1 test without allocations"]
        );
        assert!(lines(Some(1))[3].starts_with("4 tests"));
        all.rows[3].result = TestResult::Failed;
        assert!(plain(&rows(&all, None, None, 80)).contains("d FAILED"));
    }

    #[test]
    fn numbers_that_differ_from_run_to_run_are_marked() {
        let run = |bytes| Rows { rows: vec![row("a", bytes), row("b", 5)], ..Rows::default() };
        let spread = Baseline::of(&[run(2000), run(3000)]);
        let text = plain(&rows(&run(2000), None, Some(&spread), 80));
        assert!(text.contains(" ~1.95 KiB") && text.ends_with("~ differs from run to run\n"));
        assert_eq!(text.matches('~').count(), 3, "bytes and peak: {text}");
        assert!(!plain(&rows(&run(1), None, None, 80)).contains('~'));
    }

    fn many() -> Rows {
        let mut long = row(&"module::".repeat(20), 123_456_789);
        long.numbers.blocks = 12_345_678;
        (long.numbers.end_blocks, long.numbers.end_bytes) = (1000, 5000);
        let mut failed = row("tests::bad", 0);
        failed.result = TestResult::Failed;
        Rows { rows: vec![long, failed], losses: vec![], ..Rows::default() }
    }

    #[test]
    fn every_line_fits_and_numbers_stay_whole() {
        for width in [40, 60, 80, 120] {
            let text = plain(&rows(&many(), None, None, width));
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.into(), "{widest} of {width}:\n{text}");
            assert!(text.contains("118 MiB max") && text.contains("4.88 KiB in 1,000"), "{text}");
            assert!(text.contains("12,345,678"));
            let names: String = text.split_whitespace().collect();
            // Elsewhere its parts have numbers between them.
            let is_whole = width > 60 || names.matches("module::").count() == 20;
            assert!(is_whole, "{text}");
        }
    }

    #[test]
    fn a_row_says_what_became_of_the_test() {
        let text = plain(&rows(&many(), None, None, 120));
        assert!(text.contains("tests::bad FAILED"), "{text}");
        assert!(text.lines().last().unwrap().starts_with("2 tests"), "{text}");
        assert!(plain(&rows(&Rows::default(), None, None, 80)).contains("0 tests"));
    }

    #[test]
    fn programs_are_named_where_there_are_several() {
        let mut all = many();
        assert!(!plain(&rows(&all, None, None, 120)).contains("b tests::bad"));
        all.rows[0].binary = "other".into();
        assert!(plain(&rows(&all, None, None, 120)).contains("b tests::bad"));
        all.rows[1].kind = Kind::Doc;
        assert!(plain(&rows(&all, None, None, 120)).contains("doc tests::bad"));
    }
}
