//! Numbers recorded of a program, by the names of its functions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Options, Profile, dhat};
use serde_json::Value;

use super::dhat_json::{Counters, Report};

/// Numbers of a site that a program knows: ever allocated, and live at the end.
pub(crate) const KEYS: [&str; 4] = ["tb", "tbk", "eb", "ebk"];

/// One process's report.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) report: Report,
    /// The sums over all stacks in which a function `site_*` is the innermost of its kind.
    sites: BTreeMap<String, Counters>,
}

impl Recorded {
    /// From a recording, on the whole way to the report, which is kept beside it.
    pub(crate) fn read(path: &Path) -> Self {
        let name = path.file_name().expect("a file").to_string_lossy();
        let report = path.with_file_name(format!("report of {name}.json"));
        fs::write(&report, dhat_of(&recording(path))).expect("the target folder can be written to");
        Self::of_report(&report)
    }

    /// From a report of ours.
    pub(crate) fn of_report(path: &Path) -> Self {
        Self::of(Report::read(path))
    }

    fn of(report: Report) -> Self {
        if report.json["x_settings"]["peak"] == "exact" {
            assert_eq!(report.contradictions(), [""; 0]);
        }
        let mut sites = BTreeMap::<_, Counters>::new();
        for point in &report.points {
            if let Some(name) = report.stack(point).find_map(site_name) {
                *sites.entry(name.to_owned()).or_default() += point.counters;
            }
        }
        Self { report, sites }
    }

    /// The numbers of a function; zeroes if it has allocated nothing.
    pub(crate) fn site(&self, name: &str) -> [u64; 4] {
        let sum = self.sites.get(name).copied().unwrap_or_default();
        KEYS.map(|key| sum.get(key))
    }

    /// The names of the functions that have allocated.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &str> {
        self.sites.keys().map(String::as_str)
    }

    /// How many events were lost by `cause`.
    pub(crate) fn lost(&self, cause: &str) -> u64 {
        self.losses().find_map(|(name, lost)| (name == cause).then_some(lost)).unwrap_or_default()
    }

    /// Losses, by cause, that are not among `expected`.
    pub(crate) fn other_losses(&self, expected: &[&str]) -> Vec<(&str, u64)> {
        self.losses().filter(|(cause, lost)| *lost > 0 && !expected.contains(cause)).collect()
    }

    pub(crate) fn assert_nothing_lost(&self) {
        assert_eq!(self.other_losses(&[]), []);
    }

    fn losses(&self) -> impl Iterator<Item = (&str, u64)> {
        let losses = self.report.json["x_losses"].as_object().expect("losses are counted");
        losses.iter().map(|(cause, lost)| (cause.as_str(), number(lost)))
    }

    /// Each line `counted SITE tb tbk eb ebk` in what the program printed is what was recorded; and
    /// there is such a line.
    pub(crate) fn assert_counted(&self, stdout: &str) {
        let lines: Vec<_> = counted(stdout).collect();
        assert!(!lines.is_empty(), "the program has counted nothing: {stdout}");
        let wrong: Vec<_> = lines
            .into_iter()
            .filter(|(site, expected)| self.site(site) != *expected)
            .map(|(site, expected)| {
                format!("{site}: {:?} instead of {expected:?} ({KEYS:?})", self.site(site))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// Reads a recording whose process has ended.
pub(crate) fn recording(path: &Path) -> Recording {
    let file = RecordingFile::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.mark_ended(None).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.read().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of the report of a recording.
pub(crate) fn dhat_of(recording: &Recording) -> Vec<u8> {
    let mut json = Vec::new();
    let profile = Profile::from_recording(recording, &Options::default());
    dhat::write(&profile, &mut json).expect("memory can be written to");
    json
}

/// A program's own account: by site, in the order of [`KEYS`].
pub(crate) fn counted(stdout: &str) -> impl Iterator<Item = (&str, [u64; 4])> {
    stdout.lines().filter_map(|line| {
        let line = line.strip_prefix("varies ").unwrap_or(line);
        let mut words = line.strip_prefix("counted ")?.split(' ');
        let site = words.next()?;
        let numbers: Vec<u64> = words.map(|word| word.parse().expect("a number")).collect();
        Some((site, numbers.try_into().expect("four numbers")))
    })
}

/// The number after this word and a blank, at the beginning of a line.
pub(crate) fn said(stdout: &str, word: &str) -> u64 {
    let mut found = stdout.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    let number = found.next().unwrap_or_else(|| panic!("no {word} in {stdout}"));
    number.parse().unwrap_or_else(|_| panic!("{word} {number}: not a number"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is not a count"))
}

/// The last part of the function's name in a frame, if it is a `site_*`.
fn site_name(frame: &str) -> Option<&str> {
    let (_, rest) = frame.split_once(": ")?;
    let name = rest.split([' ', '(']).next()?.rsplit("::").next()?;
    name.starts_with("site_").then_some(name)
}
