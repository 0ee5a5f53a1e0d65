//! The owner of a frame, judged by its function's name: the profiler, the allocator, the
//! runtime or the program.
//!
//! Both ways of mangling Rust names are met in one program (the standard library comes
//! compiled with its own), so each pattern knows both spellings. Programs built with line
//! tables alone have a third: inlined functions without their paths.

use self::names::{
    SHORT_BACKTRACE, is_allocator, is_bare, is_call_once, is_entrance, is_libc, is_library,
    is_profiler, is_profiler_source, is_short_backtrace, is_start,
};
use super::paths::{is_in_package_of_rust, shorten};

mod names;

/// How the files of the preload library's begin, wherever it was unpacked.
const PRELOAD_LIBRARY: &str = "libmod_alloc_preload";

/// The owner of a frame, judged by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A function of this crate.
    Profiler,
    /// A function of the library that is preloaded: it stands before a function that the program
    /// calls, as `malloc` or `pthread_create`. It is in no report, wherever it is in a stack.
    Preloaded,
    /// The one way from Rust code into its allocator (`__rust_alloc` and the like). What is
    /// inward of it is the allocator's, whatever it is called.
    Entrance,
    /// Another step between the program and the allocator.
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

/// The facts that a frame is judged by.
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
    if function.module.starts_with(PRELOAD_LIBRARY) {
        return Kind::Preloaded;
    }
    match function.name {
        None if is_libc(function.module) => Kind::UnnamedLibc,
        None => Kind::Program,
        Some(name) => {
            let by_file = if is_bare(name) { kind_by_file(name, function.file) } else { None };
            by_file.unwrap_or_else(|| kind_by_name(name))
        }
    }
}

/// The kind by a mangled name, of the kinds that end the shown part of a stack; all others are
/// [`Kind::Program`]. Most names are not demangled for that.
pub(super) fn end_of_stack(raw: &str) -> Kind {
    if is_start(raw) {
        return Kind::Start;
    }
    let marks = [SHORT_BACKTRACE, "__rust_alloc", "__rust_realloc", "__rdl_", "__rg_"];
    if !marks.iter().any(|mark| raw.contains(mark)) {
        return Kind::Program;
    }
    let name = rustc_demangle::try_demangle(raw).map(|name| std::format!("{name:#}"));
    match kind_by_name(name.as_deref().unwrap_or(raw)) {
        kind @ (Kind::ShortBacktrace | Kind::Entrance) => kind,
        _ => Kind::Program,
    }
}

/// True if a function is a language library's or an allocator's.
pub(super) fn is_library_function(function: Function<'_>) -> bool {
    let is_module = |names: &[&str]| names.iter().any(|name| function.module.starts_with(name));
    let is_cpp = |name: &str| {
        let name = name.strip_prefix("void ").unwrap_or(name); // a template's return type
        ["std::", "__gnu_cxx::", "operator new"].iter().any(|prefix| name.starts_with(prefix))
    };
    is_module(&["libc.so", "libc-", "libpthread", "libstdc++.so", "libc++.so", "ld-linux"])
        || function.name.is_some_and(|name| is_cpp(name) || is_made_by_rustc(name))
        || in_rusts_library(function.file).is_some()
        || is_in_package_of_rust(function.file)
        || !matches!(kind(function), Kind::Program)
}

/// True if the compiler made the function, as that which catches a panic: it has no source.
fn is_made_by_rustc(name: &str) -> bool {
    name == "__rust_try" || name.starts_with("__rustc::")
}

fn kind_by_name(name: &str) -> Kind {
    if is_profiler(name) {
        Kind::Profiler
    } else if is_entrance(name) {
        Kind::Entrance
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
    Some(match in_rusts_library(file)? {
        "alloc/src/alloc.rs" => Kind::Allocator,
        "alloc/src/boxed.rs" if name == "box_new_uninit" => Kind::Allocator,
        "std/src/rt.rs" if name.starts_with("lang_start") => Kind::RustStart,
        "core/src/ops/function.rs" if name.starts_with("call_once") => Kind::CallOnce,
        _ if name.starts_with(SHORT_BACKTRACE) => Kind::ShortBacktrace,
        _ => Kind::Library,
    })
}

/// The path of a source file of Rust's library, below that library's folder. A function of it may
/// be named after the program's types: `<T as alloc::slice::hack::ConvertVec>::to_vec`.
fn in_rusts_library(file: &str) -> Option<&str> {
    let path = shorten(file).strip_prefix("library/")?;
    // The part that was cut off shows that this is no folder of the program's.
    (path.len() + "library/".len() < file.len()).then_some(path)
}

#[cfg(test)]
mod tests;
