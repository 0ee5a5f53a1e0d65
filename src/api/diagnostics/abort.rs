//! The line of a program that aborts, as it does at a panic with `panic = "abort"`.

use crate::api::{report_files, test_harness};
use crate::base::os;
use crate::base::os::message::say_on_little_stack;
use crate::base::os::signals::abort;
use crate::engine::session;
use crate::store::space::SPACE;

/// Has a line said when the program aborts, if it would have written a report at its exit.
pub(super) fn say_at_abort() {
    let is_off = os::environment(c"MOD_ALLOC_OUT").is_some_and(|out| out == c"off");
    if !is_off && !test_harness::may_run_silently() {
        abort::say_at_abort(say_it);
    }
}

/// Runs in a signal handler, with little stack if several threads abort at once.
fn say_it() {
    let is_recorded = session::get().is_some_and(|session| session.is_this_process());
    // A profiler of `dhat_compat` makes the program's reports, so the line would not be true.
    if !is_recorded || report_files::is_left_to_program() {
        return;
    }
    if SPACE.is_in_file() {
        let text = b"aborted before the report; read it with: mod-alloc recover ";
        say_on_little_stack(text, SPACE.path().to_bytes());
    } else {
        let text = b"aborted before the report; set MOD_ALLOC_RECORD=FILE, then use mod-alloc \
                     recover FILE";
        say_on_little_stack(text, b"");
    }
}
