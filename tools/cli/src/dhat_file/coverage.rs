//! Memory of the process beside what was recorded, as it is written in a report.

use mod_alloc::report::Coverage;
use serde::Deserialize;

/// A reason that is longer says nothing.
const LONGEST: usize = 4096;
/// Reasons that are kept of a file.
const MOST: usize = 16;

#[derive(Deserialize)]
pub(super) struct CoverageEntry {
    #[serde(default)]
    peak_anonymous_bytes: u64,
    end_anonymous_bytes: Option<u64>,
    #[serde(default)]
    recorded_bytes: u64,
    allocator_bytes: Option<u64>,
    #[serde(default)]
    profiler_bytes: u64,
    mapped_bytes: Option<u64>,
    #[serde(default)]
    unseen_bytes: u64,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    not_recorded: Vec<String>,
}

impl CoverageEntry {
    pub(super) fn to_coverage(&self) -> Coverage {
        let mut coverage = Coverage::default();
        coverage.peak_anonymous_bytes = self.peak_anonymous_bytes;
        coverage.end_anonymous_bytes = self.end_anonymous_bytes;
        coverage.recorded_bytes = self.recorded_bytes;
        coverage.allocator_bytes = self.allocator_bytes;
        coverage.profiler_bytes = self.profiler_bytes;
        coverage.mapped_bytes = self.mapped_bytes;
        coverage.unseen_bytes = self.unseen_bytes;
        coverage.reasons = kept(&self.reasons);
        coverage.not_recorded = kept(&self.not_recorded);
        coverage
    }
}

/// The sentences of a file that say something, without control characters.
pub(super) fn kept(texts: &[String]) -> Vec<String> {
    let texts = texts.iter().filter(|text| text.len() <= LONGEST).take(MOST);
    texts.map(|text| plain(text)).collect()
}

/// Without control characters, which could change the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Adds another process's memory, up to the largest number there is. A figure that one of both
/// lacks is the other's. Each reason is there once.
pub(super) fn add(sum: &mut Option<Coverage>, more: Option<&Coverage>) {
    let Some(more) = more else { return };
    let Some(sum) = sum else { return *sum = Some(more.clone()) };
    let numbers = [
        (&mut sum.peak_anonymous_bytes, more.peak_anonymous_bytes),
        (&mut sum.recorded_bytes, more.recorded_bytes),
        (&mut sum.profiler_bytes, more.profiler_bytes),
        (&mut sum.unseen_bytes, more.unseen_bytes),
    ];
    numbers.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    let known = [
        (&mut sum.end_anonymous_bytes, more.end_anonymous_bytes),
        (&mut sum.allocator_bytes, more.allocator_bytes),
        (&mut sum.mapped_bytes, more.mapped_bytes),
    ];
    for (sum, more) in known {
        *sum = sum.map(|sum| sum.saturating_add(more.unwrap_or(0))).or(more);
    }
    let texts = [(&mut sum.reasons, &more.reasons), (&mut sum.not_recorded, &more.not_recorded)];
    for (sum, more) in texts {
        add_texts(sum, more);
    }
}

/// Adds the texts that are not there yet.
pub(super) fn add_texts(sum: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !sum.contains(text) {
            sum.push(text.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: serde_json::Value) -> Coverage {
        serde_json::from_value::<CoverageEntry>(json).unwrap().to_coverage()
    }

    #[test]
    fn hostile_reasons_are_plain_and_few() {
        let reasons: Vec<_> = (0..40).map(|index| format!("\u{1b}[31m {index}\n")).collect();
        let found = read(json!({ "reasons": reasons, "unseen_bytes": 9 }));
        assert_eq!((found.reasons.len(), &*found.reasons[0]), (MOST, " [31m 0 "));
        assert!(read(json!({ "reasons": ["x".repeat(LONGEST + 1)] })).reasons.is_empty());
    }

    #[test]
    fn sums_have_all_numbers_and_each_reason_once() {
        let of = |unseen: u64, end: Option<u64>, reason: &str| {
            read(json!({
                "peak_anonymous_bytes": unseen + 5, "end_anonymous_bytes": end,
                "recorded_bytes": 1, "profiler_bytes": 2, "unseen_bytes": unseen, "reasons": [reason],
            }))
        };
        let (one, two, other) =
            (of(10, None, "a"), of(20, Some(7), "b"), of(u64::MAX - 9, None, "a"));
        let mut sum = None;
        add(&mut sum, None);
        [&one, &two].into_iter().for_each(|part| add(&mut sum, Some(part)));
        let both = sum.clone().unwrap();
        assert_eq!((both.unseen_bytes, both.peak_anonymous_bytes), (30, 40));
        assert_eq!((both.end_anonymous_bytes, both.allocator_bytes), (Some(7), None));
        assert_eq!(both.reasons, ["a", "b"]);
        add(&mut sum, Some(&other));
        let all = sum.unwrap();
        assert_eq!((all.unseen_bytes, all.recorded_bytes, all.reasons.len()), (u64::MAX, 3, 2));
    }
}
