//! A thread's blocks by their sizes and by their lifetimes, in classes by powers of two.
//!
//! ```text
//!  class 0    the value 0
//!  class N    values from 2^(N-1) to 2^N - 1
//! ```
//!
//! Each class has bytes and blocks, which one instruction stores. A slot's histograms have one
//! writer, the slot's thread, and lie apart from those of other slots: so an event writes one line
//! that no other thread writes. Readers add up all slots.
//!
//! | | counted | a resized block |
//! |---|---|---|
//! | sizes | when a block is allocated | counts again, with its new size |
//! | lifetimes | when a block is freed | goes on, and counts once, with its last size |
//!
//! So the sizes' sums are the totals of all sites. An event counts here just before it counts at
//! its site: where a thread was killed in between, its sizes have one block more.

use crate::base::sync::amount::Amount;
use crate::base::sync::word::{AlignedPair, add_to};

/// Classes of a histogram. No value needs more: no block has 2^63 bytes.
pub(crate) const CLASSES: usize = 64;

/// Bytes and blocks of each class.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Histogram([AlignedPair; CLASSES]);

/// One thread's entry, 2048 bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Histograms {
    /// Allocated blocks by their sizes in bytes.
    pub(crate) sizes: Histogram,
    /// Freed blocks by their lifetimes in microseconds; empty without `MOD_ALLOC_LIFETIMES=on`.
    pub(crate) lifetimes: Histogram,
}

const _: () = assert!(size_of::<Histograms>() == 2048, "the recording's format");

/// The class of a value below 2^63.
#[inline(always)]
fn class_of(value: u64) -> usize {
    // The lowest bit makes 0 an ordinary value: it has no highest bit.
    (value << 1 | 1).ilog2() as usize
}

impl Histogram {
    /// Counts a block of `bytes` in the class of `value`. Only the one writer may call this.
    #[inline(always)]
    pub(crate) fn count(&self, value: u64, bytes: u64) {
        self.add(value, Amount::block(bytes));
    }

    /// Adds to the class of `value`. Only the one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, value: u64, amount: Amount) {
        add_to(&self.0, class_of(value), amount);
    }

    /// Bytes and blocks of each class.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|class| class.get())
    }

    #[cfg(feature = "dhat-compat")]
    fn clear(&self) {
        self.0.iter().for_each(|class| class.set(0, 0));
    }
}

impl Histograms {
    /// Empties all classes. No event is under way.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn clear(&self) {
        self.sizes.clear();
        self.lifetimes.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_class_begins_at_each_power_of_two() {
        assert_eq!(class_of(0), 0);
        for class in 1..CLASSES {
            let first = 1 << (class - 1);
            assert_eq!(class_of(first), class);
            assert_eq!(class_of(2 * first - 1), class);
        }
    }

    #[test]
    fn bytes_and_blocks_are_those_of_the_class() {
        let histogram = Histogram(core::array::from_fn(|_| AlignedPair::default()));
        for size in [0, 0, 1, 2, 3, 4, 1 << 40, u64::MAX >> 1] {
            histogram.count(size, size);
        }
        let mut expected = [(0, 0); CLASSES];
        expected[..4].copy_from_slice(&[(0, 2), (1, 1), (5, 2), (4, 1)]);
        expected[41] = (1 << 40, 1);
        expected[63] = (u64::MAX >> 1, 1);
        assert_eq!(histogram.classes().collect::<Vec<_>>(), expected);
    }
}
