//! Programs that bring an allocator along, of which preloading sees nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mod_alloc::symbolize::own_allocator;

/// The allocators that executables bring along. Each executable is looked at once.
#[derive(Debug, Default)]
pub(crate) struct OwnAllocators(BTreeMap<PathBuf, Option<String>>);

impl OwnAllocators {
    /// That of an executable, in words.
    pub(crate) fn of(&mut self, executable: &Path) -> Option<String> {
        let known = self.0.entry(executable.to_owned());
        let look = || own_allocator(executable).map(|allocator| allocator.to_string());
        known.or_insert_with(look).clone()
    }
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
