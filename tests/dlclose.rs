//! Objects that are loaded, called and unloaded again and again: a report shows each object's functions
//! as its own, though another had their addresses before.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

#[expect(dead_code, reason = "other tests look at other things")]
mod torture_support;

use torture_support::heap_support::assert_nothing_lost;
use torture_support::{Tortured, loads, torture};

/// More blocks than the visit to an object makes, on average.
const VISIT: u64 = 30;
/// More frames than any of the stacks has.
const WHOLE: u64 = 256;

/// Visits the objects that the program's arguments name, in turn, at least so often.
fn reload(program: &str, visits: u64) -> Tortured {
    let tortured = torture(program, VISIT * visits, WHOLE);
    tortured.assert_checked();
    assert_nothing_lost(&tortured.report);
    let [loads, _] = loads(&tortured);
    assert!(loads >= visits, "{loads} loads");
    tortured
}

/// Otherwise there is nothing to be seen here.
fn assert_replaced(tortured: &Tortured, percent: u64) {
    let [loads, replaced] = loads(tortured);
    assert!(replaced * 100 >= loads * percent, "{replaced} of {loads} took another's place");
}

/// All objects' functions are there, each with the blocks that it made and on the stacks where it
/// made them.
fn assert_kept_apart(tortured: &Tortured, objects: &[&str]) {
    for object in objects {
        for function in ["outer", "inner", "room"] {
            let ending = format!("{function}_plugin_{object}");
            let [found, expected] = tortured.blocks_under(&ending);
            assert!(found == expected && expected > 100, "{ending}: {found} of {expected}");
        }
    }
    tortured.assert_exact();
}

#[test]
fn one_object_ten_thousand_times() {
    let tortured = reload("reload plugin-north", 10_000);
    assert_kept_apart(&tortured, &["north"]);
}

#[test]
fn objects_of_different_layout() {
    let tortured = reload("reload plugin-north plugin-wide", 700);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["north", "wide"]);
}

/// Each of the loads is another object for the profiler, so there are as many as it can count.
#[test]
fn objects_of_different_layout_ten_thousand_times() {
    let tortured = reload("reload plugin-north plugin-wide", 10_000);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["north", "wide"]);
}

/// Every return address in one is a return address in the other; the functions' names and the
/// sizes of some frames differ.
#[test]
fn objects_of_one_layout() {
    let tortured = reload("reload plugin-north plugin-south", 700);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["north", "south"]);
}

/// Nothing but their contents tells them apart.
#[test]
fn objects_of_one_layout_without_build_ids() {
    let tortured = reload("reload plugin-secret_north plugin-secret_south", 700);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["secret_north", "secret_south"]);
}

#[test]
fn several_threads_call_objects_of_one_layout() {
    let tortured = torture("reload-in-step plugin-north plugin-south", 7_000, WHOLE);
    tortured.assert_checked();
    assert_nothing_lost(&tortured.report);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["north", "south"]);
}

/// Two words may be a frame or not, depending on the objects that are loaded: so one stack is not
/// always read alike.
#[test]
fn what_looks_like_a_frame_of_an_object_that_comes_and_goes() {
    torture("pointed plugin-north", 1_000, WHOLE).assert_checked();
}

/// The object may be unloaded while its unwind tables are looked for.
#[test]
fn several_threads_follow_what_looks_like_a_frame() {
    for _ in 0..4 {
        torture("pointed-at-will plugin-north", 10_000, WHOLE);
    }
}

/// The threads' memory of their stacks has the other object's frames at the same places.
#[test]
fn several_threads_call_each_object() {
    let tortured = torture("reload-in-step plugin-north plugin-wide", 7_000, WHOLE);
    tortured.assert_checked();
    assert_nothing_lost(&tortured.report);
    assert_replaced(&tortured, 99);
    assert_kept_apart(&tortured, &["north", "wide"]);
}

#[test]
fn several_threads_load_what_they_like() {
    // How often one takes the other's place depends on how the threads take turns.
    let mut seen = 0;
    for _ in 0..20 {
        let tortured = reload("reload-at-will plugin-north plugin-wide", 1_000);
        assert_kept_apart(&tortured, &["north", "wide"]);
        seen += loads(&tortured)[1];
        if seen >= 5 {
            return;
        }
    }
    panic!("{seen} took another's place");
}

/// Of a file that was replaced nothing can be named; and nobody else's names are given for it.
#[test]
fn a_file_replaced_by_another() {
    let tortured = reload("reload-file {} plugin-north plugin-wide", 500);
    assert_replaced(&tortured, 99);
    let gone = tortured.blocks_under("_plugin_north");
    let there = tortured.blocks_under("_plugin_wide");
    let last_is_north = loads(&tortured)[0] % 2 == 1;
    let (there, gone) = if last_is_north { (gone, there) } else { (there, gone) };
    assert!(there[0] == there[1] && there[1] > 1_000, "{there:?}");
    assert!(gone[0] == 0 && gone[1] > 1_000, "{gone:?}");
    let is_nameless = |frame: &&String| frame.contains("???") && frame.contains("/plugin.so)");
    let nameless = tortured.report.frames.iter().filter(is_nameless).count();
    assert!(nameless > 3, "{:?}", tortured.report.frames);
}
