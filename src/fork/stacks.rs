//! A fork's part for stacks: more locks, and a file for the child.

use super::file;
use crate::base::os::files;
#[cfg(feature = "preload")]
use crate::engine::mappings;
use crate::engine::session::Session;
use crate::engine::{place, registration};
use crate::store::space::SPACE;

/// Takes the locks below the heap's, and prepares the child's file.
pub(super) fn take_locks(session: &'static Session) {
    session.used_slots().for_each(|(_, slot)| core::mem::forget(slot.journal.moving.lock()));
    core::mem::forget(session.modules.lock.lock());
    session.frames.before_fork();
    SPACE.before_fork();
    #[cfg(feature = "preload")]
    mappings::before_fork();
    if SPACE.is_in_file() && session.settings.children {
        file::prepare(session);
    }
}

/// Opens them in the opposite order.
pub(super) fn open_locks(session: &Session) {
    #[cfg(feature = "preload")]
    mappings::after_fork();
    SPACE.after_fork();
    session.frames.after_fork();
    session.modules.lock.open();
    session.used_slots().for_each(|(_, slot)| slot.journal.moving.open());
}

/// In the parent: the child alone has its file.
pub(super) fn leave_file() {
    file::forget();
}

/// In the child: takes the prepared file in the place of the parent's. `false`: there is none, and
/// the child is not recorded.
pub(super) fn adopt_file(session: &'static Session) -> bool {
    let goes_on = !SPACE.is_in_file() || file::adopt(session);
    if !goes_on {
        place::mute();
    }
    goes_on
}

/// In the child: its id may be of another namespace than the parent's.
pub(super) fn note_namespace(session: &Session) {
    let locked = &session.header.self_check.locked;
    if locked.get() != 0 {
        locked.set(files::id_namespace());
    }
}

/// In the child: makes anew what the kernel has wiped.
pub(super) fn rebuild(session: &'static Session) {
    if SPACE.is_in_file() {
        registration::rebuild_in_child(session);
    }
}
