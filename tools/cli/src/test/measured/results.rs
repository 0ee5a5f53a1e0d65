//! The results of tests, from libtest's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The result of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TestResult {
    Ok,
    Failed,
    Ignored,
}

impl TestResult {
    pub(crate) fn of_success(success: bool) -> Self {
        if success { Self::Ok } else { Self::Failed }
    }
}

/// Results by the tests' names.
///
/// Entries are `ok NAME`, `failed NAME`, `ignored NAME`, or have a message of any number of lines
/// before the name: `ignored: MESSAGE NAME`.
pub(crate) fn of_log(log: &str) -> BTreeMap<String, TestResult> {
    let mut results = BTreeMap::new();
    let mut entry = String::new();
    for line in log.lines() {
        if first_word(line).is_some() {
            results.extend(of_entry(&entry));
            entry.clear();
        } else {
            entry.push('\n');
        }
        entry.push_str(line);
    }
    results.extend(of_entry(&entry));
    results
}

/// The result that an entry begins with, and what follows the word.
fn first_word(line: &str) -> Option<(TestResult, &str)> {
    [
        ("ok", TestResult::Ok),
        ("failed", TestResult::Failed),
        ("ignored", TestResult::Ignored),
        ("bench", TestResult::Ok),
    ]
    .into_iter()
    .find_map(|(word, result)| Some((result, line.strip_prefix(word)?)))
    .filter(|(_, rest)| rest.starts_with([' ', ':']))
}

fn of_entry(entry: &str) -> Option<(String, TestResult)> {
    let (result, rest) = first_word(entry)?;
    let rest = rest.trim_end();
    let name = match rest.strip_prefix(' ') {
        // Too slow for libtest's limits, if it was asked to enforce them.
        Some(rest) => {
            let rest = rest.lines().next().unwrap_or_default();
            rest.strip_prefix("(time limit exceeded) ").unwrap_or(rest)
        }
        None => last_name(rest),
    };
    (!name.is_empty()).then(|| (name.to_owned(), result))
}

/// The name at the end of a message: the last word, or a doc test's `FILE - ITEM (line N)`.
fn last_name(text: &str) -> &str {
    let after_blank = |text: &str| text.rfind([' ', '\n']).map_or(0, |blank| blank + 1);
    let is_doc_test = text.ends_with(')') && text.contains("(line ");
    match text.rfind(" - ").filter(|_| is_doc_test) {
        Some(dash) => &text[after_blank(&text[..dash])..],
        None => &text[after_blank(text)..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_result_and_a_name() {
        let log = "ok a::b\nfailed src/lib.rs - add (line 3)\nignored c\nnonsense\n\nbench d\n";
        let results = of_log(log);
        let found: Vec<_> = results.iter().map(|(name, result)| (name.as_str(), *result)).collect();
        assert_eq!(
            found,
            [
                ("a::b", TestResult::Ok),
                ("c", TestResult::Ignored),
                ("d", TestResult::Ok),
                ("src/lib.rs - add (line 3)", TestResult::Failed),
            ]
        );
    }

    #[test]
    fn messages_stand_before_the_name_and_may_have_lines() {
        let log = "ignored: not now, later a::b\nfailed: panic did not\n  contain: \"z\"\n \
                   expected: \"ok q\" c\nfailed: why src/a.rs - S::f (line 3)\nok d\n";
        let found: Vec<_> = of_log(log).into_iter().collect();
        let name = |index: usize| found[index].0.as_str();
        assert_eq!(
            [name(0), name(1), name(2), name(3)],
            ["a::b", "c", "d", "src/a.rs - S::f (line 3)"]
        );
        assert_eq!(found[0].1, TestResult::Ignored);
        assert_eq!([found[1].1, found[3].1], [TestResult::Failed; 2]);
    }
}
