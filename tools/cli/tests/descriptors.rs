//! A TLS descriptor's call changes no register that it does not change without us. What glibc's own
//! allocator changes there, and the loader itself, is what the program must bear anyway.
#![cfg(all(target_arch = "x86_64", target_env = "gnu"))]

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::collections::BTreeMap;

use traced::native;
use traced::program::{Ended, Program};

fn descriptors(case: &str, library: &str) -> Program {
    Program::new(native::program("descriptors"), &[case, &native::library(library)])
        .called(&format!("{case}-{library}"))
}

/// How often each register was changed.
fn changed(ended: &Ended) -> BTreeMap<&str, u64> {
    let mut changed = BTreeMap::new();
    for register in ended.stdout.lines() {
        *changed.entry(register).or_default() += 1;
    }
    changed
}

/// Registers that are changed more often than plain.
fn more_than_plain<'a>(plain: &Ended, traced: &'a Ended) -> Vec<(&'a str, u64)> {
    let plain = changed(plain);
    let is_more = |(register, count): &(&str, u64)| plain.get(register).unwrap_or(&0) < count;
    changed(traced).into_iter().filter(is_more).collect()
}

/// Nothing changes that glibc does not change, and the loader's blocks are recorded: so many, at least,
/// at the call, of a variable's size.
fn unnoticed(case: &str, library: &str, allocator: Option<&str>, blocks: u64) {
    let plain = descriptors(case, library);
    let traced = match allocator {
        Some(name) => plain.clone().env("LD_PRELOAD", &native::library(name)),
        None => plain.clone(),
    };
    let (plain, traced) = (plain.plain().with_status(0), traced.traced().with_status(0));
    let more = more_than_plain(&plain, &traced);
    assert!(more.is_empty(), "{case}, {library}, {allocator:?}: {more:?}");
    let recorded = traced.recorded();
    recorded.assert_nothing_lost();
    let [bytes, found, ..] = recorded.site("site_around");
    assert!(found >= blocks && bytes >= blocks * 3000, "{case}: {found} blocks, {bytes} bytes");
}

#[test]
fn first_access() {
    unnoticed("first", "descriptor", None, 20);
    unnoticed("first", "aligned_descriptor", None, 20);
}

#[test]
fn growing_vectors() {
    unnoticed("grown", "descriptor", None, 80);
    unnoticed("grown-first-thread", "descriptor", None, 80);
}

#[test]
fn freed_copies() {
    unnoticed("closed", "descriptor", None, 20);
    unnoticed("closed-first-thread", "descriptor", None, 20);
}

#[test]
fn another_preloaded_allocator() {
    unnoticed("first", "descriptor", Some("inner_allocator"), 20);
}

/// It changes every register that a function may change: so all of them are kept.
#[test]
fn an_allocator_that_changes_all_registers() {
    for (case, blocks) in [("first", 20), ("grown", 80), ("closed", 20)] {
        unnoticed(case, "descriptor", Some("ruinous_allocator"), blocks);
    }
    let ruined = descriptors("first", "descriptor");
    let ruined = ruined.env("LD_PRELOAD", &native::library("ruinous_allocator")).plain();
    assert!(changed(&ruined).len() > 16, "it does not: {}", ruined.stdout);
}

/// Stacks that lead through the saving are whole, and each capture is what a walk from anew would be.
#[test]
fn stacks_through_the_loader() {
    let program = descriptors("grown", "descriptor").env("MOD_ALLOC_SELF_CHECK", "on");
    let recorded = program.traced().with_status(0).recorded();
    recorded.assert_nothing_lost();
    let report = &recorded.report;
    let checked = |key| report.json["x_self_check"][key].as_u64();
    assert!(checked("checked") >= Some(80), "{:?}", checked("checked"));
    assert_eq!(checked("differences"), Some(0));
    let has = |stack: &[&str], name| stack.iter().any(|frame| frame.contains(name));
    let stacks = report.points.iter().map(|point| report.stack(point).collect::<Vec<_>>());
    let reached: Vec<_> = stacks.filter(|stack| has(stack, ": site_around (")).collect();
    assert!(reached.iter().all(|stack| has(stack, ": grown (")), "{reached:#?}");
    assert!(!reached.is_empty());
}
