//! All workloads in one table: what mod-alloc adds beside what the others add.

use crate::programs::{FRAME_POINTERS, Unit};
use crate::rows::{Numbers, Rows};
use crate::table::{fraction, grid, or_dash, share};

const HEADINGS: [&str; 10] = [
    "workload",
    "plain",
    "+ mod-alloc",
    "+ counters",
    "+ dhat",
    "of dhat's",
    "fp: plain",
    "+ mod-alloc",
    "+ mod-alloc-1",
    "of mod-alloc-1's",
];

/// A line per workload: first as everybody builds, then (`fp`) with frame pointers. Milliseconds
/// for whole programs, otherwise nanoseconds, or instructions if that is what was counted.
pub(crate) fn text(results: &[&Rows]) -> String {
    let mut lines = vec![HEADINGS.map(str::to_owned).to_vec()];
    for rows in results {
        let name = rows.workload.name;
        if lines.iter().all(|line| line[0] != name) {
            let in_build = |with_frame_pointers: bool| {
                results.iter().copied().find(|rows| {
                    rows.workload.name == name
                        && (rows.build == FRAME_POINTERS) == with_frame_pointers
                })
            };
            lines.push(line(name, rows.unit, in_build(false), in_build(true)));
        }
    }
    grid("all — what each adds, per pair or pass", &lines)
}

fn line(name: &str, unit: Unit, usual: Option<&Rows>, fp: Option<&Rows>) -> Vec<String> {
    let cell = |rows: Option<&Rows>, allocator: &str, number: fn(&Numbers) -> f64| {
        or_dash(rows.and_then(|rows| rows.numbers_of(allocator)).map(|n| in_unit(unit, number(n))))
    };
    let value = |rows| cell(rows, "plain", |numbers| numbers.median.value);
    let added = |rows, allocator| cell(rows, allocator, |numbers| numbers.added);
    let ours = |rows: Option<&Rows>, part: fn(&Numbers) -> Option<f64>| {
        rows.and_then(|rows| rows.numbers_of("mod-alloc")).and_then(part)
    };
    vec![
        name.to_owned(),
        value(usual),
        added(usual, "mod-alloc"),
        added(usual, "counters"),
        added(usual, "dhat"),
        fraction(ours(usual, |numbers| numbers.of_dhat)),
        value(fp),
        added(fp, "mod-alloc"),
        added(fp, "mod-alloc-1"),
        share(ours(fp, |numbers| numbers.of_mod_alloc_1)),
    ]
}

fn in_unit(unit: Unit, number: f64) -> String {
    if unit == Unit::Pass { format!("{:.0} ms", number / 1e6) } else { format!("{number:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::rows;

    #[test]
    fn a_line_has_both_builds() {
        let usual = rows(
            "default",
            "shallow",
            &[("plain", &[10.0]), ("mod-alloc", &[60.0]), ("dhat", &[1_010.0])],
        );
        let fp = rows(
            "frame-pointers",
            "shallow",
            &[("plain", &[12.0]), ("mod-alloc", &[52.0]), ("mod-alloc-1", &[92.0])],
        );
        let pass = rows("default", "json", &[("plain", &[5e6]), ("mod-alloc", &[8e6])]);
        let text = text(&[&usual, &pass, &fp]);
        let words =
            |line: usize| text.lines().nth(line).unwrap().split_whitespace().collect::<Vec<_>>();
        let shallow =
            ["shallow", "10.0", "50.0", "-", "1000.0", "1/20.0", "12.0", "40.0", "80.0", "0.50"];
        assert_eq!(words(3), shallow);
        assert_eq!(words(4)[..5], ["json", "5", "ms", "3", "ms"]);
        assert_eq!(text.lines().count(), 5);
    }
}
