//! Loops of pairs: one allocation and one free.

use std::hint::black_box;

use fixtures::sawtooth::Sawtooth;
use fixtures::sites::Sites;

/// What happens in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// 64 bytes, always at the same site, a few frames deep.
    Shallow,
    /// The same below 32 more frames.
    Deep,
    /// A random block of 100,000 replaced by one of 16 to 4,096 bytes at one of 5,000 sites.
    Sites,
    /// A new heap peak in every pair, above 2,000 sites with a block each.
    Sawtooth,
    /// The same pairs at the same sites below a peak that lies behind.
    Steady,
}

impl Body {
    /// Pairs to do before any are measured: what fills the heap.
    pub fn warm_up(self) -> u64 {
        match self {
            Self::Shallow | Self::Deep => 0,
            Self::Sites => u64::from(fixtures::sites::LIVE),
            // The first round fills the base.
            Self::Sawtooth | Self::Steady => 1,
        }
    }

    /// A function that does so many pairs each time.
    pub fn start(self) -> Box<dyn FnMut(u64)> {
        match self {
            Self::Shallow => Box::new(shallow),
            Self::Deep => Box::new(|pairs| below(32, pairs)),
            Self::Sites => {
                let mut sites = Sites::new();
                Box::new(move |pairs| (0..pairs).for_each(|_| sites.replace()))
            }
            Self::Sawtooth => teeth(Sawtooth::new()),
            Self::Steady => teeth(Sawtooth::steady()),
        }
    }
}

/// A pair is a tooth.
fn teeth(mut sawtooth: Sawtooth) -> Box<dyn FnMut(u64)> {
    Box::new(move |pairs| (0..pairs).for_each(|_| sawtooth.round()))
}

#[inline(never)]
fn shallow(pairs: u64) {
    for _ in 0..pairs {
        pair(64);
    }
}

/// `depth` frames deeper, `shallow`.
#[inline(never)]
fn below(depth: u32, pairs: u64) {
    if depth == 0 {
        shallow(pairs);
    } else {
        below(depth - 1, pairs);
    }
    // Work after the call keeps it from becoming a jump, which would take the frame away.
    black_box(depth);
}

/// Allocates and frees `size` bytes.
#[inline(always)]
pub(crate) fn pair(size: usize) {
    drop(black_box(Vec::<u8>::with_capacity(black_box(size))));
}
