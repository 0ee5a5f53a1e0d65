//! Why a report may not have what somebody expects in it.

use crate::program::{Program, own_allocator};
use crate::reports::{Error, Made};
use crate::say::say;

/// Warns if the report cannot have everything: the program has an allocator of its own.
pub(super) fn warn(program: &Program, made: &Made) {
    let executable = program.executable.display();
    let allocator = own_allocator(&program.executable);
    match (made.blocks, allocator) {
        (0, Some(allocator)) => say!(
            "warning: no event was seen: {executable} brings {allocator}, and allocates from that \
             directly. If it is a Rust program, use the crate `mod-alloc` in it, which wraps any allocator"
        ),
        (0, None) => say!(
            "warning: no event was seen: {executable} allocated nothing through malloc; if it has an \
             allocator of its own, use the crate `mod-alloc` in it"
        ),
        (_, Some(allocator)) => say!(
            "warning: {executable} brings {allocator}: what it allocates from that directly is \
             not in the report. If it is a Rust program, use the crate `mod-alloc` in it"
        ),
        (_, None) => {}
    }
}

/// Says why there is no report.
pub(super) fn explain(program: &Program, error: &Error) {
    match error {
        Error::NoRecording => say!(
            "there is no recording of {}: the library that records was not loaded. The loader ignored \
             LD_PRELOAD, or the program was gone before it came to that",
            program.executable.display()
        ),
        Error::Said => {}
    }
}
