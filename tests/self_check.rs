//! Captures of stacks that are hard to walk: each is taken twice, from what the thread remembers of
//! its last stack and from scratch, and both have to be the same. Where the program can know its
//! stacks by other means, the report has to have these very stacks.
//!
//! `tools/check/self-check` runs the same programs for longer.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[expect(dead_code, reason = "other tests look at other things")]
mod torture_support;

use torture_support::heap_support::{assert_nothing_lost, assert_only_lost, lost};
use torture_support::{Tortured, torture, torture_in_development};

/// Blocks that a program makes, at the least.
const CAPTURES: u64 = 100_000;
/// Enough for the whole stack of any run.
const WHOLE: u64 = 256;

/// A program whose stacks are all whole.
fn exact(program: &str) -> Tortured {
    let tortured = torture(program, CAPTURES, WHOLE);
    tortured.assert_checked();
    assert_nothing_lost(&tortured.report);
    assert!(tortured.stacks() > 500, "{} stacks", tortured.stacks());
    tortured.assert_exact();
    tortured
}

/// A program with fewer frames than its stacks have.
fn truncated(program: &str, frames: u64) {
    let tortured = torture(program, CAPTURES, frames);
    tortured.assert_checked();
    assert_only_lost(&tortured.report, &["truncated_stacks"]);
    assert!(lost(&tortured.report, "truncated_stacks") > CAPTURES / 10);
}

#[test]
fn frames_of_every_shape() {
    exact("frames");
    truncated("frames", 9);
}

#[test]
fn exceptions_thrown_caught_and_cleaned_up_after() {
    exact("exceptions");
    truncated("exceptions", 17);
}

#[test]
fn containers_closures_and_coroutines() {
    exact("containers");
}

#[test]
fn signal_handlers_and_jumps_out_of_them() {
    exact("signals");
    truncated("signals", 6);
}

#[test]
fn assembly_with_and_without_tables() {
    exact("bare");
}

/// Nothing but a register, or a word that says where a frame begins, tells these from each other.
#[test]
fn pairs_of_stacks_that_look_alike() {
    let tortured = exact("pairs");
    for variant in ["pairs_fast", "pairs_framed"] {
        let mut nodes = vec![String::from("four_interruptions")];
        for callee in ["allocates", "allocates_deeper", "step"] {
            nodes.extend(["two_pointers", "two_beginnings"].map(|pair| format!("{pair}_{callee}")));
        }
        for node in nodes {
            let [found, expected] = tortured.blocks_under(&format!("node_{node}_{variant}"));
            assert!(found == expected && found > 1000, "{node}: {found} of {expected}");
        }
    }
    truncated("pairs", 5);
}

#[test]
fn all_of_it_at_once() {
    exact("mixed");
    for frames in [1, 2, 33] {
        truncated("mixed", frames);
    }
}

#[test]
fn recursion_thousands_deep() {
    for frames in [1, 7, 64] {
        let tortured = torture("descent", CAPTURES / 2, frames);
        tortured.assert_checked();
        // Each of these stacks is another, so that the table may be full.
        assert_only_lost(&tortured.report, &["truncated_stacks", "table_full"]);
        assert!(lost(&tortured.report, "truncated_stacks") > CAPTURES / 3);
    }
}

/// A stack that is not the thread's own is walked as far as it is known where it ends.
#[test]
fn fibers_and_signal_handlers_on_stacks_of_their_own() {
    let tortured = torture("fibers", CAPTURES, WHOLE);
    tortured.assert_checked();
    assert_only_lost(&tortured.report, &["broken_stacks"]);
    let [_, elsewhere] = tortured.ended.numbers("made")[..] else { panic!("two numbers") };
    let broken = lost(&tortured.report, "broken_stacks");
    // Of a fiber the end is known. A handler on a stack of its own has interrupted another stack.
    assert!(
        elsewhere > CAPTURES / 50 && (1..elsewhere).contains(&broken),
        "{broken} of {elsewhere}"
    );
    tortured.assert_exact();
}

/// Between any two instructions, also those of the profiler: then the handler's blocks are not
/// recorded. Not every instruction can be told where its frame begins.
#[test]
fn a_handler_that_a_timer_calls() {
    for frames in [10, WHOLE] {
        let tortured = torture("interrupted", CAPTURES, frames);
        tortured.assert_checked();
        let losses = ["reentrant", "reentrant_bytes", "broken_stacks", "truncated_stacks"];
        assert_only_lost(&tortured.report, &losses);
        let [handled] = tortured.ended.numbers("handled")[..] else { panic!("a number") };
        let broken = lost(&tortured.report, "broken_stacks");
        assert!(handled >= 2_000 && broken < handled, "{broken} of {handled}");
    }
}

/// Of some frames nothing true is said anywhere: their stacks end early, or leave frames out. But
/// the same way each time.
#[test]
fn frames_that_cannot_be_left() {
    for frames in [4, WHOLE] {
        let tortured = torture("lost", CAPTURES, frames);
        tortured.assert_checked();
        assert_only_lost(&tortured.report, &["broken_stacks", "truncated_stacks"]);
        assert!(lost(&tortured.report, "broken_stacks") > CAPTURES / 100);
    }
}

/// Nothing overflows, and nothing is asserted that is not so.
#[test]
fn in_the_development_profile() {
    for program in ["mixed", "lost", "fibers", "descent", "reload plugin-north plugin-wide"] {
        let tortured = torture_in_development(program, CAPTURES / 10, 30);
        tortured.assert_checked();
        assert_only_lost(&tortured.report, &["broken_stacks", "truncated_stacks"]);
    }
}

#[test]
fn eight_threads() {
    let tortured = torture("threads plugin-north plugin-wide", CAPTURES / 4, WHOLE);
    tortured.assert_checked();
    assert_only_lost(&tortured.report, &["broken_stacks"]);
    tortured.assert_exact();
    let tortured = torture("threads-lost plugin-north plugin-wide", CAPTURES / 10, 20);
    tortured.assert_checked();
    assert_only_lost(&tortured.report, &["broken_stacks", "truncated_stacks", "table_full"]);
}
