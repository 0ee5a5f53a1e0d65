//! Whole programs: what a user waits for.

use std::hint::black_box;
use std::time::Duration;

use crate::measure::time;

/// A program whose first pass takes longer than this is spared the second.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the first pass took, when every call site is new to the profiler, and the second.
pub fn twice(mut pass: impl FnMut()) -> Vec<Duration> {
    let mut passes = Vec::with_capacity(2);
    // A loop that the compiler does not unroll: one call, and so the same stacks in both passes.
    while passes.len() < black_box(2) && passes.iter().all(|&pass| pass < PATIENCE) {
        passes.push(time(&mut pass));
    }
    passes
}

/// Parses the document, walks the DOM, drops it.
pub fn json() {
    black_box(fixtures::json::run(1));
}

/// Parses the first `files` of the source files.
pub fn syn(files: usize) {
    black_box(fixtures::syntax::run(1, files));
}
