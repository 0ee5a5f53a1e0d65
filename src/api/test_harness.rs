//! Programs that are run by a test harness: nobody has asked them for a report.

use std::ffi::OsStr;
#[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::base::os;

/// A path of libtest's sources, which its panics carry into every program that it is linked into.
/// As a constant it would be in every program with this crate, too.
fn path_of_libtest() -> [u8; 17] {
    let mut path = *b"library-test/src/";
    path[core::hint::black_box(7)] = b'/';
    path
}

/// True if the process is run by libtest, nextest or rustdoc, and no variable of ours is set, which
/// somebody would set who wants something of us.
pub(crate) fn runs_silently() -> bool {
    let is_ours = |name: &OsStr| name.as_encoded_bytes().starts_with(b"MOD_ALLOC");
    if std::env::vars_os().any(|(name, _)| is_ours(&name)) {
        return false;
    }
    if std::env::var_os("NEXTEST").is_some() {
        return true;
    }
    std::env::current_exe().is_ok_and(|program| is_doc_test(&program) || is_libtest(&program))
}

/// True unless it is certain that [`runs_silently`] is false, without the heap and without files.
#[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) fn may_run_silently() -> bool {
    let mut path = [0; os::files::PATH_SIZE];
    let len = os::executable(&mut path);
    let path = Path::new(OsStr::from_bytes(path.get(..len).unwrap_or_default()));
    let is_in_deps = path.parent().and_then(Path::file_name) == Some(OsStr::new("deps"));
    is_in_deps || is_doc_test(path) || os::environment(c"NEXTEST").is_some()
}

/// The program that rustdoc compiles: `rustdoctestXXXXXX/rust_out`, or in a folder below that.
fn is_doc_test(program: &Path) -> bool {
    let of_rustdoc = |part: &Path| {
        part.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"rustdoctest"))
    };
    program.file_name() == Some(OsStr::new("rust_out")) && program.ancestors().any(of_rustdoc)
}

/// Only programs in cargo's folder `deps` are looked into: others are no tests, and may be large.
fn is_libtest(program: &Path) -> bool {
    let is_in_deps = program.parent().and_then(Path::file_name) == Some(OsStr::new("deps"));
    is_in_deps && std::fs::read(program).is_ok_and(|bytes| os::contains(&bytes, &path_of_libtest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn this_program_is_libtests_and_others_are_not() {
        assert!(is_libtest(&std::env::current_exe().unwrap()));
        assert!(!is_libtest(Path::new("/bin/sh")) && !is_libtest(Path::new("/nowhere/deps/x")));
    }

    #[test]
    fn rustdocs_programs_are_known_by_their_place() {
        for (path, expected) in [
            ("/tmp/rustdoctestAbC123/rust_out", true),
            ("/tmp/rustdoctestAbC123/merged_doctest_2024/rust_out", true),
            ("/tmp/rust_out", false),
            ("/tmp/rustdoctestAbC123/other", false),
        ] {
            assert_eq!(is_doc_test(Path::new(path)), expected, "{path}");
        }
    }
}
