//! A profile of stacks, within limits: the largest stacks, and all others as one.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::vec::Vec;

use crate::recording::model::Counters;

use super::{Encoder, Line};

/// The names of a sample's numbers, as Go's heap profiles have them, in the order of [`Totals`].
const TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];
/// The function that stands for the stacks that are left out.
const OTHER: &str = "(other)";
/// Collectors refuse more bytes than these before compression.
const MOST_BYTES: usize = 4 << 20;
/// Room for a stack of long names, and for the end.
const RESERVE: usize = 256 << 10;

/// The numbers of a stack: blocks and bytes ever allocated, blocks and bytes that are live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals([u64; 4]);

impl Totals {
    pub(crate) fn of(counters: &Counters) -> Self {
        let Counters { total_blocks, total_bytes, end_blocks, end_bytes, .. } = *counters;
        Self([total_blocks, total_bytes, end_blocks, end_bytes])
    }

    pub(crate) fn add(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    pub(crate) fn bytes(self, metric: Metric) -> u64 {
        let [_, total, _, live] = self.0;
        if metric == Metric::Total { total } else { live }
    }

    fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }
}

/// The number that readers show first, and that the largest stacks have most of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Total,
    Live,
}

/// Stacks with numbers.
pub(crate) trait Stacks {
    /// The numbers of each stack.
    fn totals(&self) -> impl Iterator<Item = Totals>;

    /// Adds the locations of stack `index` to `ids`, innermost first, and gives its group's name.
    fn locations(
        &mut self,
        index: usize,
        encoder: &mut Encoder,
        ids: &mut Vec<u64>,
    ) -> Option<&str>;
}

/// Encodes what a profile begins with. `gap`: bytes between two samples on average; 1: every byte
/// was recorded.
pub(crate) fn head(metric: Metric, gap: u64, encoder: &mut Encoder) {
    for (name, unit) in TYPES {
        encoder.sample_type(name, unit);
    }
    let [_, (total, _), _, (live, _)] = TYPES;
    encoder.default_sample_type(if metric == Metric::Total { total } else { live });
    encoder.period(gap);
    encoder.comment(concat!("made by mod-alloc ", env!("CARGO_PKG_VERSION")));
}

/// Writes the samples of the `top` largest of `stacks`, fewer if they would be longer than
/// collectors take. All others are one sample with `others`.
pub(crate) fn write(
    metric: Metric,
    top: usize,
    mut others: Totals,
    stacks: &mut impl Stacks,
    encoder: &mut Encoder,
    out: &mut dyn Write,
) -> io::Result<()> {
    let all = stacks.totals().enumerate().filter(|(_, totals)| !totals.is_zero());
    let mut all: Vec<(usize, Totals)> = all.collect();
    all.sort_by_key(|(index, totals)| (Reverse(totals.bytes(metric)), *index));
    let mut ids = Vec::new();
    let mut shown = 0;
    for (index, totals) in &all {
        if shown >= top || encoder.length() > MOST_BYTES - RESERVE {
            break;
        }
        shown += 1;
        ids.clear();
        let group = stacks.locations(*index, encoder, &mut ids);
        let label = group.map(|group| ("group", group));
        encoder.sample(&ids, &totals.0, label.as_slice());
        encoder.flush_to(out)?;
    }
    all.iter().skip(shown).for_each(|(_, totals)| others.add(*totals));
    if !others.is_zero() {
        let function = encoder.function(OTHER, "");
        let other = encoder.location(0, 0, &[Line { function, ..Line::default() }]);
        encoder.sample(&[other], &others.0, &[]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::super::message::Message;
    use super::*;

    /// Stacks of one frame, whose names have this length.
    struct Long(Vec<u64>, usize);

    impl Stacks for Long {
        fn totals(&self) -> impl Iterator<Item = Totals> {
            self.0.iter().map(|&bytes| Totals([1, bytes, 0, 0]))
        }

        fn locations(
            &mut self,
            index: usize,
            encoder: &mut Encoder,
            ids: &mut Vec<u64>,
        ) -> Option<&str> {
            let name = std::format!("f{index}{}", "x".repeat(self.1));
            let line = Line { function: encoder.function(&name, ""), ..Line::default() };
            ids.push(encoder.location(0, 0, &[line]));
            None
        }
    }

    fn written(top: usize, stacks: &mut Long) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        let others = Totals([1, 1, 0, 0]);
        write(Metric::Total, top, others, stacks, &mut encoder, &mut out).unwrap();
        encoder.finish(&mut out).unwrap();
        out
    }

    fn has(profile: &[u8], text: &str) -> bool {
        profile.windows(text.len()).any(|part| part == text.as_bytes())
    }

    #[test]
    fn the_largest_are_shown_and_all_others_are_one() {
        let profile = written(2, &mut Long([5, 30, 0, 20].into(), 1));
        for (name, is_there) in [("f0x", false), ("f1x", true), ("f2x", false), ("f3x", true)] {
            assert_eq!(has(&profile, name), is_there, "{name}");
        }
        let mut sum = Message::default();
        // A block of `others`, and those that were left out.
        sum.packed(2, [3, 6, 0, 0].into_iter());
        let mut bytes = Vec::new();
        sum.move_to(&mut bytes).unwrap();
        assert!(has(&profile, OTHER) && profile.windows(bytes.len()).any(|part| part == bytes));
    }

    #[test]
    fn no_profile_is_longer_than_collectors_take() {
        let profile = written(usize::MAX, &mut Long((1..=20_000).collect(), 500));
        assert!((MOST_BYTES / 2..=MOST_BYTES).contains(&profile.len()), "{}", profile.len());
        assert!(has(&profile, "f19999x") && !has(&profile, "f0x"), "the largest are kept");
        assert!(has(&profile, OTHER));
    }

    #[test]
    fn a_profile_of_nothing_has_no_sample() {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        let mut none = Long(Vec::new(), 1);
        let others = Totals::default();
        write(Metric::Live, 1, others, &mut none, &mut encoder, &mut out).unwrap();
        encoder.finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "2\0", "the empty string alone");
    }
}
