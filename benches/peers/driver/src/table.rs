//! Tables for people.

use std::fmt::Write as _;

use crate::memory::{Memory, PRICES, Price};
use crate::programs::Unit;
use crate::rows::{Numbers, Row, Rows};

/// One workload's table, with a line above that says what it is.
pub(crate) fn text(rows: &Rows) -> String {
    let columns = columns(rows);
    let mut lines = vec![vec!["allocator".to_owned()]];
    lines[0].extend(columns.iter().map(|column| column.heading.to_owned()));
    lines.extend(rows.rows.iter().map(|row| cells(&columns, row)));
    let title = format!("{} — {} ({} build)", rows.workload.name, rows.workload.title, rows.build);
    grid(&title, &lines)
}

/// A title and below it lines of cells, the first line being the headings.
pub(crate) fn grid(title: &str, lines: &[Vec<String>]) -> String {
    let mut text = format!("\n{title}\n");
    let widths: Vec<usize> = (0..lines[0].len()).map(|column| width(lines, column)).collect();
    for line in lines {
        writeln!(text, "{}", aligned(line, &widths).trim_end()).expect("writing to a String");
    }
    text
}

/// What everything costs in memory; plain, from which all is counted, costs nothing.
pub(crate) fn memory(memory: &Memory) -> String {
    let heading = |price: &Price| format!("{}, {}", price.name, price.unit.name);
    let mut lines = vec![vec!["allocator".to_owned()]];
    lines[0].extend(PRICES.iter().map(heading));
    for row in &memory.rows[1..] {
        let mut cells = vec![row.allocator.name.to_owned()];
        match &row.bytes {
            Ok(bytes) => cells.extend(bytes.iter().zip(&PRICES).map(|(bytes, price)| {
                // A negative nothing is written as nothing.
                format!("{:.1}", (bytes / price.unit.bytes * 10.0).round() / 10.0 + 0.0)
            })),
            Err(reason) => cells.push(reason.clone()),
        }
        lines.push(cells);
    }
    let Memory { build, frames_per_site, .. } = memory;
    let title = format!(
        "memory — added per block, site, thread and process; \
         each site has {frames_per_site:.1} frames of its own ({build} build)"
    );
    grid(&title, &lines)
}

struct Column {
    heading: &'static str,
    cell: fn(&Row, &Numbers) -> String,
}

const ADDED: Column = Column { heading: "added ns", cell: |_, n| format!("{:.1}", n.added) };
const PAIR: Column = Column { heading: "ns/pair", cell: |_, n| format!("{:.1}", n.median.value) };
const RATIO: Column = Column { heading: "× plain", cell: |_, n| format!("{:.2}", n.ratio) };

/// The columns of a kind of number: what it is, what it is compared with, what the run left behind.
fn columns(rows: &Rows) -> Vec<Column> {
    let mut columns = match rows.unit {
        Unit::Pair => vec![PAIR, ADDED, RATIO],
        Unit::Pass => passes(),
        Unit::Shared => shared(),
        Unit::Instructions | Unit::Bytes => instructions(),
    };
    columns.push(Column { heading: "of dhat's added", cell: |_, n| fraction(n.of_dhat) });
    let has_mod_alloc_1 =
        |row: &Row| row.numbers.as_ref().is_ok_and(|n| n.of_mod_alloc_1.is_some());
    if rows.rows.iter().any(has_mod_alloc_1) {
        let heading = "of mod-alloc-1's added";
        columns.push(Column { heading, cell: |_, n| share(n.of_mod_alloc_1) });
    }
    if rows.unit != Unit::Instructions {
        columns.extend(run());
    }
    columns
}

fn passes() -> Vec<Column> {
    vec![
        Column { heading: "ms", cell: |_, n| format!("{:.0}", n.median.value / 1e6) },
        Column { heading: "added ms", cell: |_, n| format!("{:.0}", n.added / 1e6) },
        RATIO,
        Column {
            heading: "2nd pass ms",
            cell: |_, n| or_dash(n.median.again.map(|again| format!("{:.0}", again / 1e6))),
        },
        Column { heading: "2nd × plain", cell: |_, n| share(n.again_ratio) },
    ]
}

fn shared() -> Vec<Column> {
    vec![
        // A pair is two events.
        Column { heading: "M events/s", cell: |_, n| format!("{:.2}", 2e3 / n.median.value) },
        Column { heading: "× one thread", cell: |_, n| share(n.speed_up) },
        PAIR,
        ADDED,
        RATIO,
    ]
}

fn instructions() -> Vec<Column> {
    let heading = "instructions/pair";
    vec![Column { heading, ..PAIR }, Column { heading: "added", ..ADDED }, RATIO]
}

/// What the run left behind.
fn run() -> [Column; 6] {
    [
        Column {
            heading: "sites",
            cell: |_, n| or_dash(n.median.report.map(|report| format!("{:.0}", report.sites))),
        },
        Column {
            heading: "lost %",
            cell: |_, n| or_dash(n.median.report.map(|report| percent(report.lost))),
        },
        Column {
            heading: "peak RSS MiB",
            cell: |_, n| format!("{:.1}", n.median.resident_kib / 1024.0),
        },
        Column { heading: "exit ms", cell: |_, n| format!("{:.1}", n.median.exit_millis) },
        Column {
            heading: "report KiB",
            cell: |_, n| {
                or_dash(n.median.report.map(|report| format!("{:.1}", report.bytes / 1024.0)))
            },
        },
        Column { heading: "runs", cell: |row, _| row.runs.to_string() },
    ]
}

fn cells(columns: &[Column], row: &Row) -> Vec<String> {
    let mut cells = vec![row.allocator.name.to_owned()];
    match &row.numbers {
        Ok(numbers) => cells.extend(columns.iter().map(|column| (column.cell)(row, numbers))),
        Err(reason) => cells.push(reason.clone()),
    }
    cells
}

pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// A number beside 1.
pub(crate) fn share(share: Option<f64>) -> String {
    or_dash(share.map(|share| format!("{share:.2}")))
}

/// A fraction with numerator 1; there is none for plain, or for what costs nothing measurable.
pub(crate) fn fraction(share: Option<f64>) -> String {
    or_dash(share.filter(|&share| share > 0.0).map(|share| format!("1/{:.1}", 1.0 / share)))
}

/// Hundredths; "0" is nothing at all, "0.00" very little.
fn percent(part: f64) -> String {
    if part > 0.0 { format!("{:.2}", part * 100.0) } else { "0".to_owned() }
}

/// The widest cell of a column. A reason why there are no numbers stands in
/// the second column and may run on over the others.
fn width(lines: &[Vec<String>], column: usize) -> usize {
    let whole = lines.iter().filter(|line| line.len() == lines[0].len());
    whole
        .map(|line| line[column].chars().count())
        .chain([if column == 0 { 19 } else { 0 }])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::{Measured, Outcome, Reported};
    use crate::memory;
    use crate::programs::WORKLOADS;
    use crate::rows::tests::{named, rows};

    fn lines(text: &str) -> Vec<Vec<&str>> {
        text.lines()
            .skip(2)
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect()
    }

    #[test]
    fn a_loop_shows_what_it_lost() {
        let report = Some(Reported { bytes: 2048.0, sites: 4096.0, lost: 0.1819 });
        let run = Outcome::Measured(Measured { value: 30.0, report, ..Measured::default() });
        let plain = Outcome::Measured(Measured { value: 10.0, ..Measured::default() });
        let runs = [(named("plain"), vec![plain]), (named("mod-alloc-1"), vec![run])];
        let rows = Rows::from_runs("frame-pointers", WORKLOADS[2], runs.into_iter());
        let text = text(&rows);
        let headings = [
            "allocator",
            "ns/pair",
            "added ns",
            "× plain",
            "of dhat's added",
            "of mod-alloc-1's added",
            "sites",
            "lost %",
            "peak RSS MiB",
            "exit ms",
            "report KiB",
            "runs",
        ];
        let [plain, lossy] = [
            ["plain", "10.0", "0.0", "1.00", "-", "0.00", "-", "-", "0.0", "0.0", "-", "1"],
            [
                "mod-alloc-1",
                "30.0",
                "20.0",
                "3.00",
                "-",
                "1.00",
                "4096",
                "18.19",
                "0.0",
                "0.0",
                "2.0",
                "1",
            ],
        ];
        assert_eq!(lines(&text), [headings, plain, lossy]);
    }

    #[test]
    fn nothing_lost_is_not_very_little() {
        assert_eq!([0.0, 0.000_01, 1.0].map(percent), ["0", "0.00", "100.00"]);
    }

    #[test]
    fn threads_show_how_much_more_they_get_done() {
        let alone = rows("default", "threads-1", &[("plain", &[20.0])]);
        let mut two = rows("default", "threads-2", &[("plain", &[16.0])]);
        two.compare_with(&alone);
        let shown = lines(&text(&two)).concat().join("|");
        assert!(shown.contains("|M events/s|× one thread|"), "{shown}");
        assert!(shown.contains("plain|125.00|1.25|16.0|"), "{shown}");
    }

    #[test]
    fn memory_is_in_its_units_and_without_plain() {
        let row = |name, bytes| memory::Row { allocator: named(name), bytes };
        let bytes = vec![-0.01, 16.0, 8.0, 271.3, 1_024.0, 51_200.0, 1e6, 2_048_000.0];
        let rows = vec![
            row("plain", Ok(vec![0.0; 8])),
            row("mod-alloc", Ok(bytes)),
            row("heapscope", Err("why".to_owned())),
        ];
        let text = memory(&Memory { build: "default".to_owned(), frames_per_site: 3.06, rows });
        assert!(text.contains("each site has 3.1 frames"), "{text}");
        let lines = lines(&text);
        assert_eq!(
            lines[1],
            ["mod-alloc", "0.0", "16.0", "8.0", "271.3", "1.0", "50.0", "976.6", "2000.0"]
        );
        assert_eq!(lines[2..], [["heapscope", "why"]]);
    }
}
