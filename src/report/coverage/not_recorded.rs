//! Programs that followed the recorded one and are in no report, and why.

use std::ffi::OsStr;
use std::format;
use std::string::{String, ToString};

use crate::recording::model::{Recording, Why};

/// The program that is in no report, as a sentence begins with it; `None` if there is none.
#[must_use]
pub fn name(recording: &Recording) -> Option<(Why, String)> {
    let unrecorded = &recording.unrecorded;
    let why = unrecorded.why?;
    let program = || program(recording);
    let name = match (why, unrecorded.name.as_str()) {
        (Why::NotAsked, name) => format!("{} executed {name} in its place", program()),
        (Why::GoesOn, number) => {
            format!("{} has ended, and process {number}, a child of it, goes on", program())
        }
        (_, "") => format!("a forked child of {}", program()),
        (_, name) => name.to_string(),
    };
    // A name is printed on the user's terminal.
    Some((why, name.replace(char::is_control, "?")))
}

/// The reason, and the way out.
#[must_use]
pub fn in_words(why: Why) -> &'static str {
    match why {
        Why::NotAsked => {
            "the report ends there. --children yes records the programs that follow, too"
        }
        Why::GoesOn => "not recorded. --children yes records children, too",
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
        Why::Unknown => "not recorded, for a reason that this mod-alloc does not know",
    }
}

/// The last of the programs, its number and the reason, as a sentence.
pub(super) fn sentence(recording: &Recording) -> Option<String> {
    let (why, name) = name(recording)?;
    let times = match recording.unrecorded.count {
        0 | 1 => String::new(),
        count => format!(" (the last of {count} programs)"),
    };
    Some(format!("{name}{times}: {}", in_words(why)))
}

/// The name of the program's file. The first module is the program, or the library that records.
fn program(recording: &Recording) -> String {
    let is_library = |name: &&OsStr| name.as_encoded_bytes().windows(3).any(|part| part == b".so");
    let mut names = recording.modules.iter().filter_map(|module| module.path.file_name());
    let name = names.find(|name| !is_library(name)).or(recording.executable.file_name());
    name.unwrap_or(OsStr::new("the program")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, why: Why, count: u32) -> String {
        let mut recording = Recording { executable: "/usr/bin/sh".into(), ..Recording::default() };
        recording.unrecorded.name = name.into();
        recording.unrecorded.why = Some(why);
        recording.unrecorded.count = count;
        sentence(&recording).unwrap()
    }

    #[test]
    fn the_sentence_begins_with_the_program_and_has_the_reason() {
        assert!(told("a\x1b[1m", Why::Static, 1).starts_with("a?[1m: not recorded: it is static"));
        assert!(
            told("ls", Why::NotAsked, 1).starts_with("sh executed ls in its place: the report")
        );
        assert!(told("", Why::NoPlace, 1).starts_with("a forked child of sh: not recorded"));
        assert!(
            told("7", Why::GoesOn, 1).starts_with("sh has ended, and process 7, a child of it,")
        );
        assert!(
            told("ls", Why::Static, 3).starts_with("ls (the last of 3 programs): not recorded")
        );
        assert_eq!(sentence(&Recording::default()), None);
    }
}
