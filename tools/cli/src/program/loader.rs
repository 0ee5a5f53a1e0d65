//! The words of glibc's loader when it is executed as a program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Options that have a word behind them.
const WITH_VALUE: [&str; 7] = [
    "--library-path",
    "--inhibit-rpath",
    "--audit",
    "--preload",
    "--argv0",
    "--glibc-hwcaps-prepend",
    "--glibc-hwcaps-mask",
];

/// The program among the loader's words; `None` if there is none.
pub(super) fn program_in(words: &[OsString]) -> Option<&OsStr> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            return words.next().map(OsString::as_os_str);
        }
        if !word.as_bytes().starts_with(b"--") {
            return Some(word);
        }
        if WITH_VALUE.iter().any(|option| word == option) {
            words.next();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_behind_the_options() {
        for (line, expected) in [
            ("./app --library-path x", Some("./app")),
            ("--library-path ./lib --inhibit-cache ./app a", Some("./app")),
            ("--argv0 app --preload lib.so -- ./app", Some("./app")),
            ("--list-diagnostics", None),
            ("--library-path", None),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(program_in(&words), expected.map(OsStr::new), "{line}");
        }
    }
}
