use super::super::kind::{Function, kind};
use super::*;
use std::vec::Vec;

fn named(name: &str) -> Kind {
    kind(Function { name: Some(name), ..Function::default() })
}

fn unnamed_libc() -> Kind {
    kind(Function { module: "libc.so.6", ..Function::default() })
}

/// The rest of a complete stack of names; `"libc"` stands for an unnamed frame there.
fn left<'n>(names: &[&'n str]) -> Vec<&'n str> {
    left_of(names, true).0
}

fn left_of<'n>(names: &[&'n str], complete: bool) -> (Vec<&'n str>, bool) {
    let kinds: Vec<Kind> = names
        .iter()
        .map(|&name| if name == "libc" { unnamed_libc() } else { named(name) })
        .collect();
    let kept = trim(&kinds, complete);
    (names[kept.range].to_vec(), kept.reached_start)
}

const DEV_OUTER: [&str; 7] = [
    "std::rt::lang_start::{{closure}}",
    "std::panicking::catch_unwind::do_call::<&dyn core::ops::function::Fn<(), Output = i32>, i32>",
    "std::rt::lang_start_internal",
    "std::rt::lang_start",
    "main",
    "__libc_start_call_main",
    "_start",
];

#[test]
fn a_development_build() {
    let mut names = std::vec![
        "mod_alloc::hook::record",
        "core::option::Option<T>::map_or",
        "<mod_alloc::hook::ModAlloc<A> as core::alloc::global::GlobalAlloc>::alloc",
        "__rustc::__rust_alloc",
        "alloc::alloc::alloc",
        "alloc::alloc::Global::alloc_impl_runtime",
        "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
        "alloc::raw_vec::RawVecInner<A>::finish_grow",
        "alloc::vec::Vec<T,A>::reserve_exact",
        "app::generic",
        "app::main",
        "core::ops::function::FnOnce::call_once",
        "std::sys::backtrace::__rust_begin_short_backtrace",
    ];
    names.extend(DEV_OUTER);
    let expected = [
        "alloc::raw_vec::RawVecInner<A>::finish_grow",
        "alloc::vec::Vec<T,A>::reserve_exact",
        "app::generic",
        "app::main",
    ];
    assert_eq!(left(&names), expected);
}

#[test]
fn a_release_build_where_the_allocator_was_inlined() {
    let names = [
        "mod_alloc::hook::record",
        "app::main",
        "std::sys::backtrace::__rust_begin_short_backtrace",
        "std::rt::lang_start::{{closure}}",
        "std::rt::lang_start_internal",
        "main",
    ];
    assert_eq!(left(&names), ["app::main"]);
}

#[test]
fn a_thread_in_either_mangling() {
    let legacy = [
        "alloc::boxed::Box<T>::new",
        "app::main::{{closure}}",
        "std::sys::backtrace::__rust_begin_short_backtrace",
        "core::ops::function::FnOnce::call_once{{vtable.shim}}",
        "<std::sys::thread::unix::Thread>::new::thread_start",
        "start_thread",
        "clone3",
    ];
    assert_eq!(left(&legacy), legacy[..2]);
    let v0 = [
        "<alloc::raw_vec::RawVecInner>::finish_grow",
        "app::main::{closure#3}::{closure#0}",
        "std::sys::backtrace::__rust_begin_short_backtrace::\
         <app::main::{closure#3}::{closure#0}, usize>",
        "start_thread",
    ];
    assert_eq!(left(&v0), v0[..2]);
    let old = ["app::work", "std::sys_common::backtrace::__rust_begin_short_backtrace", "clone"];
    assert_eq!(left(&old), ["app::work"]);
}

#[test]
fn a_test_is_cut_at_the_test_harness() {
    let names = [
        "__rust_alloc",
        "alloc::boxed::box_new_uninit",
        "app::tests::my_case",
        "app::tests::my_case::{{closure}}",
        "core::ops::function::FnOnce::call_once",
        "<fn() -> core::result::Result<(), alloc::string::String> \
         as core::ops::function::FnOnce<()>>::call_once",
        "test::__rust_begin_short_backtrace::\
         <core::result::Result<(), alloc::string::String>, fn()>",
        "test::run_test::{closure#0}",
        "std::sys::backtrace::__rust_begin_short_backtrace::<test::run_test::{closure#1}, ()>",
        "start_thread",
    ];
    assert_eq!(left(&names), names[2..4]);
}

#[test]
fn call_once_stays_where_the_program_calls_it() {
    let names = [
        "app::visit",
        "core::ops::function::FnOnce::call_once",
        "app::main",
        "std::sys::backtrace::__rust_begin_short_backtrace",
    ];
    assert_eq!(left(&names), names[..3]);
}

#[test]
fn the_runtimes_own_allocations_end_before_its_start() {
    let names = ["__rustc::__rust_alloc", "std::rt::init", "std::rt::lang_start_internal", "main"];
    assert_eq!(left(&names), ["std::rt::init"]);
}

#[test]
fn a_c_program_keeps_its_main() {
    let names = [
        "malloc",
        "strdup",
        "load",
        "main",
        "__libc_start_call_main",
        "__libc_start_main_impl",
        "_start",
    ];
    assert_eq!(left(&names), names[1..4]);
    let cpp = [
        "mod_alloc_preload::exports::malloc",
        "malloc",
        "operator new(unsigned long)",
        "zoo::Cat::Cat()",
        "main",
        "_start",
    ];
    assert_eq!(left(&cpp), cpp[3..5]);
}

#[test]
fn the_start_of_a_stripped_libc_is_cut() {
    assert_eq!(left(&["work", "main", "libc", "__libc_start_main", "_start"]), ["work", "main"]);
    assert_eq!(left(&["work", "libc", "libc"]), ["work"]);
    assert_eq!(left(&["libc", "work", "libc"]), ["libc", "work"]);
}

#[test]
fn a_stack_cut_short_keeps_its_outer_end() {
    let names = ["malloc", "work", "libc"];
    assert_eq!(left_of(&names, false), (std::vec!["work", "libc"], false));
    assert_eq!(left_of(&["malloc", "work", "main"], false), (std::vec!["work", "main"], false));
}

#[test]
fn a_stack_cut_short_outward_of_main_is_whole() {
    let names = ["app::main", "std::sys::backtrace::__rust_begin_short_backtrace", "main"];
    assert_eq!(left_of(&names, false), (std::vec!["app::main"], true));
    assert_eq!(left_of(&["main", "libc", "_start"], false), (std::vec!["main"], true));
}

#[test]
fn a_stack_never_becomes_empty() {
    assert_eq!(left(&["mod_alloc::hook::record", "malloc", "_start"]), ["malloc"]);
    assert_eq!(left(&["malloc"]), ["malloc"]);
    assert_eq!(left(&["mod_alloc::a", "mod_alloc::b"]), ["mod_alloc::a"]);
    assert_eq!(left(&["clone3"]), ["clone3"]);
    let marker = "std::sys::backtrace::__rust_begin_short_backtrace";
    assert_eq!(left(&["mod_alloc::a", marker]), [marker]);
    assert_eq!(left(&[]), [""; 0]);
}

#[test]
fn code_that_the_profiler_calls_is_kept() {
    let names = [
        "mod_alloc::hook::record",
        "__rustc::__rust_alloc",
        "alloc::vec::Vec<T,A>::push",
        "mod_alloc::groups::with",
        "app::main",
    ];
    assert_eq!(left(&names), names[2..]);
}

#[test]
fn all_inward_of_the_entrance_is_the_allocators() {
    let names = ["mod_alloc::hook::record", "app::count", "libc", "__rust_realloc", "app::f"];
    assert_eq!(left(&names), ["app::f"]);
}

#[test]
fn an_allocator_that_wraps_ours_is_an_allocator() {
    let names = [
        "mod_alloc::hook::record",
        "<app::Counting as core::alloc::global::GlobalAlloc>::alloc_zeroed",
        "__rust_alloc_zeroed",
        "app::main",
    ];
    assert_eq!(left(&names), ["app::main"]);
}
