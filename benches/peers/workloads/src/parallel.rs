//! The same loop on several threads at once.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::loops::pair;

/// Blocks that are timed; the best one counts.
const BLOCKS: u32 = 7;

/// Nanoseconds of wall time per pair, the pairs of all threads taken together. `work` does so
/// many pairs on each of `threads` threads, as [`run`] does.
pub fn per_pair(threads: u32, budget: Duration, mut work: impl FnMut(u64) -> Times) -> f64 {
    let pairs = pairs_filling(budget / (BLOCKS + 1), &mut work);
    let best = (0..BLOCKS).map(|_| work(pairs).wall).min().expect("BLOCKS is not 0");
    best.as_nanos() as f64 / (pairs * u64::from(threads)) as f64
}

/// How many pairs keep each thread busy for about `goal`. Judged by the thread
/// that was fastest: the wall time of a short block is mostly the time until
/// the last thread wakes up.
fn pairs_filling(goal: Duration, work: &mut impl FnMut(u64) -> Times) -> u64 {
    let mut pairs = 64;
    loop {
        let fastest = work(pairs).fastest;
        if fastest >= goal / 4 {
            return (pairs as f64 * goal.as_secs_f64() / fastest.as_secs_f64()).max(1.0) as u64;
        }
        pairs *= 2;
    }
}

/// How long a block took.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// From when the first thread began until the last was done.
    pub wall: Duration,
    /// The least that one thread took for its share.
    pub fastest: Duration,
}

/// Does `pairs` on each of `threads` threads, which begin together.
///
/// # Panics
///
/// If a thread cannot be started.
pub fn run(threads: u32, pairs: u64) -> Times {
    let ready = Barrier::new(threads as usize);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let start = |_| scope.spawn(|| one_thread(&ready, pairs));
        let handles: Vec<ScopedJoinHandle<'_, _>> = (0..threads).map(start).collect();
        handles.into_iter().map(|handle| handle.join().expect("the loop does not panic")).collect()
    });
    let first = spans.iter().map(|span| span.0).min().expect("at least one thread");
    let last = spans.iter().map(|span| span.1).max().expect("at least one thread");
    let fastest = spans.iter().map(|span| span.1 - span.0).min().expect("at least one thread");
    Times { wall: last - first, fastest }
}

fn one_thread(ready: &Barrier, pairs: u64) -> (Instant, Instant) {
    ready.wait();
    let start = Instant::now();
    (0..pairs).for_each(mixed);
    (start, Instant::now())
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
    // Work after the call keeps it from becoming a jump, which would take the frame away.
    black_box(depth);
}
