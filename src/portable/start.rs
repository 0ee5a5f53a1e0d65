//! The start of a recording: the session is made at the process's first block; then the system is
//! asked to call us at forks and at the exit.

use crate::base::os;
use crate::engine::table::TABLE;
#[cfg(feature = "backtraces")]
use crate::{
    base::options::Options,
    engine::session::{self, Session},
};

/// The session, if the process is recorded. The first call decides that, by these options of the
/// program.
#[cfg(feature = "backtraces")]
pub(crate) fn session_by(options: &Options) -> Option<&'static Session> {
    if session::decided().is_err() {
        // The decision is made at a block.
        let block = std::boxed::Box::new(0_u8);
        let address = (&raw const *block).addr();
        let local = 0_u8;
        let marker = crate::engine::capture::Marker::at(&local);
        crate::base::current::as_profiler(|| {
            crate::engine::events::allocated(options, begin, address, 1, marker)
        });
    }
    session::get()
}

/// As [`session_by`], where there is no `ModAlloc` that has options.
#[cfg(feature = "dhat-compat")]
pub(crate) fn session() -> Option<&'static Session> {
    session_by(&Options::NONE)
}

/// Runs once there is a session.
pub(crate) fn begin() {
    let _errno = os::KeepErrno::new();
    crate::base::settings::refuse_what_needs_linux();
    os::at_fork(before_fork, after_fork, in_child);
    #[cfg(feature = "dhat-compat")]
    os::at_exit(crate::api::report_files::at_exit);
}

unsafe extern "C" fn before_fork() {
    TABLE.keep();
}

unsafe extern "C" fn after_fork() {
    TABLE.release();
}

unsafe extern "C" fn in_child() {
    TABLE.release();
    TABLE.with(|table| table.threads.keep_current());
    #[cfg(feature = "dhat-compat")]
    crate::api::report_files::in_forked_child();
}
