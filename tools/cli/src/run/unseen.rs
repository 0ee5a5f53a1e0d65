//! The reasons why a report lacks allocations.

use crate::base::say::say;
use crate::program::{self, Program};
use crate::reports::{Error, Made};

/// Warns if the program has an allocator of its own: the report cannot have its blocks.
pub(super) fn warn(program: &Program, made: &Made) {
    // The reason why memory was not seen has been told.
    if made.unseen_bytes > 0 && made.blocks > 0 {
        return;
    }
    if let Some(why) = program::unseen(&program.executable, made.blocks) {
        say!("warning: {why}");
    }
}

/// Tells the user why there is no report.
pub(super) fn explain(program: &Program, error: &Error) {
    match error {
        Error::NoRecording => say!(
            "there is no recording of {}. If no line above says why, the library that records was not \
             loaded: the loader ignored LD_PRELOAD, or the program ended before the loader had done \
             its work",
            program.executable.display()
        ),
        Error::Said => {}
    }
}
