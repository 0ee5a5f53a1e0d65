//! The same loop on several threads at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::loops::pair;
use crate::measure;

/// Nanoseconds of wall time per pair, the pairs of all threads taken together.
pub fn per_pair(threads: u32, budget: Duration) -> f64 {
    let per_thread = measure::per_unit(budget, 0, |pairs| wall_time(threads, pairs));
    per_thread / f64::from(threads)
}

/// From the moment when all threads are ready until the last has done its
/// `pairs`. Starting the threads is not part of it.
pub fn wall_time(threads: u32, pairs: u64) -> Duration {
    let ready = Barrier::new(threads as usize + 1);
    let mut start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                ready.wait();
                (0..pairs).for_each(mixed);
            });
        }
        // The clock is read before this thread lets the others go: they cannot be ahead of it.
        start = Instant::now();
        ready.wait();
    });
    start.elapsed()
}

/// Sizes 32 to 159, at a call depth of 0 to 10 below the loop.
fn mixed(index: u64) {
    below(index % 11, 32 + (index % 128) as usize);
}

#[inline(never)]
fn below(depth: u64, size: usize) {
    if depth == 0 {
        pair(size);
    } else {
        below(depth - 1, size);
    }
    black_box(depth);
}
