//! The limits of those who collect profiles.

use std::io;

use crate::dhat_file::Document;
use crate::report::{Sort as Metric, largest, with_frames};

/// Pyroscope refuses more than 16,000 samples, and more than 4 MiB before compression. Two stacks
/// more stand for all that are left out.
const MOST_STACKS: usize = 15_000;
pub(super) const MOST_BYTES: usize = 4 << 20;

/// The bytes that `encode` makes of the largest stacks, as many as collectors take; all others are
/// added up.
pub(super) fn fitting(
    document: &Document,
    metric: Metric,
    encode: impl Fn(&Document) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let mut top = MOST_STACKS;
    loop {
        let plain = encode(&with_frames(largest(document.clone(), metric, top)))?;
        if plain.len() <= MOST_BYTES || top == 0 {
            return Ok(plain);
        }
        // A little less than what would fit if all stacks were of one length.
        top = top.min(document.sites.len());
        let fitting = top as f64 * MOST_BYTES as f64 / plain.len() as f64 * 0.95;
        top = (fitting as usize).min(top.saturating_sub(1));
    }
}
