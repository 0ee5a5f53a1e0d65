//! The reasons why a report lacks allocations.

use mod_alloc::symbolize::own_allocator;

use crate::base::say::say;
use crate::program::Program;
use crate::reports::{Error, Made};

/// Warns if the program has an allocator of its own: the report cannot have its blocks.
pub(super) fn warn(program: &Program, made: &Made) {
    // The reason why memory was not seen has been told.
    if made.unseen_bytes > 0 && made.blocks > 0 {
        return;
    }
    let executable = program.executable.display();
    let allocator = own_allocator(&program.executable);
    match (made.blocks, allocator) {
        (0, Some(allocator)) => say!(
            "warning: no allocation was recorded: {executable} brings {allocator} and allocates from it \
             directly. If it is a Rust program, use the crate `mod-alloc` in it: that wraps any allocator"
        ),
        (0, None) => say!(
            "warning: no allocation was recorded: {executable} did not call malloc. If it is a Rust \
             program with an allocator of its own, use the crate `mod-alloc` in it"
        ),
        (_, Some(allocator)) => say!(
            "warning: {executable} brings {allocator}: blocks that it allocates from that directly are \
             not in the report. If it is a Rust program, use the crate `mod-alloc` in it"
        ),
        (_, None) => {}
    }
}

/// Tells the user why there is no report.
pub(super) fn explain(program: &Program, error: &Error) {
    match error {
        Error::NoRecording => say!(
            "there is no recording of {}: the library that records was not loaded. The loader ignored \
             LD_PRELOAD, or the program ended before the loader had done its work",
            program.executable.display()
        ),
        Error::Said => {}
    }
}
