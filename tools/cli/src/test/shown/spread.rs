//! The spread of tests' numbers over several runs, and its lines in a file.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::test::measured::numbers::Numbers;
use crate::test::measured::rows::{Key, Row, Rows};
use crate::test::measured::workspace::Kind;

/// The version of the lines.
const VERSION: u64 = 2;

/// The least and the most of a test's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) least: Numbers,
    pub(crate) most: Numbers,
}

/// The tests of several runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Baseline {
    pub(crate) tests: BTreeMap<Key, Spread>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    schema_version: u64,
}

/// A test's line: its key, then the least and the most of each number.
type Line = (Key, [[u64; 2]; 5]);

/// The compared rows, each with its name from run to run. That of a doc test has no line: an edit
/// above it would make it another. Of several of one item, the later have a number.
pub(crate) fn keyed(rows: &Rows) -> Vec<(Key, &Row)> {
    let mut keyed: Vec<_> = rows.compared().map(|row| (row.key(), row)).collect();
    let line = |name: &str| {
        let (item, rest) = name.rsplit_once(" (line ")?;
        Some((item.to_owned(), rest.strip_suffix(')')?.parse::<u32>().ok()?))
    };
    let mut doc_tests: Vec<_> = keyed
        .iter_mut()
        .filter(|(key, _)| key.1 == Kind::Doc)
        .filter_map(|(key, _)| line(&key.2).map(|(item, line)| (key.0.clone(), item, line, key)))
        .collect();
    doc_tests.sort_by(|a, b| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)));
    let (mut last, mut number) = (None, 1);
    for (binary, item, _, key) in doc_tests {
        number =
            if last.as_ref() == Some(&(binary.clone(), item.clone())) { number + 1 } else { 1 };
        key.2 = if number == 1 { item.clone() } else { format!("{item} #{number}") };
        last = Some((binary, item));
    }
    keyed
}

impl Baseline {
    /// The spread over `runs`. A test without numbers in any of them is left out: a later run would
    /// be compared with a guess.
    pub(crate) fn of(runs: &[Rows]) -> Self {
        let mut found: BTreeMap<Key, Option<Spread>> = BTreeMap::new();
        for (key, row) in runs.iter().flat_map(keyed) {
            let now = row.numbers;
            let one = (!now.is_unknown).then_some(Spread { least: now, most: now });
            found
                .entry(key)
                .and_modify(|spread| *spread = spread.zip(one).map(|(a, b)| a.with(b)))
                .or_insert(one);
        }
        let known = found.into_iter().filter_map(|(key, spread)| Some((key, spread?)));
        Self { tests: known.collect() }
    }

    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &Head { schema_version: VERSION })?;
        out.write_all(b"\n")?;
        for (key, spread) in &self.tests {
            let (least, most) = (words(spread.least), words(spread.most));
            let line: Line = (key.clone(), std::array::from_fn(|at| [least[at], most[at]]));
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let mut lines = text.lines().enumerate();
        let (_, head) = lines.next().ok_or("it is empty")?;
        let head: Head = serde_json::from_str(head).map_err(|error| error.to_string())?;
        if head.schema_version != VERSION {
            let found = head.schema_version;
            return Err(format!("schema_version is {found}, and this mod-alloc knows {VERSION}"));
        }
        let tests = lines.map(|(at, line)| {
            let (key, pairs): Line =
                serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))?;
            let least = numbers(pairs.map(|[least, _]| least));
            Ok((key, Spread { least, most: numbers(pairs.map(|[_, most]| most)) }))
        });
        Ok(Self { tests: tests.collect::<Result<_, String>>()? })
    }
}

impl Baseline {
    /// True if any number differs from run to run.
    pub(crate) fn varies(&self) -> bool {
        self.tests.values().any(|test| test.least != test.most)
    }

    /// For each number that the table has, whether the runs differ in it.
    pub(crate) fn varying(&self, key: &Key) -> [bool; 4] {
        self.tests.get(key).map_or([false; 4], |Spread { least, most }| {
            [
                least.blocks != most.blocks,
                least.bytes != most.bytes,
                least.peak_bytes != most.peak_bytes,
                (least.end_bytes, least.end_blocks) != (most.end_bytes, most.end_blocks),
            ]
        })
    }
}

impl Spread {
    fn with(self, other: Self) -> Self {
        let both = |a, b, choose: fn(u64, u64) -> u64| {
            let (a, b) = (words(a), words(b));
            numbers(std::array::from_fn(|at| choose(a[at], b[at])))
        };
        Self {
            least: both(self.least, other.least, u64::min),
            most: both(self.most, other.most, u64::max),
        }
    }
}

fn words(of: Numbers) -> [u64; 5] {
    [of.blocks, of.bytes, of.peak_bytes, of.end_blocks, of.end_bytes]
}

fn numbers([blocks, bytes, peak_bytes, end_blocks, end_bytes]: [u64; 5]) -> Numbers {
    Numbers { blocks, bytes, peak_bytes, end_blocks, end_bytes, is_unknown: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::measured::rows::tests::row;

    fn run(of: &[(&str, u64)]) -> Rows {
        Rows {
            rows: of.iter().map(|(name, bytes)| row(name, *bytes)).collect(),
            losses: vec![],
            ..Rows::default()
        }
    }

    #[test]
    fn a_spread_is_the_least_and_the_most_of_all_runs() {
        let runs = [run(&[("a", 5), ("b", 1)]), run(&[("a", 3), ("b", 1)]), run(&[("a", 4)])];
        let found = Baseline::of(&runs);
        let bytes: Vec<_> =
            found.tests.values().map(|test| (test.least.bytes, test.most.bytes)).collect();
        assert_eq!(bytes, [(3, 5), (1, 1)]);
    }

    #[test]
    fn doc_tests_are_known_by_their_items_and_not_by_their_lines() {
        let run = |first: u32| {
            let of = |item: &str, line: u32| {
                let mut row = row(&format!("src/lib.rs - {item} (line {line})"), 1);
                row.kind = Kind::Doc;
                row
            };
            let rows = vec![of("b", first + 90), of("a", first + 20), of("b", first + 8)];
            Rows { rows, ..Rows::default() }
        };
        let names = |rows: &Rows| -> Vec<String> {
            keyed(rows).into_iter().map(|(key, _)| key.2).collect()
        };
        assert_eq!(names(&run(1)), ["src/lib.rs - b #2", "src/lib.rs - a", "src/lib.rs - b"]);
        assert_eq!(names(&run(1)), names(&run(77)));
    }

    #[test]
    fn a_test_without_numbers_in_one_run_is_in_no_baseline() {
        let mut unknown = run(&[("a", 0)]);
        unknown.rows[0].numbers = Numbers::UNKNOWN;
        let known = run(&[("a", 5)]);
        for runs in [[known.clone(), unknown.clone()], [unknown, known]] {
            assert!(Baseline::of(&runs).tests.is_empty());
        }
    }

    #[test]
    fn a_file_has_a_sorted_line_per_test_and_is_read_again() {
        let baseline = Baseline::of(&[run(&[("b", 1), ("a\n", 2)]), run(&[("a\n", 7)])]);
        let mut out = Vec::new();
        baseline.write(&mut out).unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[1], r#"[["b","unit","a\n"],[[1,1],[2,7],[2,7],[0,0],[0,0]]]"#);
        assert_eq!(Baseline::read(&out).unwrap(), baseline);
    }

    #[test]
    fn damage_names_its_line() {
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b"{\"schema_version\": 1}\n", "knows 2"),
            (b"{\"schema_version\":2}\n<<<<<<< ours\n", "line 2"),
        ] {
            let error = Baseline::read(bytes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
