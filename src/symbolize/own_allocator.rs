//! Allocators that programs and libraries bring along.

use std::fmt;
use std::path::Path;

use object::{Object, ObjectSection};

use super::object_file::{Elf, with_elf};
use super::symbol_table::defines;

/// An allocator that an object file brings along, of which a preloaded library sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAllocator {
    /// Its name.
    pub name: &'static str,
    /// The fact that gives it away.
    pub evidence: Evidence,
}

/// The fact that gives an allocator away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The file defines this function.
    Function(&'static str),
    /// The file has this text among its constants, as of a message. It may be another's: a program
    /// may talk about an allocator.
    Text(&'static str),
}

const FUNCTIONS: [(&str, &str); 9] = [
    ("jemalloc", "_rjem_malloc"),
    ("jemalloc", "je_malloc"),
    ("mimalloc", "mi_malloc"),
    ("tcmalloc", "tc_malloc"),
    ("snmalloc", "sn_rust_alloc"),
    ("rpmalloc", "rpmalloc"),
    ("PartitionAlloc", "__wrap_malloc"),
    ("a malloc of its own", "malloc"),
    ("a malloc of its own", "__libc_malloc"),
];

/// Beginnings of the allocators' messages, which are left where symbols are stripped.
const TEXTS: [(&str, &str); 3] =
    [("jemalloc", "<jemalloc>: "), ("mimalloc", "mimalloc: "), ("tcmalloc", "tcmalloc: ")];

/// The section of Go's build information.
const GO: &str = ".go.buildinfo";

impl fmt::Display for OwnAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.evidence {
            Evidence::Function(function) => write!(f, "{} (it has {function})", self.name),
            Evidence::Text(text) => write!(f, "{} (it has the text `{text}`)", self.name),
        }
    }
}

/// The allocator that the object file at `path` defines; `None` if it has none, or none that its
/// symbols tell.
#[must_use]
pub fn own_allocator(path: &Path) -> Option<OwnAllocator> {
    with_elf(path, by_functions).flatten()
}

/// As [`own_allocator`], and looks for other traces where symbols are stripped. Reads all constants
/// of the file: for files of which an allocator is suspected.
#[must_use]
pub fn likely_allocator(path: &Path) -> Option<OwnAllocator> {
    with_elf(path, |file| {
        by_functions(file).or_else(|| by_section(file)).or_else(|| by_texts(file))
    })
    .flatten()
}

fn by_functions(file: &Elf<'_>) -> Option<OwnAllocator> {
    let functions = FUNCTIONS.map(|(_, function)| function);
    let tables = [file.elf_dynamic_symbol_table(), file.elf_symbol_table()];
    let found = tables.map(|table| defines(file, table, &functions));
    let index = found.into_iter().flatten().min()?;
    let (name, function) = FUNCTIONS.get(index)?;
    Some(OwnAllocator { name, evidence: Evidence::Function(function) })
}

fn by_section(file: &Elf<'_>) -> Option<OwnAllocator> {
    file.section_by_name(GO)?;
    Some(OwnAllocator { name: "Go's runtime with its heap", evidence: Evidence::Text(GO) })
}

fn by_texts(file: &Elf<'_>) -> Option<OwnAllocator> {
    let constants = file.section_by_name(".rodata")?.data().ok()?;
    let has = |text: &str| constants.windows(text.len()).any(|part| part == text.as_bytes());
    let (name, text) = TEXTS.iter().find(|(_, text)| has(text))?;
    Some(OwnAllocator { name, evidence: Evidence::Text(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn an_allocator_is_told_by_the_functions_that_are_defined() {
        assert_eq!(own_allocator(&std::env::current_exe().unwrap()), None, "it asks for malloc");
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = maps.lines().find(|line| line.ends_with("/libc.so.6"));
        let Some(path) = libc.and_then(|line| line.split_whitespace().last()) else { return };
        let found = own_allocator(Path::new(path)).unwrap();
        assert_eq!(found.evidence, Evidence::Function("malloc"));
        let wanted = ["mallo", "malloc_", "malloc"];
        let index =
            with_elf(Path::new(path), |elf| defines(elf, elf.elf_dynamic_symbol_table(), &wanted));
        assert_eq!(index, Some(Some(2)), "whole names");
        assert_eq!(own_allocator(Path::new("/nowhere")), None);
    }
}
