//! The heap over time, and distributions, as plain data.

use core::cmp::Ordering;
use std::vec::Vec;

/// The heap over time: samples of the whole run, lists of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// Ends of the samples' intervals, in microseconds since the start, ascending.
    pub end_micros: Vec<u64>,
    /// The least live bytes in the interval.
    pub min_bytes: Vec<u64>,
    /// The most live bytes in the interval.
    pub max_bytes: Vec<u64>,
    /// Live blocks at the interval's end.
    pub blocks: Vec<u64>,
    /// Bytes allocated from the start to the interval's end.
    pub total_bytes: Vec<u64>,
    /// Blocks allocated from the start to the interval's end.
    pub total_blocks: Vec<u64>,
    /// The process's resident memory in bytes at the interval's end; `None` if not known.
    pub resident_bytes: Vec<Option<u64>>,
}

/// The moments at which the sites' numbers were taken down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moments {
    /// Microseconds since the start, ascending.
    pub at_micros: Vec<u64>,
    /// Moments that were left out, so that no more than a bounded number is kept.
    pub thinned: u64,
    /// Numbers of each site, in the order of [`Recording::sites`]; empty if there are none, and
    /// where the sites or stacks have theirs elsewhere.
    ///
    /// [`Recording::sites`]: super::model::Recording::sites
    pub sites: Vec<Vec<SiteMoment>>,
}

impl Moments {
    /// True if there are any, or were before they were left out.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.at_micros.is_empty() || self.thinned > 0
    }

    /// The moments themselves.
    #[cfg(feature = "symbolicate")]
    pub(crate) fn without_sites(&self) -> Self {
        Self { at_micros: self.at_micros.clone(), thinned: self.thinned, sites: Vec::new() }
    }
}

/// A site's numbers at a moment at which they differed from those of the moment before. Before the
/// first, all are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteMoment {
    /// Index into [`Moments::at_micros`]. A site's moments ascend.
    pub moment: u32,
    /// Bytes allocated from the start.
    pub total_bytes: u64,
    /// Blocks allocated from the start.
    pub total_blocks: u64,
    /// Bytes live at the moment.
    pub live_bytes: u64,
    /// Blocks live at the moment.
    pub live_blocks: u64,
}

impl SiteMoment {
    /// Adds the numbers of `more` to those of `sum`, two sites' moments. A number holds from its
    /// moment to the next one of its site.
    pub fn add_up(sum: &mut Vec<Self>, more: &[Self]) {
        if sum.is_empty() || more.is_empty() {
            sum.extend_from_slice(more);
            return;
        }
        let ours = core::mem::take(sum);
        let (mut ours, mut others) = (ours.iter().peekable(), more.iter().peekable());
        let (mut our, mut other) = (Self::default(), Self::default());
        loop {
            let order = match (ours.peek(), others.peek()) {
                (Some(one), Some(another)) => one.moment.cmp(&another.moment),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            let one = ours.next_if(|_| order.is_le());
            let another = others.next_if(|_| order.is_ge());
            our = one.copied().unwrap_or(our);
            other = another.copied().unwrap_or(other);
            let moment = if order.is_le() { our.moment } else { other.moment };
            let both = our.plus(&other, moment);
            let last = sum.last().copied().unwrap_or_default();
            // Sums that stay at the largest number do not differ.
            if (Self { moment, ..last }) != both {
                sum.push(both);
            }
        }
    }

    fn plus(&self, other: &Self, moment: u32) -> Self {
        Self {
            moment,
            total_bytes: self.total_bytes.saturating_add(other.total_bytes),
            total_blocks: self.total_blocks.saturating_add(other.total_blocks),
            live_bytes: self.live_bytes.saturating_add(other.live_bytes),
            live_blocks: self.live_blocks.saturating_add(other.live_blocks),
        }
    }
}

/// Distributions over the whole heap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histograms {
    /// Allocated blocks by their sizes in bytes; `None` if not known.
    pub sizes: Option<Histogram>,
    /// Freed blocks by their lifetimes in microseconds; `None` if not known.
    pub lifetimes: Option<Histogram>,
}

/// Blocks and their bytes by powers of two: entry 0 is of the value 0, entry N of the values
/// from 2^(N-1) to 2^N - 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Blocks.
    pub blocks: Vec<u64>,
    /// Their bytes.
    pub bytes: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[[u64; 5]]) -> Vec<SiteMoment> {
        let moment = |&[moment, total_bytes, total_blocks, live_bytes, live_blocks]: &[u64; 5]| {
            let moment = u32::try_from(moment).unwrap();
            SiteMoment { moment, total_bytes, total_blocks, live_bytes, live_blocks }
        };
        all.iter().map(moment).collect()
    }

    fn sum(all: &[&[[u64; 5]]]) -> Vec<SiteMoment> {
        let mut sum = Vec::new();
        all.iter().for_each(|moments| SiteMoment::add_up(&mut sum, &of(moments)));
        sum
    }

    #[test]
    fn numbers_hold_until_the_next_moment_of_their_site() {
        let (a, b) = ([[0, 1, 1, 1, 1], [3, 5, 2, 0, 0]], [[1, 10, 1, 10, 1], [3, 20, 2, 20, 2]]);
        let both = of(&[[0, 1, 1, 1, 1], [1, 11, 2, 11, 2], [3, 25, 4, 20, 2]]);
        assert_eq!(sum(&[&a, &b]), both);
        assert_eq!(sum(&[&b, &a]), both);
        let third = [[2, 100, 1, 100, 1], [9, 100, 1, 0, 0]];
        let all = [
            [0, 1, 1, 1, 1],
            [1, 11, 2, 11, 2],
            [2, 111, 3, 111, 3],
            [3, 125, 5, 120, 3],
            [9, 125, 5, 20, 2],
        ];
        assert_eq!(sum(&[&a, &b, &third]), of(&all));
        assert_eq!(sum(&[&third, &[], &b, &a]), of(&all));
    }

    #[test]
    fn sums_that_do_not_differ_are_left_out() {
        let full = [[1, u64::MAX, 1, u64::MAX, 1]];
        let moves = [[0, 7, 1, 7, 1], [2, 8, 1, 3, 1]];
        assert_eq!(sum(&[&full, &moves]), of(&[[0, 7, 1, 7, 1], [1, u64::MAX, 2, u64::MAX, 2]]));
    }
}
