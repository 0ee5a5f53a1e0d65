//! Stacks by their frames: those that naming and trimming made equal become one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::vec::Vec;

use crate::recording::model::{Counters, SiteMoment};
use crate::symbolize::FixedMap;

/// Distinct stacks with their numbers. Frame ids of all stacks lie in one vector: a quarter
/// of a million small vectors would cost more than their contents.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    ids: Vec<u32>,
    stacks: Vec<Stack>,
    /// The latest stack with a hash; the others follow through [`Stack::same_hash`].
    by_hash: FixedMap<u64, u32>,
}

#[derive(Debug)]
struct Stack {
    first: usize,
    len: usize,
    counters: Counters,
    sites: u32,
    /// Empty in most recordings, and then without memory of their own.
    moments: Vec<SiteMoment>,
    same_hash: Option<u32>,
}

impl Stacks {
    pub(super) fn len(&self) -> usize {
        self.stacks.len()
    }

    /// Adds one site, whose stack after naming and trimming is `frames`.
    pub(super) fn add(&mut self, frames: &[u32], counters: &Counters, moments: &[SiteMoment]) {
        self.add_hashed(hash(frames), frames, counters, moments);
    }

    fn add_hashed(
        &mut self,
        hash: u64,
        frames: &[u32],
        counters: &Counters,
        moments: &[SiteMoment],
    ) {
        let latest = self.by_hash.get(&hash).copied();
        if let Some(at) = self.find(latest, frames) {
            let stack = &mut self.stacks[at as usize];
            add(&mut stack.counters, counters);
            stack.sites = stack.sites.saturating_add(1);
            SiteMoment::add_up(&mut stack.moments, moments);
            return;
        }
        let at = u32::try_from(self.stacks.len()).unwrap_or(u32::MAX);
        self.by_hash.insert(hash, at);
        self.stacks.push(Stack {
            first: self.ids.len(),
            len: frames.len(),
            counters: *counters,
            sites: 1,
            moments: moments.to_vec(),
            same_hash: latest,
        });
        self.ids.extend_from_slice(frames);
    }

    fn find(&self, mut next: Option<u32>, frames: &[u32]) -> Option<u32> {
        while let Some(at) = next {
            if self.frame_ids(at as usize) == frames {
                return Some(at);
            }
            next = self.stacks[at as usize].same_hash;
        }
        None
    }

    /// Replaces each frame's id by another one.
    pub(super) fn rename_frames(&mut self, renamed: impl Fn(u32) -> u32) {
        self.ids.iter_mut().for_each(|id| *id = renamed(*id));
    }

    /// All ids of frames, of one stack after another.
    pub(super) fn all_frame_ids(&self) -> &[u32] {
        &self.ids
    }

    /// Frees what only [`add`](Self::add) needs.
    pub(super) fn finish(&mut self) {
        self.by_hash = FixedMap::default();
        self.ids.shrink_to_fit();
        self.stacks.shrink_to_fit();
    }

    pub(super) fn frame_ids(&self, at: usize) -> &[u32] {
        let stack = &self.stacks[at];
        &self.ids[stack.first..stack.first + stack.len]
    }

    pub(super) fn counters(&self, at: usize) -> &Counters {
        &self.stacks[at].counters
    }

    pub(super) fn sites(&self, at: usize) -> u32 {
        self.stacks[at].sites
    }

    pub(super) fn moments(&self, at: usize) -> &[SiteMoment] {
        &self.stacks[at].moments
    }
}

/// Adds every number of `more` to `sum`. Numbers from a damaged recording may not fit: the
/// largest number stands for all that are larger.
pub(crate) fn add(sum: &mut Counters, more: &Counters) {
    let pairs = [
        (&mut sum.total_bytes, more.total_bytes),
        (&mut sum.total_blocks, more.total_blocks),
        (&mut sum.lifetimes_micros, more.lifetimes_micros),
        (&mut sum.max_bytes, more.max_bytes),
        (&mut sum.max_blocks, more.max_blocks),
        (&mut sum.peak_bytes, more.peak_bytes),
        (&mut sum.peak_blocks, more.peak_blocks),
        (&mut sum.end_bytes, more.end_bytes),
        (&mut sum.end_blocks, more.end_blocks),
    ];
    for (number, added) in pairs {
        *number = number.saturating_add(added);
    }
}

fn hash(frames: &[u32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    frames.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(first: u64) -> Counters {
        Counters {
            total_bytes: first,
            total_blocks: first + 1,
            lifetimes_micros: first + 2,
            max_bytes: first + 3,
            max_blocks: first + 4,
            peak_bytes: first + 5,
            peak_blocks: first + 6,
            end_bytes: first + 7,
            end_blocks: first + 8,
        }
    }

    fn live(moment: u32, live_bytes: u64) -> SiteMoment {
        SiteMoment { moment, live_bytes, ..SiteMoment::default() }
    }

    #[test]
    fn equal_stacks_are_summed() {
        let mut stacks = Stacks::default();
        stacks.add(&[1, 2, 3], &numbers(100), &[live(0, 5), live(4, 9)]);
        stacks.add(&[1, 2], &numbers(10), &[live(2, 1)]);
        stacks.add(&[1, 2, 3], &numbers(1000), &[live(2, 30)]);
        assert_eq!(stacks.len(), 2);
        let sum = Counters {
            total_bytes: 1100,
            total_blocks: 1102,
            lifetimes_micros: 1104,
            max_bytes: 1106,
            max_blocks: 1108,
            peak_bytes: 1110,
            peak_blocks: 1112,
            end_bytes: 1114,
            end_blocks: 1116,
        };
        assert_eq!((stacks.counters(0), stacks.sites(0)), (&sum, 2));
        assert_eq!((stacks.counters(1), stacks.sites(1)), (&numbers(10), 1));
        assert_eq!((stacks.frame_ids(0), stacks.frame_ids(1)), (&[1, 2, 3][..], &[1, 2][..]));
        assert_eq!(stacks.moments(0), [live(0, 5), live(2, 35), live(4, 39)]);
        assert_eq!(stacks.moments(1), [live(2, 1)]);
    }

    #[test]
    fn different_stacks_with_one_hash_stay_apart() {
        let mut stacks = Stacks::default();
        for frames in [&[1][..], &[2], &[3], &[2], &[1]] {
            stacks.add_hashed(7, frames, &numbers(1), &[]);
        }
        let sites: Vec<u32> = (0..stacks.len()).map(|at| stacks.sites(at)).collect();
        assert_eq!(sites, [2, 2, 1]);
    }

    #[test]
    fn sums_that_do_not_fit_stop_at_the_largest_number() {
        let mut stacks = Stacks::default();
        stacks.add(&[], &Counters { total_bytes: u64::MAX, ..Counters::default() }, &[]);
        stacks.add(&[], &numbers(5), &[]);
        assert_eq!(stacks.counters(0).total_bytes, u64::MAX);
    }
}
