//! Totals that are read while other threads allocate, and those of a stack that repeats.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mod_alloc::{AllocStats, ModAlloc};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// Readings of each kind.
const READINGS: usize = 20_000;

/// No maximum falls, and none is less than what is live.
fn assert_maxima_rise(read: impl Fn() -> AllocStats) {
    let mut before = read();
    for _ in 0..READINGS {
        let now = read();
        assert!(now.peak_bytes >= before.peak_bytes, "{now:?} after {before:?}");
        assert!(now.peak_live_count >= before.peak_live_count, "{now:?} after {before:?}");
        assert!(now.peak_bytes >= now.current_bytes, "{now:?}");
        assert!(now.peak_live_count >= now.live_count, "{now:?}");
        before = now;
    }
}

#[test]
fn maxima_never_fall() {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            let ended = &ended;
            scope.spawn(move || {
                let block = || black_box(vec![0_u8; 16]);
                let mut kept: Vec<Vec<u8>> = (0..10_000).map(|_| block()).collect();
                // The heap grows in waves: a peak is where a wave turns.
                while !ended.load(Ordering::Relaxed) {
                    kept.extend((0..40).map(|_| block()));
                    kept.truncate(kept.len() - 39);
                }
            });
        }
        // A failing assertion must not leave the threads to themselves.
        let ended = EndsWhenDropped(&ended);
        assert_maxima_rise(|| ALLOC.snapshot());
        mod_alloc::reset();
        assert_maxima_rise(|| ALLOC.snapshot());
        drop(ended);
    });
}

struct EndsWhenDropped<'a>(&'a AtomicBool);

impl Drop for EndsWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Each of them is a new peak, or enough to tell the heap of: its stack is known, and the rest is
/// not as it was.
#[test]
fn each_block_of_a_stack_that_repeats_counts_at_its_site() {
    const BLOCKS: u64 = 1_000;
    const SIZE: usize = 3 << 20;
    for _ in 0..BLOCKS {
        drop(black_box(Vec::<u8>::with_capacity(SIZE)));
    }
    let of_size = |site: &&mod_alloc::CallSiteStats| site.total_bytes == BLOCKS * SIZE as u64;
    let sites = ALLOC.call_sites();
    let site = sites.iter().find(of_size).expect("a site of its own");
    assert_eq!(site.count, BLOCKS);
}
