//! Facts from a test program's file: its harness, and the functions that its tests begin in.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SymbolKind};
use serde::{Deserialize, Serialize};

use mod_alloc::symbolize::own_allocator;

use crate::program::Program;
use crate::test::measured::apart::Apart;
use crate::test::measured::numbers::Ranges;
use crate::test::shared::state::{State, unique};

/// A path of libtest's sources, which its panics carry.
const LIBTEST: &[u8] = b"library/test/src/";
/// libtest's help for `--logfile`.
const LOG_HELP: &[u8] = b"Write logs to the specified file";
/// The function that libtest calls a test from.
const BEGIN: &str = "test::__rust_begin_short_backtrace";

/// Facts from a test program's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Why nothing can be preloaded into it.
    pub(crate) refusal: Option<String>,
    /// An allocator that it brings along, by name.
    pub(crate) allocator: Option<String>,
    /// Its harness is libtest.
    pub(crate) libtest: bool,
    /// Its harness writes a log when it is asked to.
    pub(crate) log: bool,
    /// The functions that libtest calls tests from.
    pub(crate) begin: Ranges,
    /// The functions of `std::thread`, which call malloc whatever the global allocator is.
    pub(crate) threads: Ranges,
    /// The functions before a program's `main`: the runtime allocates there.
    pub(crate) start: Ranges,
    /// The functions below which blocks belong to no test.
    pub(crate) apart: Vec<(Apart, (u64, u64))>,
    /// The functions of doc tests, with their crate and module: `rust_out`,
    /// `doctest_bundle_2024::__doctest_3`.
    pub(crate) doc_tests: Vec<(String, (u64, u64))>,
}

impl Facts {
    /// The facts of `program`, from `state` if another process has found them already.
    pub(crate) fn of(program: &Path, state: &State) -> Self {
        let Some(path) = kept_at(program, state) else { return Self::read(program) };
        if let Some(facts) = fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok()) {
            return facts;
        }
        let facts = Self::read(program);
        keep(&facts, &path);
        facts
    }

    fn read(program: &Path) -> Self {
        if let Err(refusal) = Program::examine(program.to_owned()) {
            return Self { refusal: Some(refusal.to_string()), ..Self::default() };
        }
        let bytes = fs::read(program).unwrap_or_default();
        match ElfFile64::<Endianness>::parse(bytes.as_slice()) {
            Ok(elf) => {
                let allocator = own_allocator(program).map(|allocator| allocator.to_string());
                Self { allocator, ..Self::of_elf(&elf) }
            }
            // A script, which is a harness of its own.
            Err(_) => Self::default(),
        }
    }

    fn of_elf(elf: &ElfFile64<'_, Endianness>) -> Self {
        let mut facts = Self::default();
        for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
            if let Ok(name) = symbol.name() {
                facts.add(name, (symbol.address(), symbol.address() + symbol.size()));
            }
        }
        let constants = constants(elf);
        facts.libtest = !facts.begin.is_empty() || contains(constants, LIBTEST);
        facts.log = facts.libtest && contains(constants, LOG_HELP);
        facts
    }

    fn add(&mut self, mangled: &str, range: (u64, u64)) {
        if mangled == "main" || mangled == "_start" {
            self.start.push(range);
            return;
        }
        let Ok(name) = rustc_demangle::try_demangle(mangled) else { return };
        let name = format!("{name:#}");
        let function = name.split('<').next().unwrap_or_default().trim_end_matches("::");
        if function == BEGIN {
            self.begin.push(range);
        } else if let Some(part) = Apart::of_function(&name) {
            self.apart.push((part, range));
        } else if name.contains("std::thread::") {
            self.threads.push(range);
        } else if name.starts_with("std::rt::lang_start") {
            self.start.push(range);
        } else if let Some(test) = doc_test(&name) {
            self.doc_tests.push((test, range));
        }
    }
}

/// The crate of a doc test, or the module of one that was compiled together with others. Names of
/// functions inside are kept: rustdoc puts file and line into one.
fn doc_test(name: &str) -> Option<String> {
    let mut words = name.trim_start_matches('<').split("::");
    let first = words.next()?;
    if first == "rust_out" {
        let named = name.split("::").find(|word| word.starts_with("_doctest_main_"));
        return Some(named.unwrap_or(first).to_owned());
    }
    let second = words.next()?;
    let is_one = first.starts_with("doctest_bundle_") && second.starts_with("__doctest_");
    is_one.then(|| format!("{first}::{second}"))
}

fn constants<'d>(elf: &ElfFile64<'d, Endianness>) -> &'d [u8] {
    let section = elf.section_by_name(".rodata");
    section.and_then(|section| section.data().ok()).unwrap_or_default()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let first = text.first().copied().unwrap_or_default();
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.starts_with(text) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// A name for the file as it is now.
fn kept_at(program: &Path, state: &State) -> Option<PathBuf> {
    let found = fs::metadata(program).ok()?;
    let mut hash = DefaultHasher::new();
    (program, found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec())
        .hash(&mut hash);
    Some(state.path(&format!("facts-{:016x}.json", hash.finish())))
}

/// Keeps them under another name first: several processes look at once. If they cannot be kept,
/// each process looks itself.
fn keep(facts: &Facts, path: &Path) {
    let unfinished = path.with_extension(unique());
    let Ok(bytes) = serde_json::to_vec(facts) else { return };
    if fs::write(&unfinished, bytes).is_ok() {
        let _ = fs::rename(&unfinished, path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program_is_one() {
        let facts = Facts::read(&std::env::current_exe().unwrap());
        assert!(facts.libtest && facts.log);
        assert!(!facts.begin.is_empty() && facts.begin.iter().all(|(start, end)| start < end));
        assert!(facts.start.len() >= 3, "_start, main, lang_start: {:?}", facts.start);
        assert_eq!(facts.refusal, None);
        assert!(facts.doc_tests.is_empty());
    }

    #[test]
    fn the_shell_is_none() {
        let facts = Facts::read(Path::new("/bin/sh"));
        assert!(!facts.libtest && !facts.log && facts.begin.is_empty());
        assert!(
            Facts::read(Path::new("/etc/passwd")).refusal.is_none(),
            "a script, for the kernel"
        );
    }

    #[test]
    fn only_libtest_s_own_function_begins_a_test() {
        let mut facts = Facts::default();
        // std's and a user's module `test` have one of the same name.
        for (name, expected) in [
            ("_ZN3std3sys9backtrace28__rust_begin_short_backtrace17h0123456789abcdefE", 0),
            ("_ZN3foo4test28__rust_begin_short_backtrace17h0123456789abcdefE", 0),
            ("_ZN4test28__rust_begin_short_backtrace17h0123456789abcdefE", 1),
            ("_RINvCs3mSbOeLENLV_4test28___rust_begin_short_backtraceFEuE", 2),
        ] {
            facts.add(name, (1, 2));
            assert_eq!(facts.begin.len(), expected, "{name}");
        }
    }

    #[test]
    fn doc_tests_are_known_by_crate_and_module() {
        let of = |name| doc_test(name);
        assert_eq!(of("rust_out::main").as_deref(), Some("rust_out"));
        assert_eq!(
            of("rust_out::main::_doctest_main_src_lib_rs_7_0").as_deref(),
            Some("_doctest_main_src_lib_rs_7_0")
        );
        assert_eq!(
            of("doctest_bundle_2024::__doctest_12::main").as_deref(),
            Some("doctest_bundle_2024::__doctest_12")
        );
        assert_eq!(of("doctest_runner_2024::main"), None);
        assert_eq!(of("core::fmt::write"), None);
    }

    #[test]
    fn bytes_are_found_wherever_they_are() {
        assert!(contains(b"aab", b"ab") && contains(b"ab", b"ab") && !contains(b"aa", b"ab"));
        assert!(!contains(b"", b"ab"));
    }
}
