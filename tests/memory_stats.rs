//! Figures of threads, to the byte. The programs check them themselves, in a process of their own.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use heap_support::{Ended, Launch, memory_programs, memory_programs_with_counters};

/// Runs a program with each way of finding peaks, with stacks and without.
fn run_all(arguments: &[&str], check: impl Fn(&Ended)) {
    let programs = [("stacks", memory_programs()), ("counters", memory_programs_with_counters())];
    for (features, program) in programs {
        for peak in ["bounded", "exact"] {
            let name = format!("{} {features} {peak}", arguments.join(" "));
            let launch = Launch::new(&name, program, arguments).env("MOD_ALLOC_PEAK", peak);
            let ended = launch.env("MOD_ALLOC_OUT", "off").run().with_status(0);
            assert_eq!(ended.stderr, "", "{name}");
            check(&ended);
        }
    }
}

fn run_right(arguments: &[&str]) {
    run_all(arguments, |ended| assert_eq!(ended.stdout, "right\n"));
}

#[test]
fn each_thread_s_figures_are_exact() {
    run_right(&["figures"]);
}

#[test]
fn threads_in_used_slots_begin_at_zero() {
    run_right(&["reused"]);
}

#[test]
fn threads_add_up_to_the_process() {
    run_all(&["crowd", "50"], |ended| assert_eq!(ended.numbers("listed"), [50]));
}

#[test]
fn threads_without_a_slot_of_the_profiler_are_in_the_sums() {
    // The first thread has one of the 1,023.
    run_all(&["crowd", "1100"], |ended| assert_eq!(ended.numbers("listed"), [1022]));
}

#[test]
fn up_to_64_threads_have_a_slot_of_their_own() {
    for threads in ["1", "63", "64"] {
        run_all(&["slots", threads], |ended| assert_eq!(ended.numbers("right"), [0]));
    }
}

#[test]
fn more_threads_than_slots_are_counted_and_lose_nothing() {
    run_all(&["slots", "65"], |ended| assert_eq!(ended.numbers("right"), [1]));
    run_all(&["slots", "200"], |ended| assert_eq!(ended.numbers("right"), [136]));
}

#[test]
fn slots_are_free_again_when_their_threads_end() {
    run_right(&["slots-reused"]);
}

#[test]
fn updates_while_a_thread_ends_are_harmless() {
    run_right(&["teardown"]);
}

#[test]
fn a_forked_child_has_its_own_thread_s_figures() {
    for others in ["1", "64", "65"] {
        run_right(&["slots-forked", others]);
    }
}

#[test]
fn a_thread_updates_its_slot_by_its_index_and_no_other() {
    run_right(&["slots-by-index"]);
}

#[test]
fn an_index_of_another_thread_is_ignored_before_and_after_its_end() {
    run_right(&["slots-of-others"]);
}

#[test]
fn slots_work_without_a_recording() {
    for arguments in
        [["slots", "100"], ["slots-reused", ""], ["teardown", ""], ["slots-of-others", ""]]
    {
        let name = format!("{} off", arguments[0]);
        let launch = Launch::new(&name, memory_programs(), &arguments).env("MOD_ALLOC", "off");
        let ended = launch.run().with_status(0);
        assert!(ended.stdout.starts_with("right"), "{}", ended.stdout);
    }
}
