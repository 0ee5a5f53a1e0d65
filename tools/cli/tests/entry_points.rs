//! Every entry point of the C library's allocator and of C++'s, recorded: the programs hold each against
//! its manual and do not notice us, and what they count of themselves is what was recorded.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::os::unix::process::ExitStatusExt;

use traced::compared::traced_like_plain;
use traced::native;
use traced::program::{Ended, Program};
use traced::recorded::{Recorded, said};

/// The program does the same as plain, and nothing was lost.
fn unnoticed(program: &str, case: &str) -> (Ended, Recorded) {
    let program = Program::new(native::program(program), &[case]);
    let (ended, recorded) = traced_like_plain(&program);
    let ended = ended.with_status(0);
    recorded.assert_nothing_lost();
    (ended, recorded)
}

/// And what it has counted is what was recorded.
fn counted(program: &str, case: &str) -> (Ended, Recorded) {
    let (ended, recorded) = unnoticed(program, case);
    recorded.assert_counted(&ended.stdout);
    (ended, recorded)
}

#[test]
fn malloc_and_free() {
    counted("entry_points", "malloc");
}

#[test]
fn blocks_of_no_bytes() {
    counted("entry_points", "zero");
}

#[test]
fn calloc() {
    counted("entry_points", "calloc");
}

#[test]
fn sizes_that_cannot_be() {
    counted("entry_points", "overflow");
}

#[test]
fn realloc() {
    counted("entry_points", "realloc");
}

#[test]
fn realloc_to_nothing() {
    counted("entry_points", "realloc-to-nothing");
}

#[test]
fn realloc_from_nothing_and_refused() {
    counted("entry_points", "realloc-edges");
}

#[test]
fn every_alignment() {
    counted("entry_points", "aligned");
}

#[test]
fn alignments_that_cannot_be() {
    unnoticed("entry_points", "bad-alignments");
}

/// How much is usable beyond what was asked for is not the same as without us.
#[test]
fn all_that_is_usable_may_be_written() {
    counted("entry_points", "usable");
}

/// With the block's birth before its trailer, too.
#[test]
fn every_kind_of_block_keeps_its_birth() {
    let cases = [
        "malloc",
        "zero",
        "calloc",
        "realloc",
        "realloc-to-nothing",
        "realloc-edges",
        "aligned",
        "usable",
    ];
    for case in cases {
        let program = Program::new(native::program("entry_points"), &[case]);
        let program = program.env("MOD_ALLOC_LIFETIMES", "on").called(&format!("births-{case}"));
        let (ended, recorded) = traced_like_plain(&program);
        recorded.assert_nothing_lost();
        recorded.assert_counted(&ended.with_status(0).stdout);
    }
}

#[test]
fn copies_of_strings() {
    counted("library_calls", "copies");
}

#[test]
fn lines_and_streams() {
    let (_, recorded) = unnoticed("library_calls", "streams");
    for (site, blocks) in [("site_lines", 20), ("site_printed", 180), ("site_stream", 20)] {
        let [bytes, found, live_bytes, live] = recorded.site(site);
        assert!(found >= blocks && bytes > found, "{site}: {found} blocks of {bytes} bytes");
        assert_eq!([live_bytes, live], [0; 2], "{site}");
    }
}

#[test]
fn frees_that_know_the_size() {
    let program = Program::new(native::program("library_calls"), &["sized"]);
    let (ended, recorded) = traced_like_plain(&program);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
    assert_eq!(said(&ended.stdout, "varies found"), 1, "the library has them");
}

#[test]
fn a_full_address_space() {
    counted("library_calls", "limit");
}

#[test]
fn mallopt_mallinfo_and_malloc_trim() {
    unnoticed("library_calls", "knobs");
}

#[test]
fn new_and_delete() {
    let program = Program::new(native::program("operators"), &[]);
    let (ended, recorded) = traced_like_plain(&program);
    let ended = ended.with_status(0);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
    let [bytes, blocks, live_bytes, live] = recorded.site("site_thrown");
    assert!(bytes >= 20 * (333 + 8) && blocks >= 60, "{blocks} blocks of {bytes} bytes");
    assert_eq!([live_bytes, live], [0; 2]);
    // A refused block is none; the exceptions that say so are.
    let [bytes, blocks, live_bytes, live] = recorded.site("site_refused");
    assert!(blocks <= 12 && bytes < 12 * 1000, "{blocks} blocks of {bytes} bytes");
    assert_eq!([live_bytes, live], [0; 2]);
    // A refused block is none; the exceptions that say so are.
    let [bytes, blocks, live_bytes, live] = recorded.site("site_refused");
    assert!(blocks <= 12 && bytes < 12 * 1000, "{blocks} blocks of {bytes} bytes");
    assert_eq!([live_bytes, live], [0; 2]);
    let [_, blocks, live_bytes, live] = recorded.site("site_containers");
    assert!(blocks > 2500 && [live_bytes, live] == [0; 2], "{blocks} blocks");
}

/// An allocator that was preloaded stays the one that is used.
#[test]
fn another_preloaded_allocator() {
    let inner = native::library("inner_allocator");
    for case in ["malloc", "calloc", "overflow", "aligned", "zero"] {
        let program = Program::new(native::program("entry_points"), &[case]);
        let (ended, recorded) = traced_like_plain(&program.env("LD_PRELOAD", &inner));
        recorded.assert_nothing_lost();
        recorded.assert_counted(&ended.with_status(0).stdout);
    }
}

/// glibc ends the program; with us it does so in the same way. Not always in the same words: what it finds
/// wrong first depends on which blocks are neighbours.
#[test]
fn misuse_ends_as_it_does_without_us() {
    for case in [
        "twice",
        "twice-in-the-bins",
        "twice-large",
        "twice-behind-another",
        "inside",
        "askew",
        "stack",
        "nowhere",
        "page",
        "realloc-inside",
    ] {
        let program = Program::new(native::program("misuse"), &[case]);
        let (plain, traced) = (program.plain(), program.traced());
        // Of a block that has become a part of the free end of the heap, we look for the trailer behind
        // that end: it is ended a moment earlier.
        let signals = [plain.status.signal(), Some(libc::SIGSEGV)];
        let known = if case == "twice-behind-another" { &signals[..] } else { &signals[..1] };
        assert!(known.contains(&traced.status.signal()), "{case}: {}", traced.status);
        assert_eq!(plain.stdout, traced.stdout, "{case}");
        assert_eq!(plain.stdout, "about to\n", "{case}");
        // Events before it are there.
        assert!(traced.recorded().report.json["pps"].is_array());
    }
}

#[test]
fn a_block_whose_end_was_overwritten_is_counted() {
    let program = Program::new(native::program("misuse"), &["overrun"]);
    let ended = program.traced().with_status(0);
    assert_eq!(ended.stdout, "about to\nwent on\n");
    let recorded = ended.recorded();
    assert_eq!(recorded.lost("damaged_trailers"), 2);
    assert_eq!(recorded.other_losses(&["damaged_trailers", "damaged_bytes"]), []);
}
