//! The C library is called by the files below a folder `os` alone: a second engine, for another system,
//! replaces that folder and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// True if a file may name the C library: it is of the `os` folder, or a test.
fn may_call(path: &Path) -> bool {
    let is_test = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_tests"));
    is_test || path.components().any(|part| part.as_os_str() == "os")
}

/// The lines of a source that name the library, each with its number. Comments may.
fn naming_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let names = |line: &str| {
        line.match_indices("libc").any(|(at, word)| {
            let before = line[..at].chars().next_back();
            let after = &line[at + word.len()..];
            let is_word = !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
            is_word && (after.starts_with("::") || line.trim_start().starts_with("use libc"))
        })
    };
    text.lines().enumerate().filter(move |(_, line)| code(line) && names(line))
}

#[test]
fn only_os_calls_the_c_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (own, others): (Vec<_>, Vec<_>) = files.iter().partition(|path| may_call(path));
    let calls = |path: &PathBuf| naming_lines(&fs::read_to_string(path).expect("text")).count();
    assert!(own.iter().map(|path| calls(path)).sum::<usize>() > 100, "os is not where it was");
    let mut faults = String::new();
    for path in others {
        for (index, line) in naming_lines(&fs::read_to_string(path).expect("text")) {
            faults.push_str(&format!("{}:{}: {}\n", path.display(), index + 1, line.trim()));
        }
    }
    assert!(faults.is_empty(), "these belong below `os`:\n{faults}");
}

#[test]
fn names_of_the_library_are_told_from_others() {
    for line in ["let a = libc::getpid();", "use libc::c_int;", "use libc;", "(libc::EAGAIN)"] {
        assert_eq!(naming_lines(line).count(), 1, "{line}");
    }
    for line in ["// libc::getpid", "    //! calls libc::", "glibc::state()", "\"libc.so.6\""] {
        assert_eq!(naming_lines(line).count(), 0, "{line}");
    }
}
