//! Programs that are in no report, and why.

use std::collections::BTreeMap;
use std::fmt;

use mod_alloc::recording::model::{Recording, Why};
use mod_alloc::report::not_recorded;

use crate::base::say::say;
use crate::units::Count;

/// Names that a line has at most.
const MOST_NAMES: usize = 5;

/// The programs, by the reason and by their names.
#[derive(Debug, Default)]
pub(super) struct UnrecordedPrograms(BTreeMap<Why, BTreeMap<String, u64>>);

impl UnrecordedPrograms {
    /// Adds those that the recording's process executed or started.
    pub(super) fn add(&mut self, recording: &Recording) {
        let Some((why, name)) = not_recorded::name(recording) else { return };
        let names = self.0.entry(why).or_default();
        *names.entry(name).or_default() += u64::from(recording.unrecorded.count);
    }

    pub(super) fn tell(&self) {
        for (why, names) in &self.0 {
            say!("{}: {}", Names(names), not_recorded::in_words(*why));
        }
    }
}

struct Names<'a>(&'a BTreeMap<String, u64>);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.0.iter().take(MOST_NAMES).enumerate() {
            write!(f, "{}{name}", if index > 0 { ", " } else { "" })?;
            if *count > 1 {
                write!(f, " ({} times)", Count(*count))?;
            }
        }
        match self.0.len().saturating_sub(MOST_NAMES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(name: &str, why: Why, count: u32) -> Recording {
        let mut recording = Recording::default();
        recording.executable = "/usr/bin/sh".into();
        recording.unrecorded.name = name.into();
        recording.unrecorded.why = Some(why);
        recording.unrecorded.count = count;
        recording
    }

    fn lines(recordings: &[Recording]) -> Vec<String> {
        let mut programs = UnrecordedPrograms::default();
        recordings.iter().for_each(|recording| programs.add(recording));
        programs.0.values().map(|names| Names(names).to_string()).collect()
    }

    #[test]
    fn programs_are_told_by_the_reason_and_counted() {
        let recordings = [
            recording("true", Why::Static, 2),
            recording("true", Why::Static, 1),
            recording("a\x1b[1m", Why::Static, 1),
            recording("", Why::NoPlace, 1),
            recording("other", Why::NotAsked, 1),
            Recording::default(),
        ];
        let expected =
            ["sh executed other in its place", "a?[1m, true (3 times)", "a forked child of sh"];
        assert_eq!(lines(&recordings), expected);
    }

    #[test]
    fn a_line_has_a_few_names() {
        let recordings: Vec<_> =
            (1..=8).map(|number| recording(&format!("p{number}"), Why::Static, 1)).collect();
        assert_eq!(lines(&recordings), ["p1, p2, p3, p4, p5 and 3 more"]);
    }
}
