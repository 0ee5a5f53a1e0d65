//! The words for the harness of doc tests, among rustdoc's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::test::shared::options;

pub(crate) fn runs_tests(arguments: &[OsString]) -> bool {
    let is_test = arguments.iter().any(|word| word == "--test");
    let asks = test_arguments(arguments).any(|(_, word)| {
        word.split(|byte| byte.is_ascii_whitespace())
            .any(|word| word == b"--list" || word == b"--help")
    });
    is_test && !asks
}

/// The words for the tests' harness, each with its index.
fn test_arguments(arguments: &[OsString]) -> impl Iterator<Item = (usize, &[u8])> {
    arguments.iter().enumerate().filter_map(|(index, word)| {
        let word = word.as_bytes();
        match word.strip_prefix(b"--test-args=") {
            Some(value) => Some((index, value)),
            None => {
                let before = index.checked_sub(1).and_then(|before| arguments.get(before))?;
                (before == "--test-args").then_some((index, word))
            }
        }
    })
}

/// The files that the user wants results logged to. libtest takes only one such option.
pub(crate) fn logs_of_user(arguments: &[OsString]) -> Vec<PathBuf> {
    let words: Vec<OsString> = test_arguments(arguments)
        .flat_map(|(_, word)| word.split(u8::is_ascii_whitespace))
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect();
    options::values_of(&words, "--logfile").into_iter().map(PathBuf::from).collect()
}

pub(crate) fn without_logs(arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut is_value = false;
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let value = match word.as_bytes().strip_prefix(b"--test-args=") {
            Some(value) => Some(value),
            None if word == "--test-args" => words.next().map(|value| value.as_bytes()),
            None => None,
        };
        let Some(value) = value else {
            kept.push(word.clone());
            continue;
        };
        let mut rest = Vec::new();
        for part in value.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty()) {
            let is_log = part == b"--logfile";
            if !is_log && !is_value && !part.starts_with(b"--logfile=") {
                rest.push(part);
            }
            is_value = is_log;
        }
        if !rest.is_empty() {
            kept.push("--test-args".into());
            kept.push(OsString::from_vec(rest.join(&b' ')));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(',').map(OsString::from).collect()
    }

    #[test]
    fn only_runs_of_tests_are_of_interest() {
        assert!(runs_tests(&words("--test,src/lib.rs")));
        assert!(runs_tests(&words("--test,src/lib.rs,--test-args,add --exact")));
        assert!(!runs_tests(&words("src/lib.rs,-o,doc")));
        assert!(!runs_tests(&words("--test,src/lib.rs,--test-args,--list --format terse")));
        assert!(!runs_tests(&words("--test,src/lib.rs,--test-args=--help")));
    }

    #[test]
    fn the_user_s_log_gives_way_to_ours_and_is_written_after() {
        let arguments = words("--test,--test-args,--logfile,--test-args,my log,--test-args,add");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("my")]);
        let arguments = words("--test,--test-args,--logfile,--test-args,/l,--test-args,add,-L,x");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("/l")]);
        assert_eq!(without_logs(&arguments), words("--test,--test-args,add,-L,x"));
        let arguments = words("--test-args=--logfile=/l --exact,x");
        assert_eq!(logs_of_user(&arguments), [PathBuf::from("/l")]);
        assert_eq!(without_logs(&arguments), words("--test-args,--exact,x"));
    }
}
