//! Blocks that glibc and libstdc++ keep to the end, and that no program can free.
//!
//! A rule fits where the innermost frames, all of them of the C library, lead to a function that
//! gives nothing to its caller that the caller would have to free. What a program can leak by
//! using a library (a `FILE`, a handle of `dlopen`, a result of `getaddrinfo`, a variable that
//! `setenv` made) is none of these. `tests/suppressions.rs` has a program for each rule, and one
//! that leaks what looks like them.

use crate::dhat_file::{Frame, Location};
use crate::origin::is_entrance;

use super::rule::{Most, Rule, Stacks};

/// glibc keeps 40 MiB of stacks of threads that have ended: so many of the 2 MiB that Rust's have.
const KEPT_STACKS: u64 = 20;
/// A list of exit handlers has 32 of them.
const EXIT_LISTS: u64 = 64;

/// The rules that are built in.
pub(super) fn rules() -> Vec<Rule> {
    let rule = |name: &str, most: Most, fits: fn(&[Frame<'_>]) -> bool| Rule {
        name: name.into(),
        pattern: None,
        stacks: Stacks::Known(fits),
        most,
    };
    vec![
        rule("libstdc++'s pool for exceptions", Most::Blocks(1), is_pool),
        rule("buffers of stdin and stdout", Most::Blocks(2), is_stdio),
        rule("locales of setlocale", Most::Any, |stack| is_below(stack, &LOCALE)),
        rule("catalogues of gettext", Most::Any, |stack| is_below(stack, &GETTEXT)),
        rule("tables of character sets", Most::Any, |stack| is_below(stack, &CHARACTERS)),
        rule("libraries that glibc loads for itself", Most::Any, is_loaded),
        rule("descriptors of threads", Most::ThreadsAnd(KEPT_STACKS), |stack| {
            is_below(stack, &THREADS)
        }),
        rule("name services", Most::Any, |stack| is_below(stack, &NAMES)),
        rule("the time zone", Most::Any, |stack| is_below(stack, &TIME)),
        rule("texts of errors", Most::Any, is_error),
        rule("lists of exit handlers", Most::Blocks(EXIT_LISTS), |stack| is_below(stack, &EXIT)),
    ]
}

// Names as `plain` gives them; one that ends in `*` stands for all that begin so.

const LOCALE: [&str; 1] = ["setlocale"];
const GETTEXT: [&str; 6] = [
    "bindtextdomain",
    "bind_textdomain_codeset",
    "textdomain",
    "dcigettext",
    "dcgettext",
    "gettext",
];
const CHARACTERS: [&str; 16] = [
    "wcsmbs_load_conv",
    "gconv_load_cache",
    "gconv_find_shlib",
    "mbstowcs",
    "mbsrtowcs",
    "mbrtowc",
    "mbtowc",
    "mbrlen",
    "mblen",
    "btowc",
    "wcstombs",
    "wcsrtombs",
    "wcrtomb",
    "wctomb",
    "wctob",
    "mbsnrtowcs",
];
const THREADS: [&str; 1] = ["pthread_create"];
const NAMES: [&str; 16] = [
    "nss_*",
    "resolv_context_get",
    "check_pf",
    "getpwuid",
    "getpwnam",
    "getgrgid",
    "getgrnam",
    "getpwuid_r",
    "getpwnam_r",
    "getgrgid_r",
    "getgrnam_r",
    "gethostbyname",
    "gethostbyname2",
    "gethostbyaddr",
    "getservbyname",
    "getservbyport",
];
const TIME: [&str; 8] = [
    "tzset",
    "tzset_internal",
    "tz_convert",
    "localtime",
    "localtime_r",
    "mktime",
    "ctime",
    "strftime",
];
const ERRORS: [&str; 5] =
    ["strerror", "strerror_l", "strsignal", "dl_signal_error", "dl_exception_create*"];
const EXIT: [&str; 4] = ["new_exitfn", "cxa_atexit", "on_exit", "cxa_thread_atexit_impl"];

/// Functions that write to stdout or read from stdin, whichever file there is besides.
const STDIO: [&str; 14] = [
    "puts",
    "printf",
    "vprintf",
    "printf_chk",
    "vprintf_chk",
    "putchar",
    "putchar_unlocked",
    "getchar",
    "getchar_unlocked",
    "scanf",
    "vscanf",
    "isoc99_scanf",
    "isoc23_scanf",
    "gets",
];

/// The innermost frames lead through the C library alone to one of `functions`.
fn is_below(stack: &[Frame<'_>], functions: &[&str]) -> bool {
    let mut inside = stack.iter().take_while(|frame| is_inside(frame));
    inside.any(|frame| frame.function.is_some_and(|name| is_one_of(plain(name), functions)))
}

fn is_one_of(name: &str, functions: &[&str]) -> bool {
    functions.iter().any(|function| match function.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *function,
    })
}

/// A text of an error, or what `dlerror` will give. All of `dlopen` is below `_dlerror_run`, so
/// that this counts as the innermost function alone.
fn is_error(stack: &[Frame<'_>]) -> bool {
    let mut names = stack.iter().filter_map(|frame| frame.function);
    let innermost = names.find(|name| !is_entrance(name)).map(plain);
    innermost == Some("dlerror_run") || is_below(stack, &ERRORS)
}

/// A library is loaded, and not by `dlopen`: for character sets, name services, the unwinder.
fn is_loaded(stack: &[Frame<'_>]) -> bool {
    let asks = ["dlopen", "dlmopen", "dlsym", "dlvsym", "dlclose"];
    is_below(stack, &["dl_catch_exception"]) && !is_below(stack, &asks)
}

/// The pool is allocated before `main`, by the library's own start: no other code is in the stack,
/// or it is named.
fn is_pool(stack: &[Frame<'_>]) -> bool {
    let is_named = |frame: &Frame<'_>| {
        let is_of_pool = matches!(frame.location,
            Location::Source { file, .. } if file.ends_with("/eh_alloc.cc"));
        is_of_pool || frame.function == Some("_GLOBAL__sub_I_eh_alloc.cc")
    };
    let is_start = |frame: &Frame<'_>| is_libstdcxx(frame) || is_inside(frame);
    stack.iter().take(3).any(is_named)
        || stack.iter().any(is_libstdcxx) && stack.iter().all(is_start)
}

/// The buffer of stdout or stdin, by a function that has no other file. What is written to
/// `std::cout`, libstdc++ writes with `fwrite`.
fn is_stdio(stack: &[Frame<'_>]) -> bool {
    let inside = stack.iter().take_while(|frame| is_inside(frame)).count();
    let (inside, outside) = stack.split_at(inside);
    let mut names = inside.iter().filter_map(|frame| frame.function).map(plain);
    let is_buffer = names.any(|name| name == "file_doallocate");
    let is_of_cout = |name: &str| {
        ["fwrite", "putc"].contains(&name) && outside.first().is_some_and(is_libstdcxx)
    };
    is_buffer && names.any(|name| is_one_of(name, &STDIO) || is_of_cout(name))
}

fn is_libstdcxx(frame: &Frame<'_>) -> bool {
    is_of(frame, &["libstdc++.so"])
}

/// Code of the C library or its loader, and of the library that records, which stands before it.
fn is_inside(frame: &Frame<'_>) -> bool {
    const MODULES: [&str; 9] = [
        "libc.so",
        "libc-2.",
        "ld-linux",
        "ld-2.",
        "libpthread",
        "libdl",
        "libnss_",
        "libresolv",
        "libmod_alloc_preload",
    ];
    if frame.function.is_some_and(is_entrance) {
        return true;
    }
    match frame.location {
        Location::Module(_) => is_of(frame, &MODULES),
        Location::Source { file, .. } => is_of_glibc(file),
        Location::Unknown => false,
    }
}

/// A source file of glibc's. Distributions cut the folder off that it was built in.
fn is_of_glibc(file: &str) -> bool {
    const FOLDERS: [&str; 27] = [
        "csu",
        "debug",
        "dirent",
        "dlfcn",
        "elf",
        "grp",
        "iconv",
        "inet",
        "intl",
        "io",
        "libio",
        "locale",
        "malloc",
        "misc",
        "nptl",
        "nss",
        "posix",
        "pwd",
        "resolv",
        "setjmp",
        "socket",
        "stdio-common",
        "stdlib",
        "string",
        "sysdeps",
        "time",
        "wcsmbs",
    ];
    let folder = file.strip_prefix("./").and_then(|file| file.split('/').next());
    folder.is_some_and(|folder| FOLDERS.contains(&folder)) || file.contains("/glibc-")
}

/// The file name of the frame's module begins so.
fn is_of(frame: &Frame<'_>, modules: &[&str]) -> bool {
    let Location::Module(path) = frame.location else { return false };
    let name = path.rsplit('/').next().unwrap_or(path);
    modules.iter().any(|module| name.starts_with(module))
}

/// A name of glibc's without the marks of its several versions: `__GI__IO_puts` is `puts`,
/// `__pthread_create_2_1` is `pthread_create`.
fn plain(name: &str) -> &str {
    let name = name.split('@').next().unwrap_or(name);
    let name = name.strip_prefix("__GI_").unwrap_or(name).trim_start_matches('_');
    let name = name.strip_prefix("IO_").unwrap_or(name);
    name.strip_suffix("_2_1").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_a_function_are_one() {
        for (name, expected) in [
            ("__GI__IO_puts", "puts"),
            ("_IO_puts", "puts"),
            ("__pthread_create_2_1", "pthread_create"),
            ("__GI___nss_passwd_lookup2", "nss_passwd_lookup2"),
            ("pthread_create@@GLIBC_2.34", "pthread_create"),
            ("main", "main"),
        ] {
            assert_eq!(plain(name), expected);
        }
    }
}
