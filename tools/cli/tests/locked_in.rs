//! Programs that lock themselves in by seccomp: none is killed by a call of the profiler's, and what
//! they allocate from then on is recorded as far as there was room made for.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use run_support::{Scratch, json, ours, status, sum, sum_of, text};
use serde_json::Value;

/// Blocks before the program is locked in.
const BEFORE: u64 = 2;

fn recorded(case: &str, sites: u64) -> (Value, String) {
    let scratch = Scratch::new("locked_in");
    let program = scratch.compile("locked_in", &["-pthread"]);
    let (program, sites) = (program.to_str().unwrap(), sites.to_string());
    let mut command = scratch.command(&["run", "-o", "r.json", "--", program, case, &sites]);
    let output = command.env("MOD_ALLOC_SELF_CHECK", "on").output().unwrap();
    assert_eq!((status(&output), &*text(&output.stdout)), (0, "worked\n"), "{}", ours(&output));
    let report = json(&scratch.join("r.json"));
    assert_eq!(report["x_self_check"]["differences"], 0, "{}", report["x_self_check"]);
    (report, ours(&output))
}

fn lost(report: &Value) -> Vec<&str> {
    let losses = report["x_losses"].as_object().unwrap().iter();
    losses.filter(|(_, figure)| **figure != 0).map(|(key, _)| key.as_str()).collect()
}

#[test]
fn a_filter_that_allows_what_malloc_needs() {
    for case in ["filter", "syscall"] {
        let (report, _) = recorded(case, 10_000);
        // glibc gives a thread a block or two.
        let of_thread = sum_of(&report, "other_thread", "tbk");
        assert_eq!((of_thread, sum_of(&report, "other_thread", "ebk")), (101, 1), "{case}");
        let all = BEFORE + 10_000 + of_thread;
        let blocks = sum(&report, "tbk");
        assert!((all..all + 3).contains(&blocks), "{blocks}");
        assert_eq!(lost(&report), [""; 0]);
        assert!(report["pps"].as_array().unwrap().len() > 10_000);
    }
}

#[test]
fn where_the_room_ends_that_was_made_before_numbers_stay_whole() {
    let (report, said) = recorded("filter", 40_000);
    assert!(sum(&report, "tbk") >= BEFORE + 40_000);
    let mut lost = lost(&report);
    lost.sort_unstable();
    assert_eq!(lost, ["sealed", "table_full"]);
    let words = "events of call sites that were new after the program had forbidden itself calls of \
the system";
    assert!(said.contains(words), "{said}");
    assert!(report["pps"].as_array().unwrap().len() > 10_000);
}

#[test]
fn strict_mode_allows_no_clock_either() {
    let (report, said) = recorded("strict", 64);
    assert_eq!(sum(&report, "tbk"), BEFORE + 64);
    assert_eq!(lost(&report), ["stopped_clock"]);
    assert!(said.contains("Lost: 1 recording whose times stand still"), "{said}");
}

#[test]
fn a_program_that_may_not_read_the_clock() {
    let (report, _) = recorded("clock", 64);
    assert_eq!(lost(&report), ["stopped_clock"]);
    assert_eq!(sum_of(&report, "other_thread", "tbk"), 101);
}

#[test]
fn a_lock_that_the_kernel_refuses_is_none() {
    let (report, _) = recorded("refused", 40_000);
    assert_eq!(lost(&report), [""; 0]);
    assert_eq!(sum_of(&report, "other_thread", "tbk"), 101);
}

#[test]
fn handlers_may_lock_the_program_in_while_it_allocates() {
    let (report, _) = recorded("handler", 64);
    assert!(sum(&report, "tbk") > BEFORE + 64);
    let unexpected =
        |key: &&str| !["sealed", "reentrant", "reentrant_bytes", "table_full"].contains(key);
    assert_eq!(lost(&report).into_iter().find(unexpected), None);
}

#[test]
fn a_child_is_as_locked_in_as_its_parent() {
    let (report, _) = recorded("fork", 64);
    assert_eq!(sum_of(&report, "other_thread", "tbk"), 101);
    assert_eq!(lost(&report), [""; 0]);
}
