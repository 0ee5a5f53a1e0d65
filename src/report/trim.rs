//! Which frames of a stack say nothing about the program: the profiler's and the
//! allocator's at the inner end, the runtime's at the outer end.
//!
//! Works on names alone. Both ways of mangling Rust names are met in one program (the
//! standard library comes compiled with its own), so each pattern knows both spellings.
//!
//! ```text
//!  <mod_alloc::ModAlloc as ..GlobalAlloc>::alloc  ┐
//!  __rustc::__rust_alloc                          │ cut: Profiler, Allocator
//!  alloc::alloc::Global::alloc_impl               ┘
//!  alloc::raw_vec::RawVec<T,A>::reserve_exact     ┐
//!  app::load                                      │ kept
//!  app::main                                      ┘
//!  core::ops::function::FnOnce::call_once         ┐
//!  std::sys::backtrace::__rust_begin_short_ba..   │ cut: ShortBacktrace and all outward
//!  std::rt::lang_start .. main .. _start          ┘
//! ```

use std::ops::Range;

use super::paths::shorten;

const SHORT_BACKTRACE: &str = "__rust_begin_short_backtrace";

/// What a frame is, judged by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function of this crate.
    Profiler,
    /// A step between the program and the allocator.
    Allocator,
    /// A function of the Rust libraries that may be inlined anywhere.
    Library,
    /// `FnOnce::call_once`: how the runtime enters a closure or `main`.
    CallOnce,
    /// The function the runtime puts between itself and the program.
    ShortBacktrace,
    /// The Rust runtime's own start, outward of the above.
    RustStart,
    /// The C library's start of a process or a thread.
    Start,
    /// A function of the C library without a name; in a stripped one the start is.
    UnnamedLibc,
    /// All others.
    Program,
}

/// What is left of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// The frames that stay, counted from the innermost.
    pub(super) range: Range<usize>,
    /// Whether the start of the process or thread was among the frames cut: then nothing
    /// of the program's is missing, however the walk ended.
    pub(super) reached_start: bool,
}

/// What a frame is judged by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Function<'a> {
    /// Demangled name.
    pub(super) name: Option<&'a str>,
    /// Path of the source file; empty if unknown.
    pub(super) file: &'a str,
    /// File name of the module; empty if there is none.
    pub(super) module: &'a str,
}

/// Judges a frame.
pub(super) fn kind(function: Function<'_>) -> Kind {
    match function.name {
        None if is_libc(function.module) => Kind::UnnamedLibc,
        None => Kind::Program,
        Some(name) => {
            let by_file = if is_bare(name) { kind_by_file(name, function.file) } else { None };
            by_file.unwrap_or_else(|| kind_by_name(name))
        }
    }
}

fn kind_by_name(name: &str) -> Kind {
    if is_profiler(name) {
        Kind::Profiler
    } else if is_allocator(name) {
        Kind::Allocator
    } else if is_short_backtrace(name) {
        Kind::ShortBacktrace
    } else if name.starts_with("std::rt::lang_start") {
        Kind::RustStart
    } else if is_start(name) {
        Kind::Start
    } else if is_call_once(name) {
        Kind::CallOnce
    } else if is_library(name) {
        Kind::Library
    } else {
        Kind::Program
    }
}

/// Judges an inlined function of a program built with line tables alone: those name it
/// without its path (`allocate`), so that only its source file tells whose it is.
fn kind_by_file(name: &str, file: &str) -> Option<Kind> {
    if is_profiler_source(file) {
        return Some(Kind::Profiler);
    }
    let library = shorten(file).strip_prefix("library/")?;
    Some(match library {
        "alloc/src/alloc.rs" => Kind::Allocator,
        "alloc/src/boxed.rs" if name == "box_new_uninit" => Kind::Allocator,
        "std/src/rt.rs" if name.starts_with("lang_start") => Kind::RustStart,
        "core/src/ops/function.rs" if name.starts_with("call_once") => Kind::CallOnce,
        _ if name.starts_with(SHORT_BACKTRACE) => Kind::ShortBacktrace,
        _ => Kind::Library,
    })
}

/// What to keep of a stack, given its frames innermost first and whether it was walked to
/// its end. Keeps at least one frame of a stack that has any.
pub(super) fn trim(kinds: &[Kind], complete: bool) -> Kept {
    let inner = inner_end(kinds);
    let (outer, reached_start) = outer_end(&kinds[inner..], complete);
    let mut range = inner..inner + outer;
    if range.is_empty() {
        let innermost = kinds.iter().position(|&kind| kind != Kind::Profiler).unwrap_or(0);
        range = innermost..kinds.len().min(innermost + 1);
    }
    Kept { range, reached_start }
}

/// How many frames at the inner end are the profiler's and the allocator's.
///
/// Functions of the Rust libraries inlined into the profiler's lie between them and go
/// too. Not so after the first allocator's frame: from there on a library's function is
/// where the program's story begins, even if one of ours called it.
fn inner_end(kinds: &[Kind]) -> usize {
    let mut end = 0;
    let mut in_profiler = true;
    while let Some(&kind) = kinds.get(end) {
        match kind {
            Kind::Profiler => {}
            Kind::Allocator => in_profiler = false,
            Kind::Library | Kind::CallOnce if in_profiler && ours_follows(&kinds[end..]) => {}
            _ => break,
        }
        end += 1;
    }
    end
}

/// Whether after a run of library functions comes one of the profiler's.
fn ours_follows(kinds: &[Kind]) -> bool {
    let past = |kind: &&Kind| !matches!(kind, Kind::Library | Kind::CallOnce);
    kinds.iter().find(past) == Some(&Kind::Profiler)
}

/// How many frames are inward of the runtime's, and whether its start was seen.
fn outer_end(kinds: &[Kind], complete: bool) -> (usize, bool) {
    if let Some(at) = kinds.iter().position(|&kind| kind == Kind::ShortBacktrace) {
        return (without_trailing(&kinds[..at], |kind| kind == Kind::CallOnce), true);
    }
    if let Some(at) = kinds.iter().position(|&kind| kind == Kind::RustStart) {
        return (at, true);
    }
    let named = kinds.last() == Some(&Kind::Start) || kinds.contains(&Kind::Start);
    if !complete && !named {
        return (kinds.len(), false);
    }
    let is_runtime = |kind| matches!(kind, Kind::Start | Kind::UnnamedLibc);
    let end = without_trailing(kinds, is_runtime);
    (end, kinds[end..].contains(&Kind::Start))
}

fn without_trailing(kinds: &[Kind], cut: impl Fn(Kind) -> bool) -> usize {
    kinds.iter().rposition(|&kind| !cut(kind)).map_or(0, |last| last + 1)
}

/// Whether a name is its last part alone.
fn is_bare(name: &str) -> bool {
    let before_parameters = name.split('<').next().unwrap_or(name);
    !before_parameters.is_empty() && !before_parameters.contains("::")
}

fn is_profiler(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&']);
    path.strip_prefix("mod_alloc")
        .is_some_and(|rest| rest.starts_with("::") || rest.starts_with("_preload::"))
}

/// Whether `file` is one of this crate's: where it was compiled, or, for programs compiled
/// elsewhere, by the name of a package directory (`mod-alloc-1.1.0/src/..`).
fn is_profiler_source(file: &str) -> bool {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    let version = shorten(file).strip_prefix("mod-alloc-");
    file.starts_with(here)
        || version.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_allocator(name: &str) -> bool {
    const C: [&str; 12] = [
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "memalign",
        "aligned_alloc",
        "posix_memalign",
        "valloc",
        "pvalloc",
        "__libc_malloc",
        "__libc_calloc",
        "__libc_realloc",
    ];
    const RUST: [&str; 9] = [
        "__rust_alloc",
        "__rust_realloc",
        "__rdl_",
        "__rg_",
        "alloc::alloc::",
        "<alloc::alloc::Global",
        "alloc::boxed::box_new_uninit",
        "operator new(",
        "operator new[](",
    ];
    let path = name.strip_prefix("__rustc::").unwrap_or(name);
    C.contains(&path)
        || RUST.iter().any(|prefix| path.starts_with(prefix))
        || is_global_alloc_method(path)
}

/// A method of any `GlobalAlloc`: allocators that wrap ours or are wrapped by it.
fn is_global_alloc_method(name: &str) -> bool {
    name.starts_with('<') && name.contains(" as core::alloc::global::GlobalAlloc>::")
        || name.starts_with("core::alloc::global::GlobalAlloc::")
}

fn is_short_backtrace(name: &str) -> bool {
    ["std::sys::backtrace::", "std::sys_common::backtrace::", "test::"]
        .iter()
        .any(|path| name.strip_prefix(path).is_some_and(|rest| rest.starts_with(SHORT_BACKTRACE)))
}

fn is_start(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "_start",
        "_start_c",
        "__libc_start_call_main",
        "start_thread",
        "clone",
        "clone3",
        "__clone",
        "__clone3",
    ];
    NAMES.contains(&name) || name.starts_with("__libc_start_main")
}

fn is_call_once(name: &str) -> bool {
    name.starts_with("core::ops::function::FnOnce::call_once")
        || name.starts_with('<')
            && name.contains(" as core::ops::function::FnOnce<")
            && name.contains(">::call_once")
}

fn is_library(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '*']);
    ["core::", "std::", "alloc::"].iter().any(|library| path.starts_with(library))
}

fn is_libc(module: &str) -> bool {
    ["libc.so", "libc-", "libpthread.so", "libpthread-"].iter().any(|name| module.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn named(name: &str) -> Kind {
        kind(Function { name: Some(name), ..Function::default() })
    }

    fn unnamed(module: &str) -> Kind {
        kind(Function { module, ..Function::default() })
    }

    /// What is left of a complete stack of names; `"libc"` stands for an unnamed frame there.
    fn left<'n>(names: &[&'n str]) -> Vec<&'n str> {
        left_of(names, true).0
    }

    fn left_of<'n>(names: &[&'n str], complete: bool) -> (Vec<&'n str>, bool) {
        let kinds: Vec<Kind> = names
            .iter()
            .map(|&name| if name == "libc" { unnamed("libc.so.6") } else { named(name) })
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
            "std::sys::backtrace::__rust_begin_short_backtrace::<app::main::{closure#3}::{closure#0}, usize>",
            "start_thread",
        ];
        assert_eq!(left(&v0), v0[..2]);
        let old =
            ["app::work", "std::sys_common::backtrace::__rust_begin_short_backtrace", "clone"];
        assert_eq!(left(&old), ["app::work"]);
    }

    #[test]
    fn a_test_is_cut_at_the_test_harness() {
        let names = [
            "__rust_alloc",
            "app::tests::my_case",
            "app::tests::my_case::{{closure}}",
            "core::ops::function::FnOnce::call_once",
            "<fn() -> core::result::Result<(), alloc::string::String> as core::ops::function::FnOnce<()>>::call_once",
            "test::__rust_begin_short_backtrace::<core::result::Result<(), alloc::string::String>, fn()>",
            "test::run_test::{closure#0}",
            "std::sys::backtrace::__rust_begin_short_backtrace::<test::run_test::{closure#1}, ()>",
            "start_thread",
        ];
        assert_eq!(left(&names), names[1..3]);
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
        let names =
            ["__rustc::__rust_alloc", "std::rt::init", "std::rt::lang_start_internal", "main"];
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
        assert_eq!(
            left(&["work", "main", "libc", "__libc_start_main", "_start"]),
            ["work", "main"]
        );
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
    fn names_that_only_look_like_ours_are_kept() {
        for name in [
            "mod_allocate::f",
            "mod_alloc_fixtures::main",
            "alloc::allocate",
            "mallocate",
            "operator newt",
            "test::run",
            "std::rt::init",
            "clone_box",
        ] {
            assert!(
                matches!(named(name), Kind::Program | Kind::Library),
                "{name}: {:?}",
                named(name)
            );
        }
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

    #[test]
    fn bare_names_are_judged_by_their_source_file() {
        fn bare(name: &str, file: &str) -> Kind {
            kind(Function { name: Some(name), file, module: "app" })
        }
        let library = |path: &str| std::format!("/rustc/0123/library/{path}");
        let ours = "/h/.cargo/registry/src/index/mod-alloc-1.1.0/src/hook.rs";
        assert_eq!(bare("alloc", ours), Kind::Profiler);
        assert_eq!(
            bare("alloc", concat!(env!("CARGO_MANIFEST_DIR"), "/src/hook.rs")),
            Kind::Profiler
        );
        assert_eq!(bare("alloc", &library("alloc/src/alloc.rs")), Kind::Allocator);
        assert_eq!(bare("box_new_uninit", &library("alloc/src/boxed.rs")), Kind::Allocator);
        assert_eq!(bare("new<u8>", &library("alloc/src/boxed.rs")), Kind::Library);
        assert_eq!(
            bare("call_once<fn(), ()>", &library("core/src/ops/function.rs")),
            Kind::CallOnce
        );
        assert_eq!(
            bare(SHORT_BACKTRACE, &library("std/src/sys/backtrace.rs")),
            Kind::ShortBacktrace
        );
        assert_eq!(bare("lang_start<()>", &library("std/src/rt.rs")), Kind::RustStart);
        assert_eq!(bare("alloc", "/home/u/app/src/main.rs"), Kind::Program);
        assert_eq!(bare("app::alloc", ours), Kind::Program);
        assert_eq!(bare("f", "/h/mod-alloc-tools/src/main.rs"), Kind::Program);
        assert_eq!(unnamed("app"), Kind::Program);
    }
}
