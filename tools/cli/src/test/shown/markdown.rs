//! The rows and their comparison as tables for a pull request.

use std::fmt::Write;

use super::budget::{Budget, Comparison};
use super::comparison::{texts_of, titled};
use super::table::{named, shown};
use crate::test::measured::rows::Rows;
use crate::units::Counted;

/// The first `top` tests.
pub(crate) fn rows(rows: &Rows, top: Option<usize>) -> String {
    let several = rows.rows.iter().any(|row| row.binary != rows.rows[0].binary);
    let mut text = head(["test", "blocks", "bytes", "peak", "at end"]);
    for row in rows.rows.iter().take(top.unwrap_or(usize::MAX)) {
        line(&mut text, &named(row, several), &shown(&row.numbers));
    }
    for (part, numbers) in rows.apart_by_part() {
        line(&mut text, part, &shown(&numbers));
    }
    let total = Counted { count: rows.rows.len() as u64, one: "test", many: "tests" };
    line(&mut text, &total.to_string(), &shown(&rows.total()));
    text
}

/// The numbers that grew.
pub(crate) fn comparison(found: &Comparison, name: &str, budget: Option<&Budget>) -> String {
    let (title, changes) = titled(found, name, budget);
    let mut text = format!("{}\n", escaped(&title));
    if !changes.is_empty() {
        text.push('\n');
        text.push_str(&head(["test", "number", "before", "now", "grew"]));
        for change in changes {
            let (name, texts) = texts_of(change);
            line(&mut text, &name, &texts);
        }
    }
    text
}

fn head(titles: [&str; 5]) -> String {
    format!("| {} |\n| :-- | --: | --: | --: | --: |\n", titles.join(" | "))
}

fn line(text: &mut String, name: &str, numbers: &[String; 4]) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "| {} | {} |", escaped(name), numbers.join(" | "));
}

/// A bar would end the cell, and other signs would change the letters.
fn escaped(text: &str) -> String {
    let sign = |character: char| {
        let is_sign = r"\`*_[]<>|~&#".contains(character);
        is_sign.then_some('\\').into_iter().chain([character])
    };
    text.chars().flat_map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::super::budget::{Choice, compare};
    use super::super::spread::Baseline;
    use super::*;
    use crate::test::measured::rows::tests::row;

    #[test]
    fn names_cannot_end_a_cell() {
        let all =
            Rows { rows: vec![row("a|b_c", 3), row("d", 1)], losses: vec![], ..Rows::default() };
        let text = rows(&all, Some(1));
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines, [r"| a\|b\_c | 1 | 3 B | 3 B | - |", "| 2 tests | 2 | 4 B | 3 B | - |"]);
    }

    #[test]
    fn growth_is_a_table_and_its_absence_a_line() {
        let (now, before) = (row("a", 200), row("a", 100));
        let rows = |row| Rows { rows: vec![row], losses: vec![], ..Rows::default() };
        let baseline = Baseline::of(&[rows(before)]);
        let grown = compare(&rows(now.clone()), &baseline, Choice::default());
        let text = comparison(&grown, "main", None);
        assert!(text.contains("| b a | bytes | 100 B | 200 B | +100.0 % |"), "{text}");
        let same = compare(&rows(now.clone()), &Baseline::of(&[rows(now)]), Choice::default());
        assert_eq!(
            comparison(&same, "main", None),
            "Nothing grew since 'main' (1 test compared)\n"
        );
    }
}
