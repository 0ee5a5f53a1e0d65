//! Functions that say what a block of a test program belongs to.
//!
//! | the innermost of them on the stack | the block |
//! |---|---|
//! | a start: calls a test | the test's |
//! | apart: panics, set-up that happens once in the process | no test's, wherever it happens |
//! | none | that of a thread which the test has started, or the harness's |
//!
//! A test harness allocates in the test's thread, too: before it calls the test, and after. What
//! happens once falls on whichever test comes first, so it would differ from run to run.
//! The command `test` finds these functions, and hands their addresses over.

use core::ffi::CStr;
use core::ops::Range;

use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};
use crate::store::frames::{Frames, ROOTS};
use crate::store::ids::FrameId;

/// Linked addresses of functions of the executable, the first and one past the last of each; 0: no
/// more.
type Functions<const N: usize> = [[AtomicU64; 2]; N];

static STARTS: Functions<8> = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; 8];
static APART: Functions<64> = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; 64];

/// True if the first thread is a group: the list of starts begins with the word `main`.
#[cfg(feature = "preload")]
pub(crate) fn has_main(ranges: &CStr) -> bool {
    ranges.to_bytes().split(|byte| *byte == b',').next() == Some(b"main")
}

/// Reads `start-end,…` in hexadecimal, with a `!` before those that are apart; leaves out pairs
/// that do not fit, and anything that is no such pair.
pub(crate) fn read(ranges: Option<&CStr>) {
    let Some(ranges) = ranges else { return };
    let bias = os::loaded::executables_bias();
    let words = || ranges.to_bytes().split(|byte| *byte == b',');
    let range = |word| Some(of_word(word)?.map(|address| address.wrapping_add(bias)));
    let starts = words().filter_map(range);
    let apart = words().filter_map(|word| range(word.strip_prefix(b"!")?));
    STARTS.iter().zip(starts).chain(APART.iter().zip(apart)).for_each(|(place, pair)| {
        for (word, address) in place.iter().zip(pair) {
            word.store(address, Ordering::Relaxed);
        }
    });
}

fn of_word(word: &[u8]) -> Option<[u64; 2]> {
    let (first, last) = core::str::from_utf8(word).ok()?.split_once('-')?;
    let address = |digits| u64::from_str_radix(digits, 16).ok();
    Some([address(first)?, address(last)?])
}

fn ranges(functions: &[[AtomicU64; 2]]) -> impl Iterator<Item = Range<u64>> {
    let range =
        |[first, end]: &[AtomicU64; 2]| first.load(Ordering::Relaxed)..end.load(Ordering::Relaxed);
    functions.iter().map(range).take_while(|range| range.end != 0)
}

/// True if a block whose stack ends in `frame` belongs to its thread's group. `whole`: all of the
/// thread's blocks do but those that are apart; where no start is known, they do, too.
pub(crate) fn is_the_groups(frames: &Frames, mut frame: FrameId, whole: bool) -> bool {
    let has_starts = ranges(&STARTS).next().is_some();
    let has_apart = ranges(&APART).next().is_some();
    let to_the_end = whole || !has_starts;
    if to_the_end && !has_apart {
        return true;
    }
    while frame >= ROOTS
        && let Some((address, outer)) = frames.get(frame)
    {
        // A return address may be one past its function's last byte.
        let call = address.wrapping_sub(1);
        let is_in = |functions| ranges(functions).any(|range| range.contains(&call));
        if is_in(&APART) {
            return false;
        }
        if is_in(&STARTS) {
            return true;
        }
        frame = outer;
    }
    to_the_end
}
