//! `run --mappings` where threads wait for threads that map memory, and where very much is mapped.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use run_support::{Scratch, json, ours, status, text};
use serde_json::Value;

/// The report of the program `maps_waiting`, which goes that way.
fn report(way: &str) -> Value {
    let scratch = Scratch::new("maps-waiting");
    scratch.compile("maps_waiting", &["-pthread", "-ldl"]);
    scratch.compile("maps_constructor", &["-pthread", "-shared", "-fPIC"]);
    let words = ["--mappings", "-o", "r.json", "--", "./maps_waiting", way, "./maps_constructor"];
    let output = scratch.run(&[&["run"], &words[..]].concat());
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert_eq!(text(&output.stdout), "over\n");
    json(&scratch.join("r.json"))
}

fn sums(report: &Value) -> [&Value; 3] {
    ["calls", "total_bytes", "end_bytes"].map(|key| &report["x_mappings"][key])
}

#[test]
fn a_collector_that_stops_threads_by_signals_can_map_memory_meanwhile() {
    let report = report("collector");
    assert_eq!(sums(&report)[2], 0);
    assert_eq!(report["x_losses"]["mappings_lost"], 0);
}

#[test]
fn a_thread_may_map_for_the_first_time_while_a_librarys_constructor_waits_for_it() {
    assert_eq!(sums(&report("constructor")), [1, 4096, 4096]);
}

#[test]
fn neighbouring_mappings_of_a_call_site_are_one_piece_of_the_list() {
    let report = report("many");
    assert_eq!(sums(&report), [70_000_u64, 70_000 * 4096, 70_000 * 4096]);
    assert_eq!(report["x_losses"]["mappings_lost"], 0);
}

#[test]
fn a_break_that_stays_where_it_is_unmaps_nothing() {
    assert_eq!(sums(&report("data")), [1, 100_000, 30_000]);
}
