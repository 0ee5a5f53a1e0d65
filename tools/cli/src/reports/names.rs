//! The names of reports: one rule, in every folder.
//!
//! A process's is `mod-alloc.cc.34.json`, that of all is `mod-alloc.0-sum.make.12.json`. Their folders:
//!
//! | `-o` | one process | each of several | all of them |
//! |---|---|---|---|
//! | none | the current | `mod-alloc.make.12/` | `mod-alloc.make.12/` |
//! | `DIR/` | `DIR/` | `DIR/` | `DIR/` |
//! | `a.json` | it is `a.json` | `a.12.reports/` | it is `a.json` |
//! | `-` | standard output | `mod-alloc.make.12/` | standard output |
//!
//! A list of a folder has the report of all first, because no program's name sorts before `0-`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::base::output;

/// The beginning of every name.
const BEGIN: &str = "mod-alloc.";

/// Stands before the program's name where the report is of all processes.
const OF_ALL: &str = "0-sum.";

/// The names of the reports of one run.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// The path that was asked for.
    pub(super) path: Option<&'a Path>,
    /// The extension of reports.
    pub(super) extension: &'a str,
    /// The program that was run.
    pub(super) program: &'a OsStr,
    /// Its process; 0 where there is no such process.
    pub(super) pid: u32,
}

/// The processes that a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The only one that was recorded.
    One,
    /// One of several.
    Part,
    All,
}

/// Meaning of the path that was asked for.
enum Asked<'a> {
    Nothing,
    StandardOutput,
    Folder(&'a Path),
    File(&'a Path),
}

impl Names<'_> {
    /// The report of a run of one process.
    pub(super) fn of_one(&self) -> PathBuf {
        self.file(self.in_asked_folder("", self.program, &self.pid.to_string()))
    }

    /// The report of one of several processes. `pid`: its process, as it is in the name.
    pub(super) fn of_part(&self, program: &OsStr, pid: &str) -> PathBuf {
        self.folder_of_parts().join(self.named("", program, pid))
    }

    /// The report of all processes. `alone`: there are no reports beside it.
    pub(super) fn of_all(&self, alone: bool) -> PathBuf {
        self.file(self.in_place_of_all(alone))
    }

    /// As `of_one` or `of_all`, for a page whose report is on standard output.
    pub(super) fn of_page(&self, of: Of, alone: bool) -> PathBuf {
        match of {
            Of::All => self.in_place_of_all(alone),
            Of::One | Of::Part => self.in_asked_folder("", self.program, &self.pid.to_string()),
        }
    }

    /// The folder for the reports of several processes.
    pub(super) fn folder_of_parts(&self) -> PathBuf {
        match self.asked() {
            Asked::Folder(folder) => folder.to_owned(),
            Asked::File(path) => folder_beside(path, self.pid),
            Asked::Nothing | Asked::StandardOutput => {
                let end = format!(".{}", self.pid);
                name(BEGIN, self.program, &end).into()
            }
        }
    }

    /// The folder of a report is made if it is missing: the user has not named a file in it.
    pub(super) fn makes_folder(&self, folder: &Path) -> bool {
        !matches!(self.asked(), Asked::File(path) if path.parent() == Some(folder))
    }

    fn asked(&self) -> Asked<'_> {
        match self.path {
            None => Asked::Nothing,
            Some(path) if path == Path::new("-") => Asked::StandardOutput,
            Some(path) if output::is_folder(path) => Asked::Folder(path),
            Some(path) => Asked::File(path),
        }
    }

    /// The file that was asked for, else `otherwise`.
    fn file(&self, otherwise: PathBuf) -> PathBuf {
        match self.asked() {
            Asked::File(path) => path.to_owned(),
            Asked::StandardOutput => "-".into(),
            Asked::Nothing | Asked::Folder(_) => otherwise,
        }
    }

    fn in_place_of_all(&self, alone: bool) -> PathBuf {
        let pid = self.pid.to_string();
        match alone {
            true => self.in_asked_folder(OF_ALL, self.program, &pid),
            false => self.folder_of_parts().join(self.named(OF_ALL, self.program, &pid)),
        }
    }

    fn in_asked_folder(&self, kind: &str, program: &OsStr, pid: &str) -> PathBuf {
        let name = self.named(kind, program, pid);
        match self.asked() {
            Asked::Folder(folder) => folder.join(name),
            _ => name.into(),
        }
    }

    fn named(&self, kind: &str, program: &OsStr, pid: &str) -> OsString {
        name(&format!("{BEGIN}{kind}"), program, &format!(".{pid}.{}", self.extension))
    }
}

/// The program's name between `begin` and `end`, cut to the length that a file's name may have.
fn name(begin: &str, program: &OsStr, end: &str) -> OsString {
    let mut name = OsString::from(begin);
    // A page beside a report has an extension that is as long.
    name.push(output::shortened(program, output::NAME_MAX - begin.len() - end.len()));
    name.push(end);
    name
}

/// `a/b.json` of process 12 gives `a/b.12.reports`.
fn folder_beside(path: &Path, pid: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    if pid != 0 {
        name.push(format!(".{pid}"));
    }
    name.push(".reports");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: Option<&str>) -> Names<'_> {
        let path = path.map(Path::new);
        Names { path, extension: "json", program: OsStr::new("make"), pid: 12 }
    }

    /// The report of one process, of a part, of all, and of all alone.
    fn all(path: Option<&str>) -> [String; 4] {
        let names = names(path);
        let part = names.of_part(OsStr::new("cc"), "34.2");
        [names.of_one(), part, names.of_all(false), names.of_all(true)]
            .map(|path| path.to_str().unwrap().to_owned())
    }

    #[test]
    fn every_name_has_the_program_and_the_process() {
        assert_eq!(
            all(None),
            [
                "mod-alloc.make.12.json",
                "mod-alloc.make.12/mod-alloc.cc.34.2.json",
                "mod-alloc.make.12/mod-alloc.0-sum.make.12.json",
                "mod-alloc.0-sum.make.12.json",
            ]
        );
    }

    #[test]
    fn all_reports_are_in_a_folder_that_was_asked_for() {
        assert_eq!(
            all(Some("new/")),
            [
                "new/mod-alloc.make.12.json",
                "new/mod-alloc.cc.34.2.json",
                "new/mod-alloc.0-sum.make.12.json",
                "new/mod-alloc.0-sum.make.12.json",
            ]
        );
        // The folder of the tests is there: it needs no slash.
        assert_eq!(all(Some("src"))[0], "src/mod-alloc.make.12.json");
    }

    #[test]
    fn a_file_that_was_asked_for_is_the_report_or_the_sum() {
        let part = "a/b.12.reports/mod-alloc.cc.34.2.json";
        assert_eq!(all(Some("a/b.json")), ["a/b.json", part, "a/b.json", "a/b.json"]);
        let of_recordings = Names { pid: 0, ..names(Some("a/b.json")) };
        assert_eq!(of_recordings.folder_of_parts(), Path::new("a/b.reports"));
    }

    #[test]
    fn standard_output_takes_one_report() {
        let part = "mod-alloc.make.12/mod-alloc.cc.34.2.json";
        assert_eq!(all(Some("-")), ["-", part, "-", "-"]);
        let page = names(Some("-")).of_page(Of::All, false);
        assert_eq!(page, Path::new("mod-alloc.make.12/mod-alloc.0-sum.make.12.json"));
        let page = names(Some("-")).of_page(Of::One, false);
        assert_eq!(page, Path::new("mod-alloc.make.12.json"));
    }

    #[test]
    fn the_report_of_all_is_first_in_a_list() {
        let names = names(None);
        let all = names.of_all(false);
        for program in ["0", "7z", "Xorg", "_", "a", "ä", "make"] {
            assert!(all < names.of_part(OsStr::new(program), "1"), "{program}");
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "ä".repeat(127);
        let names = Names { program: OsStr::new(&long), ..names(None) };
        let all = names.of_all(false);
        let name = all.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("mod-alloc.0-sum.ää") && name.ends_with("ä.12.json"), "{name}");
        assert!((254..=255).contains(&name.len()), "{}", name.len());
        let folder = names.folder_of_parts().into_os_string().into_string().unwrap();
        assert!((254..=255).contains(&folder.len()) && folder.ends_with("ä.12"), "{folder}");
    }
}
