//! Starts of tests: the functions below which blocks belong to the test.
//!
//! A test harness allocates in the test's thread, too: before it calls the test, and after. The
//! command `test` finds the functions of the harness that call a test, and hands their addresses
//! over; a block of a thread counts for the thread's test only if such a function is on its stack.

use core::ffi::CStr;

use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};
use crate::store::frames::{Frames, ROOTS};
use crate::store::ids::FrameId;

/// Starts of tests as linked addresses of the executable: the first and one past the last of each
/// function.
static STARTS: [[AtomicU64; 2]; 8] = [const { [AtomicU64::new(0), AtomicU64::new(0)] }; 8];

/// True if the first thread is a group: the list of starts begins with the word `main`.
#[cfg(feature = "preload")]
pub(crate) fn has_main(ranges: &CStr) -> bool {
    ranges.to_bytes().split(|byte| *byte == b',').next() == Some(b"main")
}

/// Reads `start-end,…` in hexadecimal; leaves out pairs that do not fit, and anything that is no
/// such pair.
pub(crate) fn read(ranges: Option<&CStr>) {
    let Some(ranges) = ranges else { return };
    let bias = os::loaded::executables_bias();
    let pairs = ranges.to_bytes().split(|byte| *byte == b',').filter_map(|range| {
        let (first, last) = core::str::from_utf8(range).ok()?.split_once('-')?;
        let address = |digits| u64::from_str_radix(digits, 16).ok();
        Some([address(first)?, address(last)?])
    });
    for (place, pair) in STARTS.iter().zip(pairs) {
        for (word, address) in place.iter().zip(pair) {
            word.store(address.wrapping_add(bias), Ordering::Relaxed);
        }
    }
}

/// True if the stack that ends in `frame` goes through a start of a test, or if no start is known.
pub(crate) fn is_below_a_start(frames: &Frames, mut frame: FrameId) -> bool {
    let starts = || {
        let range = |[first, end]: &[AtomicU64; 2]| {
            first.load(Ordering::Relaxed)..end.load(Ordering::Relaxed)
        };
        STARTS.iter().map(range).take_while(|range| range.end != 0)
    };
    if starts().next().is_none() {
        return true;
    }
    while frame >= ROOTS
        && let Some((address, outer)) = frames.get(frame)
    {
        // A return address may be one past its function's last byte.
        let call = address.wrapping_sub(1);
        if starts().any(|range| range.contains(&call)) {
            return true;
        }
        frame = outer;
    }
    false
}
