//! Assertions, and what they leave.

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mod_alloc::dhat_compat as dhat;

use crate::Program;
use crate::rig::Block;

pub(crate) const PROGRAMS: &[Program] = &[
    ("asserts-that-hold", |_| hold()),
    ("asserts-that-fail", |_| fail()),
    ("misuse", |_| misuse()),
];

/// The message of a panic of `work`.
fn message<R>(work: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { panic!("no panic") };
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).expect("a text")
}

/// Allocations and frees of conditions are not counted, they may ask for the numbers, and each is
/// evaluated once.
fn hold() {
    let profiler = dhat::Profiler::builder().testing().build();
    let block = Block::new(100);
    let evaluated = Cell::new(0);
    let curr_bytes = || {
        evaluated.set(evaluated.get() + 1);
        drop(black_box(vec![1_u8; 1000]));
        dhat::HeapStats::get().curr_bytes
    };
    dhat::assert!(curr_bytes() == 100);
    dhat::assert!(curr_bytes() == 100,);
    dhat::assert!(curr_bytes() == 100, "{} {text}", 1, text = "two");
    dhat::assert_eq!(curr_bytes(), 100);
    dhat::assert_eq!(curr_bytes(), 100,);
    dhat::assert_eq!(curr_bytes(), 100, "{}", 1);
    dhat::assert_ne!(curr_bytes(), 101);
    dhat::assert_ne!(curr_bytes(), 101,);
    dhat::assert_ne!(curr_bytes(), 101, "{}", 1);
    assert_eq!(evaluated.get(), 9);
    assert_eq!(dhat::HeapStats::get().total_blocks, 1);
    block.free();
    drop(profiler);
}

/// Each kind fails in a profiler of its own; only the last one's report stays.
fn fail() {
    let failing = |work: &dyn Fn()| {
        let profiler = dhat::Profiler::builder().testing().build();
        let block = Block::new(100);
        let said = message(work);
        let again = message(|| dhat::assert!(true));
        assert_eq!(again, "dhat: asserting after the profiler has asserted");
        let stats = message(dhat::HeapStats::get);
        assert_eq!(stats, "dhat: getting heap stats after the profiler has asserted");
        let stats = message(dhat::AdHocStats::get);
        assert_eq!(stats, "dhat: getting ad hoc stats after the profiler has asserted");
        let another = message(dhat::Profiler::new_heap);
        assert_eq!(another, "dhat: creating a profiler while a profiler is already running");
        drop(profiler);
        block.free();
        said
    };
    let bytes = || dhat::HeapStats::get().curr_bytes;
    let evaluated = Cell::new(0);
    let counted = || {
        evaluated.set(evaluated.get() + 1);
        bytes()
    };
    let cases: [(&dyn Fn(), &str); 6] = [
        (&|| dhat::assert!(bytes() == 1), "dhat: assertion failed: bytes() == 1"),
        (
            &|| dhat::assert!(bytes() == 1, "{} {text}", 2, text = "three"),
            "dhat: assertion failed: bytes() == 1: 2 three",
        ),
        (
            &|| dhat::assert_eq!(bytes(), 1),
            "dhat: assertion failed: `(left == right)`\n  left: `100`,\n right: `1`",
        ),
        (
            &|| dhat::assert_eq!(bytes(), 1, "oh {}", "{}"),
            "dhat: assertion failed: `(left == right)`\n  left: `100`,\n right: `1`: oh {}",
        ),
        (
            &|| dhat::assert_ne!(bytes(), 100,),
            "dhat: assertion failed: `(left != right)`\n  left: `100`,\n right: `100`",
        ),
        (
            &|| dhat::assert_ne!(counted(), 100, "more"),
            "dhat: assertion failed: `(left != right)`\n  left: `100`,\n right: `100`: more",
        ),
    ];
    for (work, expected) in cases {
        assert_eq!(failing(work), expected);
    }
    assert_eq!(evaluated.get(), 1, "evaluated once");
}

/// All that can be asked at the wrong moment.
fn misuse() {
    let heap = message(dhat::HeapStats::get);
    assert_eq!(heap, "dhat: getting heap stats when no profiler is running");
    let ad_hoc = message(dhat::AdHocStats::get);
    assert_eq!(ad_hoc, "dhat: getting ad hoc stats when no profiler is running");
    let asserting = message(|| dhat::assert!(true));
    assert_eq!(asserting, "dhat: asserting when no profiler is running");

    let profiler = dhat::Profiler::builder().ad_hoc().testing().build();
    let heap = message(dhat::HeapStats::get);
    assert_eq!(heap, "dhat: getting heap stats while doing ad hoc profiling");
    drop(profiler);

    let profiler = dhat::Profiler::builder().file_name("/dev/null").build();
    let ad_hoc = message(dhat::AdHocStats::get);
    assert_eq!(ad_hoc, "dhat: getting ad hoc stats while doing heap profiling");
    let asserting = message(|| dhat::assert!(true));
    assert_eq!(asserting, "dhat: asserting while not in testing mode");
    let another = message(dhat::Profiler::new_ad_hoc);
    assert_eq!(another, "dhat: creating a profiler while a profiler is already running");
    drop(profiler);
}
