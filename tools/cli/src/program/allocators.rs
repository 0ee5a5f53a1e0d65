//! Allocators that programs bring along.

use std::fmt;
use std::fs::File;
use std::path::Path;

use object::{Object, ObjectSymbol, ReadCache};

use super::machine::Elf;

/// An allocator that a program brings along, of which preloading sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocator {
    /// Its name.
    pub(crate) name: &'static str,
    /// The function that gives it away.
    pub(crate) function: &'static str,
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (it has {})", self.name, self.function)
    }
}

const ALLOCATORS: [Allocator; 9] = [
    Allocator { name: "jemalloc", function: "_rjem_malloc" },
    Allocator { name: "jemalloc", function: "je_malloc" },
    Allocator { name: "mimalloc", function: "mi_malloc" },
    Allocator { name: "tcmalloc", function: "tc_malloc" },
    Allocator { name: "snmalloc", function: "sn_rust_alloc" },
    Allocator { name: "rpmalloc", function: "rpmalloc" },
    Allocator { name: "PartitionAlloc", function: "__wrap_malloc" },
    Allocator { name: "a malloc of its own", function: "malloc" },
    Allocator { name: "a malloc of its own", function: "__libc_malloc" },
];

/// The allocator that the executable at `path` defines; `None` if it has none, or none that can be
/// told.
pub(crate) fn own_allocator(path: &Path) -> Option<Allocator> {
    let bytes = &ReadCache::new(File::open(path).ok()?);
    let file = Elf::parse(bytes).ok()?;
    let mut best = ALLOCATORS.len();
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        if !symbol.is_definition() {
            continue;
        }
        let Ok(name) = symbol.name() else { continue };
        let found = ALLOCATORS.iter().position(|known| known.function == name);
        best = best.min(found.unwrap_or(best));
    }
    ALLOCATORS.get(best).copied()
}

/// The reason why a report of the program `executable`, with so many blocks, lacks some or all.
pub(crate) fn unseen(executable: &Path, blocks: u64) -> Option<String> {
    let name = executable.display();
    match (blocks, own_allocator(executable)) {
        (0, Some(allocator)) => Some(format!(
            "no allocation was recorded: {name} brings {allocator} and allocates from it directly. If it \
             is a Rust program, use the crate `mod-alloc` in it: that wraps any allocator"
        )),
        (0, None) => Some(format!(
            "no allocation was recorded: {name} did not call malloc. If it is a Rust program with an \
             allocator of its own, use the crate `mod-alloc` in it"
        )),
        (_, Some(allocator)) => Some(format!(
            "{name} brings {allocator}: blocks that it allocates from that directly are not in the \
             report. If it is a Rust program, use the crate `mod-alloc` in it"
        )),
        (_, None) => None,
    }
}
