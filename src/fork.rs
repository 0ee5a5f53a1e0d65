//! fork: the child goes on with the same numbers in a separate recording, or is not recorded.
//!
//! Anonymous memory is copied by fork itself. A file is shared, and the parent's other threads go
//! on writing to it; so the parent makes the child's file before the fork, holding every lock, and
//! the child maps it at the same address. Some forks do not call these functions (`_Fork`,
//! `clone`). Their child finds memory that the kernel has wiped (`os::files::wipe_on_fork`), and
//! records nothing.

use crate::base::os;
use crate::base::sync::Ordering;
use crate::engine::session::{self, Session};

#[cfg(feature = "backtraces")]
mod file;
#[cfg(not(feature = "backtraces"))]
#[path = "fork/counters.rs"]
mod parts;
#[cfg(feature = "backtraces")]
#[path = "fork/stacks.rs"]
mod parts;

/// Asks the system to call us at each fork.
pub(crate) fn follow() {
    os::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/// Takes every lock that a thread may hold in the middle of a change, so that the child's copy is
/// whole. The locks' order is that of all the code: the stretches, the heap, the threads' flushes
/// (which hold the records' locks), the modules, the gate, the space.
unsafe extern "C" fn before_fork() {
    let Some(session) = recorded() else { return };
    core::mem::forget(crate::engine::stretches::lock());
    core::mem::forget(session.heap().lock.lock());
    parts::take_locks(session);
}

/// The session, unless this process is a child that is not recorded.
fn recorded() -> Option<&'static Session> {
    if session::is_muted() { None } else { session::get() }
}

unsafe extern "C" fn after_fork_in_parent() {
    let Some(session) = recorded() else { return };
    parts::leave_file();
    open_locks(session);
}

fn open_locks(session: &Session) {
    parts::open_locks(session);
    session.heap().lock.open();
    crate::engine::stretches::open_lock();
}

/// In the child: goes on with the same numbers in the child's copy; this is its only thread.
unsafe extern "C" fn after_fork_in_child() {
    #[cfg(all(feature = "symbolicate", not(feature = "preload")))]
    crate::engine::work::in_forked_child();
    let Some(session) = recorded() else { return };
    if !parts::adopt_file(session) {
        // The mapping is still the parent's.
        #[cfg(not(feature = "preload"))]
        crate::engine::profiler_thread::stop_in_child();
        return;
    }
    open_locks(session);
    session.header.process.id.store(os::process_id(), Ordering::Relaxed);
    parts::note_namespace(session);
    parts::rebuild(session);
    let own = crate::engine::inside::current_index();
    let mut threads = 0;
    for (index, slot) in session.used_slots() {
        slot.in_use.open();
        if Some(index) == own {
            slot.id.store(os::thread_id(), Ordering::Relaxed);
            threads += 1;
        } else if slot.is_running() {
            slot.inside.store(0, Ordering::Relaxed);
            crate::engine::beginnings::forget(index);
            slot.leave();
        }
    }
    session.heap().threads.store(threads, Ordering::Relaxed);
    #[cfg(feature = "dhat-compat")]
    crate::api::report_files::in_forked_child();
    #[cfg(not(feature = "preload"))]
    crate::engine::profiler_thread::in_forked_child(own.and_then(|own| session.slot(own)));
}
