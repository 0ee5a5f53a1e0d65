//! Growth since a baseline, for people.

use std::fmt::Write;

use super::budget::{Budget, Change, Comparison, Number};
use super::narrow::drawn;
use super::table::{cells, named, table};
use crate::base::style::{HEADING, Painted, STRONG, WARNING};
use crate::test::measured::rows::Row;
use crate::units::{Bytes, Count, Counted};

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
    let floor = |floor| if floor > 0 { format!(" and {}", Bytes(floor)) } else { String::new() };
    let above =
        |budget: &Budget| format!(" by more than {}{}", budget.percent, floor(budget.floor));
    let above = budget.map_or(String::new(), above);
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
    use super::super::table::rows;
    use super::*;
    use crate::test::measured::numbers::Numbers;
    use crate::test::measured::rows::Rows;
    use crate::test::measured::rows::tests::row;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn compare(now: &Rows, before: &Rows) -> Comparison {
        budget::compare(now, &Baseline::of(std::slice::from_ref(before)), Choice::default())
    }

    #[test]
    fn what_grew_is_said_with_both_numbers() {
        let before =
            Rows { rows: vec![row("a", 1000), row("gone", 1)], losses: vec![], ..Rows::default() };
        let now =
            Rows { rows: vec![row("a", 2000), row("new", 1)], losses: vec![], ..Rows::default() };
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
        assert_eq!(
            plain(&rows(&now, None, None, 80)).lines().nth(1).unwrap().matches('?').count(),
            4
        );
        let text = plain(&comparison(&compare(&before, &before), "main", None, 80));
        assert_eq!(text, "Nothing grew since 'main' (2 tests compared)\n");
    }
}
