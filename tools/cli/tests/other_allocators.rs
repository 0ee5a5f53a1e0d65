//! Allocators that a program has instead of glibc's: their functions and their answers stay, and their
//! blocks are recorded as glibc's are.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::path::Path;

use traced::compared::{assert_alike_for_a_shell, wrapped_like_plain};
use traced::native;
use traced::program::Program;
use traced::recorded::{Recorded, said};

/// The libraries of Debian's packages, by the names that the loader finds them by.
const JEMALLOC: &str = "libjemalloc.so.2";
const TCMALLOC: &str = "libtcmalloc_minimal.so.4";
const MIMALLOC: &str = "libmimalloc.so.2.0";
const ALLOCATORS: [&str; 3] = [JEMALLOC, TCMALLOC, MIMALLOC];

/// The program with that allocator preloaded.
fn with(allocator: &str, name: &str, case: &str) -> Program {
    let program = Program::new(native::program(name), &[case]);
    program.env("LD_PRELOAD", allocator).called(&format!("{name}-{case}-{allocator}"))
}

/// Some give a block of no bytes; all say what they say without us.
#[test]
fn realloc_to_nothing_means_what_the_allocator_says() {
    for allocator in ALLOCATORS {
        let program = with(allocator, "entry_points", "realloc-to-nothing");
        for program in [program.clone(), program.env("MOD_ALLOC_LIFETIMES", "on")] {
            let (ended, recorded) = wrapped_like_plain(&program);
            recorded.assert_nothing_lost();
            recorded.assert_counted(&ended.with_status(0).stdout);
        }
    }
}

/// Whatever the allocator: its own operators, or the library's that call `malloc`.
#[test]
fn new_and_delete_in_all_forms() {
    let plain = Program::new(native::program("operators"), &[]).called("operators");
    let case = |allocator| if allocator == MIMALLOC { "granted" } else { "refused, too" };
    let programs = ALLOCATORS.map(|allocator| with(allocator, "operators", case(allocator)));
    for program in programs.into_iter().chain([plain]) {
        let (ended, recorded) = wrapped_like_plain(&program);
        let ended = ended.with_status(0);
        recorded.assert_nothing_lost();
        recorded.assert_counted(&ended.stdout);
        let [_, blocks, live_bytes, live] = recorded.site("site_containers");
        assert!(blocks > 2500 && [live_bytes, live] == [0; 2], "{blocks} blocks");
        begins_with_the_program(&recorded, "site_plain");
        begins_with_the_program(&recorded, "site_aligned");
    }
}

/// These come before the allocator's, and the allocator itself may call them. Before tcmalloc has run its
/// constructor, it says of no block how large it is: such blocks are not recorded, and their frees are
/// counted as lost.
#[test]
fn operators_of_the_program_stay_its_own() {
    for allocator in ALLOCATORS {
        let (ended, recorded) = wrapped_like_plain(&with(allocator, "own_new", ""));
        let unknown = ["damaged_trailers", "damaged_bytes"];
        let expected = if allocator == TCMALLOC { &unknown[..] } else { &[] };
        assert_eq!(recorded.other_losses(expected), [], "{allocator}");
        recorded.assert_counted(&ended.with_status(0).stdout);
    }
}

/// Stacks that have the function begin with it: no frame of ours or of the allocator's is further in.
fn begins_with_the_program(recorded: &Recorded, site: &str) {
    let stacks = recorded.report.points.iter().map(|point| recorded.report.stack(point));
    let with_site = stacks.filter_map(|mut frames| {
        let innermost = frames.next()?;
        (innermost.contains(site) || frames.any(|frame| frame.contains(site))).then_some(innermost)
    });
    let innermost: Vec<_> = with_site.collect();
    assert!(!innermost.is_empty(), "{site}");
    assert!(innermost.iter().all(|frame| frame.contains(site)), "{innermost:?}");
}

/// A program without such an allocator that one with it has started: its operators stay its own, in a C
/// program's plugin, too.
#[test]
fn a_child_has_the_operators_that_it_would_have() {
    let (starter, operators) = (native::program("jemalloc_starter"), native::program("operators"));
    let (host, plugin) = (native::program("host"), native::library("operators"));
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    for words in [vec![path(&operators)], vec![path(&host), plugin]] {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let program = Program::new(&starter, &words).called(&format!("{} words", words.len()));
        let (plain, wrapped) = (program.plain(), program.wrapped_with_children());
        assert_alike_for_a_shell(&plain, &wrapped);
        let wrapped = wrapped.with_status(0);
        wrapped.report().assert_counted(&wrapped.stdout);
        wrapped.report().assert_nothing_lost();
    }
}

/// Libraries of ours are taken out of the environment, however many they are.
#[test]
fn the_environment_is_what_it_was() {
    for allocator in ALLOCATORS {
        let program = Program::new("/usr/bin/env", &[]).env("LD_PRELOAD", allocator);
        let (ended, _) = wrapped_like_plain(&program.called(allocator));
        let line = format!("LD_PRELOAD={allocator}");
        assert!(ended.stdout.lines().any(|found| found == line), "{}", ended.stdout);
    }
}

/// A program that uses its allocator's own functions, with C's, is counted and does what it does.
fn uses_own_functions(program: &str) {
    for lifetimes in ["off", "on"] {
        let program = Program::new(native::program(program), &[]).called(lifetimes);
        let program = program.env("MOD_ALLOC_LIFETIMES", lifetimes);
        let (ended, recorded) = wrapped_like_plain(&program);
        recorded.assert_nothing_lost();
        recorded.assert_counted(&ended.with_status(0).stdout);
    }
}

#[test]
fn jemallocs_own_functions() {
    uses_own_functions("jemalloc_api");
}

#[test]
fn tcmallocs_own_functions() {
    uses_own_functions("tcmalloc_api");
}

#[test]
fn mimallocs_own_functions() {
    uses_own_functions("mimalloc_api");
}

/// A program without jemalloc that one with it has started, and that uses its functions if they are there.
#[test]
fn a_child_without_jemalloc_may_use_the_functions_that_it_finds() {
    let (starter, child) = (native::program("jemalloc_starter"), native::program("weak_jemalloc"));
    let program = Program::new(starter, &[child.to_str().expect("a path in UTF-8")]);
    let program = program.called("started");
    let (plain, wrapped) = (program.plain(), program.wrapped_with_children());
    assert_alike_for_a_shell(&plain, &wrapped);
    let wrapped = wrapped.with_status(0);
    let report = wrapped.report();
    report.assert_nothing_lost();
    assert_eq!(
        [said(&plain.stdout, "varies found"), said(&wrapped.stdout, "varies found")],
        [0, 1]
    );
    for site in ["site_block", "site_larger"] {
        let [bytes, blocks, live_bytes, live] = report.site(site);
        assert!(blocks == 11 && bytes > 10_000, "{site}: {blocks} blocks of {bytes} bytes");
        assert_eq!([live_bytes, live], [0; 2], "{site}");
    }
}

/// A program that one without its allocator has started: it does what it does, and the loss is said.
#[test]
fn a_child_with_an_allocator_of_its_own_is_not_harmed() {
    let started = |name: &str| {
        let child = native::program(name);
        let words = [child.to_str().expect("a path in UTF-8"), "/bin/true"];
        let program = Program::new(native::program("starter"), &words).called(name);
        let (plain, wrapped) = (program.plain(), program.wrapped_with_children());
        assert_alike_for_a_shell(&plain, &wrapped);
        wrapped.with_status(0)
    };
    for (name, function) in [("jemalloc_api", "sdallocx"), ("tcmalloc_api", "tc_free_sized")] {
        let ended = started(name);
        let line = format!("frees blocks by {function}, which is not recorded in a child");
        assert!(ended.said.iter().any(|said| said.contains(&line)), "{:?}", ended.said);
    }
    let ended = started("jemalloc_new");
    let line = "its blocks by new are not in the report";
    assert!(ended.said.iter().any(|said| said.contains(line)), "{:?}", ended.said);
    let ended = started("jemalloc_starter");
    assert!(!ended.said.iter().any(|said| said.contains("child of a program")), "{:?}", ended.said);
}

/// A function of ours that the allocator has not would make a program take it for another.
#[test]
fn who_asks_for_the_allocators_functions_finds_what_is_there() {
    let plain = Program::new(native::program("probes"), &[]);
    wrapped_like_plain(&plain);
    for allocator in ALLOCATORS {
        wrapped_like_plain(&with(allocator, "probes", ""));
    }
}
