//! The rows for people.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::budget::{Budget, Change, Comparison, Number};
use super::narrow::drawn;
use crate::base::style::{FAINT, HEADING, Painted, STRONG, WARNING};
use crate::test::measured::numbers::Numbers;
use crate::test::measured::results::TestResult;
use crate::test::measured::rows::{Row, Rows};
use crate::test::measured::workspace::Kind;
use crate::units::{Bytes, Count, Counted};

/// A row for each of the first `top` tests that allocated, or is remarkable otherwise; a line for
/// the others, and the total.
pub(crate) fn rows(rows: &Rows, top: Option<usize>, width: u16) -> String {
    let several = rows.rows.iter().any(|row| row.binary != rows.rows[0].binary);
    let mut table = table(width, &["test", "blocks", "bytes", "peak", "at end"]);
    let (none, some): (Vec<_>, Vec<_>) = rows.rows.iter().partition(|row| is_folded(row));
    let top = top.unwrap_or(usize::MAX).min(some.len());
    for row in &some[..top] {
        table.add_row(cells(named(row, several), shown(&row.numbers)));
    }
    let more = [(some.len() - top, "more below these"), (none.len(), "without allocations")];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        let tests = Counted { count: count as u64, one: "test", many: "tests" };
        table.add_row(cells(format!("… {tests} {what}"), [""; 4].map(String::from)));
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
    painted(&table)
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

fn table(width: u16, titles: &[&str]) -> Table {
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

fn cells<const N: usize>(name: String, numbers: [String; N]) -> Vec<Cell> {
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
            _ if line.contains(" ignored") => writeln!(out, "{}", Painted(FAINT, line)),
            _ => writeln!(out, "{line}"),
        };
    }
    out
}

/// The tests that grew, are new, or are gone.
pub(crate) fn comparison(
    comparison: &Comparison,
    name: &str,
    budget: Option<&Budget>,
    width: u16,
) -> String {
    let (title, changes) = titled(comparison, name, budget);
    let mut text = String::new();
    if changes.is_empty() {
        let _ = writeln!(text, "{title}");
    } else {
        let _ = writeln!(text, "{}", Painted(STRONG, title));
        text.push_str(&grown(&changes, width));
    }
    let keys = |rows: &[Row]| rows.iter().map(Row::key).collect::<Vec<_>>();
    for (title, tests) in [
        (format!("New since '{name}'"), keys(&comparison.new)),
        (format!("Gone since '{name}'"), comparison.gone.clone()),
        ("Not measured".to_owned(), keys(&comparison.unknown)),
    ] {
        if !tests.is_empty() {
            let _ = writeln!(text, "{title}, not compared:");
        }
        for (binary, _, test) in tests {
            let _ = writeln!(text, "  {binary} {test}");
        }
    }
    text
}

/// The changes that count, and their title.
pub(super) fn titled<'c>(
    comparison: &'c Comparison,
    name: &str,
    budget: Option<&Budget>,
) -> (String, Vec<&'c Change>) {
    let changes = match budget {
        Some(budget) => comparison.above(budget),
        None => comparison.grown.iter().collect(),
    };
    let above = budget.map_or(String::new(), |budget| format!(" by more than {}", budget.percent));
    let tests = Counted { count: comparison.compared as u64, one: "test", many: "tests" };
    let grew = if changes.is_empty() { "Nothing grew" } else { "Grown" };
    (format!("{grew}{above} since '{name}' ({tests} compared)"), changes)
}

/// The test, its number, the number before and now, and its growth.
pub(super) fn texts_of(change: &Change) -> (String, [String; 4]) {
    let name = change.test.as_ref().map_or("total".to_owned(), |row| named(row, true));
    let size = |number: u64| match change.number {
        Number::Blocks => Count(number).to_string(),
        _ => Bytes(number).to_string(),
    };
    let percent = change.percent();
    let grew = if percent.is_finite() { format!("+{percent:.1} %") } else { "from nothing".into() };
    let what = change.number.name().to_owned();
    (name, [what, size(change.before), size(change.now), grew])
}

fn grown(changes: &[&Change], width: u16) -> String {
    let mut table = table(width, &["test", "what", "before", "now", "grew"]);
    for change in changes {
        let (name, texts) = texts_of(change);
        table.add_row(cells(name, texts));
    }
    let text = drawn(&table);
    let mut out = String::new();
    for (index, line) in text.lines().map(str::trim_end).enumerate() {
        let style = if index == 0 { HEADING } else { WARNING };
        let _ = writeln!(out, "{}", Painted(style, line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::budget::{self, Choice};
    use super::super::spread::Baseline;
    use super::*;
    use crate::test::measured::rows::tests::row;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn compare(now: &Rows, before: &Rows) -> Comparison {
        budget::compare(now, &Baseline::of(std::slice::from_ref(before)), Choice::default())
    }

    #[test]
    fn the_first_tests_are_shown_and_those_without_allocations_folded() {
        let mut all = Rows { rows: ["a", "b", "c", "d"].map(|n| row(n, 1)).into(), losses: vec![] };
        all.rows[3].numbers = Numbers::default();
        let lines = |top| {
            let text = plain(&rows(&all, top, 80));
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
        assert!(plain(&rows(&all, None, 80)).contains("d FAILED"));
    }

    fn many() -> Rows {
        let mut long = row(&"module::".repeat(20), 123_456_789);
        long.numbers.blocks = 12_345_678;
        (long.numbers.end_blocks, long.numbers.end_bytes) = (1000, 5000);
        let mut failed = row("tests::bad", 0);
        failed.result = TestResult::Failed;
        Rows { rows: vec![long, failed], losses: vec![] }
    }

    #[test]
    fn every_line_fits_and_numbers_stay_whole() {
        for width in [40, 60, 80, 120] {
            let text = plain(&rows(&many(), None, width));
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
        let text = plain(&rows(&many(), None, 120));
        assert!(text.contains("tests::bad FAILED"), "{text}");
        assert!(text.lines().last().unwrap().starts_with("2 tests"), "{text}");
        assert!(plain(&rows(&Rows::default(), None, 80)).contains("0 tests"));
    }

    #[test]
    fn programs_are_named_where_there_are_several() {
        let mut all = many();
        assert!(!plain(&rows(&all, None, 120)).contains("b tests::bad"));
        all.rows[0].binary = "other".into();
        assert!(plain(&rows(&all, None, 120)).contains("b tests::bad"));
        all.rows[1].kind = Kind::Doc;
        assert!(plain(&rows(&all, None, 120)).contains("doc tests::bad"));
    }

    #[test]
    fn what_grew_is_said_with_both_numbers() {
        let before = Rows { rows: vec![row("a", 1000), row("gone", 1)], losses: vec![] };
        let now = Rows { rows: vec![row("a", 2000), row("new", 1)], losses: vec![] };
        let found = compare(&now, &before);
        let budget = Budget { percent: crate::units::Percent(5.0), floor: 0, on: vec![] };
        let text = plain(&comparison(&found, "main", Some(&budget), 80));
        assert!(
            text.starts_with("Grown by more than 5 % since 'main' (1 test compared)"),
            "{text}"
        );
        assert!(text.contains("1000 B") && text.contains("1.95 KiB") && text.contains("+100.0 %"));
        assert!(text.contains("New since 'main', not compared:\n  b new\n"), "{text}");
        assert!(text.contains("Gone since 'main', not compared:\n  b gone\n"), "{text}");
        let mut now = before.clone();
        now.rows[0].numbers = Numbers::UNKNOWN;
        let text = plain(&comparison(&compare(&now, &before), "main", None, 80));
        assert!(text.contains("Not measured, not compared:\n  b a\n"), "{text}");
        assert_eq!(plain(&rows(&now, None, 80)).lines().nth(1).unwrap().matches('?').count(), 4);
        let text = plain(&comparison(&compare(&before, &before), "main", None, 80));
        assert_eq!(text, "Nothing grew since 'main' (2 tests compared)\n");
    }
}
