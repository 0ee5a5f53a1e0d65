//! A program that checks its own numbers, for targets whose programs cannot run the other tests. It
//! needs nothing but std, so it runs under an emulator.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use mod_alloc::{ModAlloc, assert_allocs, measure};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() {
    totals();
    sites();
    measurements();
    threads();
    report();
    println!("all numbers are right");
}

/// A block of that many bytes, which no compiler leaves out.
#[inline(never)]
fn block(bytes: usize) -> Vec<u8> {
    black_box(vec![1; bytes])
}

fn totals() {
    let before = ALLOC.snapshot();
    let mut grown = block(1000);
    grown.reserve_exact(2000);
    let after = ALLOC.snapshot();
    assert_eq!(after.alloc_count - before.alloc_count, 2);
    assert_eq!(after.total_bytes - before.total_bytes, 1000 + 3000);
    assert_eq!(after.grown_bytes - before.grown_bytes, 3000);
    assert_eq!(after.current_bytes - before.current_bytes, 3000);
    drop(grown);
    assert_eq!(ALLOC.snapshot().current_bytes, before.current_bytes);
}

#[inline(never)]
fn site_of_seven() -> Vec<Vec<u8>> {
    (0..7).map(|_| block(12_345)).collect()
}

fn sites() {
    let kept = site_of_seven();
    let sites = ALLOC.symbolicated_report();
    let named = |name: &str| {
        sites.iter().find(|site| {
            let functions = site.frames.iter().filter_map(|frame| frame.function.as_deref());
            functions.into_iter().any(|function| function.contains(name))
                && site.total_bytes == 7 * 12_345
        })
    };
    let site = named("site_of_seven").expect("a site with that function's name and its bytes");
    assert_eq!(site.count, 7);
    drop(kept);
}

fn measurements() {
    let (first, measured) = measure(|| (block(100), drop(block(50))));
    assert_eq!((measured.blocks, measured.bytes), (2, 150));
    assert_eq!((measured.end_blocks, measured.end_bytes, measured.peak_bytes), (1, 100, 150));
    drop(first);
    assert_allocs!(drop(block(7)), blocks == 1, bytes == 7, end_blocks == 0);
    let broken = std::panic::catch_unwind(|| assert_allocs!(drop(block(7)), blocks == 0));
    let message = broken.expect_err("a limit that is not kept");
    let message = message.downcast_ref::<String>().expect("its message");
    assert!(message.contains("measurements"), "names the call site: {message}");
}

/// Blocks that one thread allocates and another one frees.
fn threads() {
    let before = ALLOC.snapshot();
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let freeing = thread::spawn(move || receiver.into_iter().map(|block| block.len()).sum());
    let allocating: Vec<_> = (0..4)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || (0..500).for_each(|_| sender.send(block(64)).expect("heard")))
        })
        .collect();
    allocating.into_iter().for_each(|thread| thread.join().expect("it sends"));
    drop(sender);
    let sum: usize = freeing.join().expect("it adds up");
    assert_eq!(sum, 4 * 500 * 64);
    let after = ALLOC.snapshot();
    assert!(after.alloc_count - before.alloc_count >= 2000);
    let stats = mod_alloc::memory_stats::process_stats();
    assert_eq!(stats.live_bytes as u64, ALLOC.snapshot().current_bytes);
}

fn report() {
    let kept = block(54_321);
    let report = ALLOC.dhat_json_string();
    assert!(report.contains("\"dhatFileVersion\":2"), "{report}");
    assert!(report.contains("\"tb\":54321,\"tbk\":1"), "{report}");
    drop(kept);
}
