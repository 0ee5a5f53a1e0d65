//! With the feature `threads`, what a measured thread starts is measured, too.

use std::hint::black_box;
use std::thread;

use mod_alloc::{Measured, ModAlloc, measure, measure_threads};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// So large that what it takes to start threads is nothing beside it: the standard library keeps a tree
/// of them, which now and then needs a node more.
const LARGE: u64 = 1 << 20;

/// How many large blocks there were among all.
fn large(measured: Measured) -> u64 {
    measured.bytes / LARGE
}

/// A tree of threads that do nothing but keep as many blocks.
fn tree(depth: u32, blocks: usize) {
    let kept: Vec<Vec<u8>> = (0..blocks).map(|_| black_box(vec![0; LARGE as usize])).collect();
    if depth > 0 {
        let threads = [(); 3].map(|()| thread::spawn(move || tree(depth - 1, blocks)));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    drop(kept);
}

#[test]
fn every_thread_of_a_tree_counts() {
    let threads = 1 + 3 + 9 + 27;
    let ((), measured) = measure_threads(|| tree(3, 10));
    assert_eq!(large(measured), threads * 10);
    assert!(measured.blocks >= threads * 10);
    assert!(measured.end_bytes < LARGE && measured.peak_bytes >= 10 * LARGE, "{measured:?}");
}

#[test]
fn only_on_request() {
    let bytes = LARGE as usize;
    let spawn = || thread::spawn(move || drop(black_box(vec![0_u8; bytes]))).join().unwrap();
    assert_eq!((large(measure(spawn).1), large(measure_threads(spawn).1)), (0, 1));
}

#[test]
fn measurements_in_parallel_are_apart() {
    let measured = |n: u64| {
        let bytes = (n * LARGE) as usize;
        let work = move || thread::spawn(move || drop(black_box(vec![0_u8; bytes]))).join();
        large(measure_threads(work).1)
    };
    let all = (0..20).map(|n| thread::spawn(move || (0..50).all(|_| measured(n) == n)));
    let all: Vec<_> = all.collect();
    let exact: Vec<bool> = all.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(exact, [true; 20]);
}

/// A thread that goes on after its measurement does not count for another.
#[test]
fn threads_outlive_their_measurement() {
    let (send, receive) = std::sync::mpsc::channel::<()>();
    let (thread, _) = measure_threads(|| {
        thread::spawn(move || {
            receive.recv().unwrap();
            (0..100).for_each(|_| drop(black_box(vec![0_u8; LARGE as usize])));
        })
    });
    let ((), other) = measure(|| {
        send.send(()).unwrap();
        thread.join().unwrap();
    });
    assert_eq!(large(other), 0);
}
