//! Sampling: of the blocks, few get a stack, and stand for the others.
//!
//! Points are strewn over a thread's allocated bytes, with exponential gaps of a mean of *R* bytes
//! ([`Countdown`]). A block that has a point among its bytes is sampled: one of *s* bytes with the
//! chance 1 − e^(−s/R). So it stands for 1 / (1 − e^(−s/R)) blocks of its size, its weight, and the
//! sums of weights are right on average, whatever the sizes of a site's blocks are.
//!
//! # Sums that are estimates
//!
//! A site's [tally](crate::store::tally) counts a sampled block with its weight at once, when it is
//! allocated and when it is freed. So a tally has estimates in all its words, and live values,
//! maxima and values at the peak are made of them as of exact numbers. Bytes are whole; blocks have
//! [`BLOCK_SHIFT`] binary places, because weights near 1 are no whole numbers. Times are those of
//! the clock without as many binary places, so their products have the size that they have without
//! sampling. A recording says in its header that it is so.
//!
//! The weight is a function of the size and of R. So a free takes away to the last bit what the
//! allocation added, and a block needs no more than its ordinary trailer, whose number has the
//! site and the number of the [rate](crate::store::rates).
//!
//! # Rates that change
//!
//! R may change while the process runs. A thread takes up the new rate at its next event, by a new
//! gap: an exponential one has no memory, so it may begin anywhere. Blocks from before keep the
//! number of the rate at which they were drawn, so each is counted and taken away by one weight,
//! and sums over several rates are right on average, too. With a mean gap of [`EACH`] all blocks
//! are sampled, with the weight 1: then numbers are exact.
//!
//! Another process may ask for a rate by a word of the header. Only events that are no quick ones
//! look there, so a long gap is counted down in pieces of [`PIECE`] bytes: a thread looks after as
//! many.
//!
//! The variance of an estimated sum of bytes *B* of blocks of *s* bytes is B · s · (weight − 1).
//! [`Rate::interval`] needs no sum of its own for that: *s* is the mean size.
//!
//! # Unsampled blocks
//!
//! The trailer of an unsampled block has a number beyond all sites ([`unsampled`]): its events
//! count in the thread's front alone. The number tells the window, as a site does.
//!
//! # Resized blocks
//!
//! A resized block counts for its site as freed, and is sampled anew with its new size, for the
//! stack that resized it. A block that was small when it was allocated may have become large, and
//! its first stack is not known: no other rule is right on average.

use crate::base::settings::EACH;

/// Binary places of a tally's blocks, and those that times lack, where blocks are sampled.
pub(crate) const BLOCK_SHIFT: u32 = 10;

#[cfg(not(mod_alloc_portable))]
#[path = "sampling/numbers.rs"]
// said, because the portable engine includes this file from elsewhere
mod numbers;

#[cfg(not(mod_alloc_portable))]
pub(crate) use numbers::*;

/// The mean gap between samples in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(u64);

/// The numbers of one side of a sampled block's event: blocks have [`BLOCK_SHIFT`] binary places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

impl Rate {
    /// `None`: each block is recorded.
    pub(crate) fn new(mean_gap: u64) -> Option<Self> {
        (mean_gap != 0).then_some(Rate(mean_gap))
    }

    /// The bytes and blocks that a sampled block of `size` bytes stands for. Blocks of no bytes are
    /// not sampled.
    pub(crate) fn estimate(self, size: u64) -> Estimate {
        let weight = 1.0 / self.chance(size.max(1) as f64);
        let blocks = weight * f64::from(1 << BLOCK_SHIFT) + 0.5;
        Estimate { bytes: (size as f64 * weight + 0.5) as u64, blocks: blocks as u64 }
    }

    /// The chance of a block of `size` bytes to be sampled.
    fn chance(self, size: f64) -> f64 {
        if self.0 <= EACH { 1.0 } else { chance(size / self.0 as f64) }
    }

    /// The bounds that hold the true number of bytes in 95 of 100 cases, of an estimate of `bytes`
    /// in `blocks`.
    ///
    /// It is Wilson's interval for numbers of rare events: it holds with few samples, too. Of
    /// blocks of different sizes it is rather too wide.
    pub(crate) fn interval(self, bytes: f64, blocks: f64) -> (f64, f64) {
        const QUANTILE: f64 = 1.959_964;
        if blocks <= 0.0 || bytes <= 0.0 {
            return (0.0, 0.0);
        }
        let size = bytes / blocks;
        let chance = self.chance(size);
        // The bytes that one sample adds, as far as chance has a part in them.
        let step = size * (1.0 - chance) / chance;
        let middle = bytes + step * QUANTILE * QUANTILE / 2.0;
        let half = QUANTILE * (step * bytes + step * step * QUANTILE * QUANTILE / 4.0).sqrt();
        ((middle - half).max(0.0), middle + half)
    }
}

/// Estimated blocks as the nearest whole number. Something is never nothing.
pub(crate) fn whole(blocks: u64) -> u64 {
    let rounded = (blocks >> BLOCK_SHIFT) + (blocks >> (BLOCK_SHIFT - 1) & 1);
    rounded.max(u64::from(blocks != 0))
}

/// 1 − e^(−x), without the mathematical library: the preload library would load it into every
/// program.
fn chance(x: f64) -> f64 {
    const MOST: f64 = 50.0;
    const SMALL: f64 = 0.25;
    let (mut x, mut halvings) = (x.min(MOST), 0);
    while x > SMALL {
        (x, halvings) = (x / 2.0, halvings + 1);
    }
    // x − x²/2 + x³/6 − …
    let mut sum = 0.0;
    for n in (1..=12).rev() {
        sum = x / f64::from(n) * (1.0 - sum);
    }
    for _ in 0..halvings {
        sum *= 2.0 - sum;
    }
    sum
}

/// The logarithm of a number from 2^−53 to 1.
fn logarithm(number: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let bits = number.to_bits();
    let exponent = (bits >> 52).cast_signed() - 1023;
    let mantissa = f64::from_bits(bits & MANTISSA | ONE);
    let (mantissa, exponent) = if mantissa > core::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    // ln m = 2 · (t + t³/3 + t⁵/5 + …), t = (m − 1) / (m + 1)
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let mut sum = 0.0;
    for n in (0..10).rev() {
        sum = sum * t * t + 1.0 / f64::from(2 * n + 1);
    }
    2.0 * t * sum + exponent as f64 * core::f64::consts::LN_2
}

/// The most bytes of a gap that are counted down at once.
const PIECE: i64 = 4 << 20;

/// A thread's bytes to its next sample.
#[derive(Debug)]
pub(crate) struct Countdown {
    left: i64,
    /// Bytes of the gap beyond those: see [`PIECE`].
    beyond: i64,
    /// The state of the random numbers.
    random: u64,
}

impl Countdown {
    /// Begins with the first gap. Threads with other seeds have other gaps.
    pub(crate) fn begin(&mut self, seed: u64, rate: Rate) {
        self.random = seed;
        self.draw(rate);
    }

    /// Goes on at another rate.
    pub(crate) fn change(&mut self, rate: Rate) {
        self.draw(rate);
    }

    /// Counts a block that is not sampled; `false`: it is, and nothing is counted.
    #[inline(always)]
    pub(crate) fn pass(&mut self, size: usize) -> bool {
        let left = self.left.wrapping_sub(size.cast_signed() as i64);
        let is_passed = left > 0;
        if is_passed {
            self.left = left;
        }
        is_passed
    }

    /// Counts a block; `true` if it is sampled.
    pub(crate) fn count(&mut self, size: usize, rate: Rate) -> bool {
        if self.pass(size) {
            return false;
        }
        let left = self.left.saturating_add(self.beyond);
        let left = left.saturating_sub(i64::try_from(size).unwrap_or(i64::MAX));
        if self.beyond > 0 && left > 0 {
            self.count_from(left);
            return false;
        }
        // The rest of the block has no memory of the point before.
        self.draw(rate);
        true
    }

    /// Draws the next gap. Rounded up: so a block of s bytes holds the point with just the chance
    /// that its weight is made of.
    fn draw(&mut self, rate: Rate) {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        if rate.0 <= EACH {
            // No block passes, not even one of no bytes.
            return self.count_from(0);
        }
        let uniform = ((self.next() >> 11) + 1) as f64 * UNIT;
        self.count_from((-logarithm(uniform) * rate.0 as f64).ceil().max(1.0) as i64);
    }

    fn count_from(&mut self, gap: i64) {
        self.left = gap.min(PIECE);
        self.beyond = gap - self.left;
    }

    /// The next random number: SplitMix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
