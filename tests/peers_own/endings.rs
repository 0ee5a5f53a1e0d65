//! A profiler ends while other threads allocate. Runs as a test of a package that uses 1.0.1.

#![cfg(feature = "dhat-compat")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mod_alloc::ModAlloc;
use mod_alloc::dhat_compat::{Alloc, Profiler};

#[global_allocator]
static ALLOC: Alloc = Alloc;

fn recorded() -> u64 {
    ModAlloc::new().call_sites().iter().map(|site| site.count).sum()
}

#[test]
fn nothing_is_recorded_once_a_profiler_has_ended() {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    drop(black_box(vec![0_u8; 100]));
                }
            });
        }
        let late = (0..300).find_map(|_| {
            drop(Profiler::builder().testing().build());
            let (before, after) = (recorded(), recorded());
            (before != after).then_some(after - before)
        });
        ended.store(true, Ordering::Relaxed);
        assert_eq!(late, None, "events that came late");
    });
}
