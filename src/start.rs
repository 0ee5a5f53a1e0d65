//! The start of a recording: the session is made before the process's first block; then the system
//! is asked to call us at forks, at the exit and at signals.

use crate::base::options::Options;
use crate::base::os;
use crate::base::sync::once::Undecided;
use crate::engine::registration;
use crate::engine::session::{self, Session};
use crate::engine::work::{self, OfWork};
#[cfg(feature = "backtraces")]
use crate::{base::sync::Ordering, engine::allocator::moments, store::layout::EXIT};

/// The session, if the process is recorded. The first call decides that, by these options of the
/// program.
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) fn session_by(options: &Options) -> Option<&'static Session> {
    match session::decided() {
        Ok(session) => session,
        Err(Undecided) => decide(options),
    }
}

/// As [`session_by`], for the hook: an event of `block`, or of a new one if that is null.
///
/// # Errors
///
/// The event is the profiler's work's.
#[inline(always)]
pub(crate) fn session_for(
    options: &Options,
    block: *const u8,
) -> Result<Option<&'static Session>, OfWork> {
    match session::decided_for_hook() {
        Ok(session) => Ok(session),
        Err(_) => decide_for(options, block),
    }
}

/// [`session_for`] where the hook does not know at once: nothing is decided, or the profiler is at
/// work.
#[cold]
#[inline(never)]
pub(crate) fn decide_for(
    options: &Options,
    block: *const u8,
) -> Result<Option<&'static Session>, OfWork> {
    match (session::decided(), work::find(block)) {
        (Ok(Some(_)), Some(found)) => Err(found),
        (Ok(session), _) => Ok(session),
        (Err(Undecided), _) => Ok(decide(options)),
    }
}

/// As [`session_by`], where there is no `ModAlloc` that has options.
#[cfg(any(feature = "dhat-compat", feature = "preload"))]
#[inline(always)]
pub(crate) fn session() -> Option<&'static Session> {
    session_by(&Options::NONE)
}

#[cold]
#[inline(never)]
fn decide(options: &Options) -> Option<&'static Session> {
    options.decide();
    let calls = session::Calls {
        #[cfg(not(feature = "preload"))]
        is_refused: crate::api::diagnostics::answer_only,
        #[cfg(feature = "preload")]
        is_refused: |_| (),
        thread_ends: registration::thread_ends,
        #[cfg(feature = "backtraces")]
        note_state: moments::note_peak_if_safe,
    };
    session::decide(calls, begin)
}

/// Runs once there is a session.
fn begin() {
    let _errno = os::KeepErrno::new();
    // The executable is the first of the modules, whichever module allocates first.
    #[cfg(feature = "backtraces")]
    if let Some(session) = session::get() {
        session.modules.note_executable();
    }
    #[cfg(all(feature = "backtraces", target_env = "gnu"))]
    crate::engine::allocator::glibc::prepare();
    #[cfg(feature = "backtraces")]
    os::at_exit(note_end);
    crate::fork::follow();
    #[cfg(feature = "dhat-compat")]
    os::at_exit(crate::api::report_files::at_exit);
    #[cfg(not(feature = "preload"))]
    crate::api::diagnostics::start();
    #[cfg(feature = "preload")]
    crate::base::settings::refuse_signals();
}

/// Runs when the process exits by `exit` or by returning from `main`.
#[cfg(feature = "backtraces")]
extern "C" fn note_end() {
    if let Some(session) = session::get().filter(|session| session.is_this_process()) {
        session::note_moment(session);
        moments::note_end(session);
        session.header.process.ending.store(EXIT, Ordering::Relaxed);
        #[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
        crate::api::own_recording::make_small();
    }
}
