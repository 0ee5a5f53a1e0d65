//! Whole programs: what a user waits for.

use std::hint::black_box;
use std::time::Duration;

use crate::measure::time;

/// A program whose first pass takes longer than this is spared the second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nanoseconds of a first pass, when every call site is new to the profiler, and of a second.
pub fn twice(mut pass: impl FnMut()) -> (f64, Option<f64>) {
    let first = time(&mut pass);
    let second = (first < PATIENCE).then(|| time(&mut pass).as_nanos() as f64);
    (first.as_nanos() as f64, second)
}

/// Parses the document, walks the DOM, drops it.
pub fn json() {
    black_box(fixtures::json::run(1));
}

/// Parses the first `files` of the source files.
pub fn syn(files: usize) {
    black_box(fixtures::syntax::run(1, files));
}
