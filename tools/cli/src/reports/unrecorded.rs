//! Programs that are in no report, and why.

use std::collections::BTreeMap;
use std::fmt;

use mod_alloc::recording::model::{Recording, Why};

use crate::base::say::say;
use crate::units::Count;

use super::output::program_of;

/// Names that a line has at most.
const MOST_NAMES: usize = 5;

/// The programs, by the reason and by their names.
#[derive(Debug, Default)]
pub(super) struct UnrecordedPrograms(BTreeMap<Why, BTreeMap<String, u64>>);

impl UnrecordedPrograms {
    /// Adds those that the recording's process executed or started.
    pub(super) fn add(&mut self, recording: &Recording) {
        let unrecorded = &recording.unrecorded;
        let Some(why) = unrecorded.why else { return };
        let program = || program_of(recording).to_string_lossy().into_owned();
        let name = match (why, unrecorded.name.as_str()) {
            (Why::NotAsked, name) => format!("{} executed {name} in its place", program()),
            (_, "") => format!("a forked child of {}", program()),
            (_, name) => name.to_owned(),
        };
        // A name is printed on the user's terminal.
        let name = name.replace(char::is_control, "?");
        let names = self.0.entry(why).or_default();
        *names.entry(name).or_default() += u64::from(unrecorded.count);
    }

    pub(super) fn tell(&self) {
        for (why, names) in &self.0 {
            say!("{}: {}", Names(names), in_words(*why));
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

fn in_words(why: Why) -> &'static str {
    match why {
        Why::NotAsked => {
            "the report ends there. --children yes records the programs that follow, too"
        }
        Why::OtherLibrary => {
            "not recorded, and neither is what it starts: it is linked against another C library, \
             and the library that records is for glibc"
        }
        Why::Static => {
            "not recorded: it is statically linked, so no loader loads the library that records"
        }
        Why::GainsRights => {
            "not recorded, and neither is what it starts: it gains rights when it is executed, and \
             the loader ignores preloaded libraries then. Run mod-alloc as the user that it becomes"
        }
        Why::OtherMachine => {
            "not recorded, and neither is what it starts: it is for another machine, or for the \
             32-bit mode of this one"
        }
        Why::NoLibrary => {
            "not recorded, and neither is what it starts: as the user that it is, or in its root \
             folder, there is no access to the library that records"
        }
        Why::NoPlace => {
            "not recorded: as the user that it is, or in its root folder, no recording can be made"
        }
        Why::Cleared => {
            "not recorded, and neither is what it starts: its environment lacks LD_PRELOAD or \
             MOD_ALLOC_RECORD, which `mod-alloc run` has set"
        }
        _ => "not recorded, for a reason that this mod-alloc does not know",
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
