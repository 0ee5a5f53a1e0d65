//! Names of functions, files and modules that tell the owner.

use crate::report::paths::shorten;

/// The name of the runtime's function, without its path.
pub(super) const SHORT_BACKTRACE: &str = "__rust_begin_short_backtrace";

/// True if a name is its last part alone.
pub(super) fn is_bare(name: &str) -> bool {
    let before_parameters = name.split('<').next().unwrap_or(name);
    !before_parameters.is_empty() && !before_parameters.contains("::")
}

/// True if the function is this crate's, or the preload library's.
pub(super) fn is_profiler(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&']);
    path.strip_prefix("mod_alloc")
        .is_some_and(|rest| rest.starts_with("::") || rest.starts_with("_preload::"))
}

/// True if `file` is one of this crate's: where it was compiled, or, for programs compiled
/// elsewhere, by the name of a package directory (`mod-alloc-1.1.0/src/..`).
pub(super) fn is_profiler_source(file: &str) -> bool {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    let version = shorten(file).strip_prefix("mod-alloc-");
    file.starts_with(here)
        || version.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// True if the function is the one way into the allocator.
pub(super) fn is_entrance(name: &str) -> bool {
    let name = name.strip_prefix("__rustc::").unwrap_or(name);
    ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"].contains(&name)
        || name.starts_with("__rdl_")
        || name.starts_with("__rg_")
}

/// True if the function is a step on the way into the allocator, of C, C++ or Rust.
pub(super) fn is_allocator(name: &str) -> bool {
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
    const PREFIXES: [&str; 5] = [
        "alloc::alloc::",
        "<alloc::alloc::Global",
        "alloc::boxed::box_new_uninit",
        "operator new(",
        "operator new[](",
    ];
    C.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || is_global_alloc_method(name)
}

/// A method of any `GlobalAlloc`: allocators that wrap ours or are wrapped by it.
fn is_global_alloc_method(name: &str) -> bool {
    name.starts_with('<') && name.contains(" as core::alloc::global::GlobalAlloc>::")
        || name.starts_with("core::alloc::global::GlobalAlloc::")
}

/// True if the function is the one that the runtime puts between itself and the program.
pub(super) fn is_short_backtrace(name: &str) -> bool {
    ["std::sys::backtrace::", "std::sys_common::backtrace::", "test::"]
        .iter()
        .any(|path| name.strip_prefix(path).is_some_and(|rest| rest.starts_with(SHORT_BACKTRACE)))
}

/// True if the function begins a process or a thread, in the C library or the loader.
pub(super) fn is_start(name: &str) -> bool {
    const NAMES: [&str; 19] = [
        "_start",
        "_dl_start_user",
        "_dl_init",
        "call_init",
        "_start_c",
        "__libc_start_call_main",
        "start_thread",
        "clone",
        "clone3",
        "__clone",
        "__clone3",
        // Windows, by Microsoft's tools and by MinGW.
        "mainCRTStartup",
        "__scrt_common_main_seh",
        "invoke_main",
        "__tmainCRTStartup",
        "BaseThreadInitThunk",
        "RtlUserThreadStart",
        // macOS.
        "_pthread_start",
        "__pthread_start",
    ];
    NAMES.contains(&name) || name.starts_with("__libc_start_main")
}

/// True if the function is `FnOnce::call_once`, of any closure.
pub(super) fn is_call_once(name: &str) -> bool {
    name.starts_with("core::ops::function::FnOnce::call_once")
        || name.starts_with('<')
            && name.contains(" as core::ops::function::FnOnce<")
            && name.contains(">::call_once")
        // Microsoft's debug information numbers a module's implementations.
        || name.starts_with("core::ops::function::impls::impl$") && name.contains("::call_once")
}

/// True if the function is the Rust libraries'.
pub(super) fn is_library(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '*']);
    ["core::", "std::", "alloc::"].iter().any(|library| path.starts_with(library))
}

/// True if the module is the C library.
pub(super) fn is_libc(module: &str) -> bool {
    ["libc.so", "libc-", "libpthread.so", "libpthread-"].iter().any(|name| module.starts_with(name))
}
