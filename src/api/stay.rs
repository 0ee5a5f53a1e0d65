//! A stay in a group, in a build in which programs enter none: the groups are this crate's alone,
//! so their order is that of the stays.

use core::cell::Cell;

use crate::engine::inside;
use crate::engine::session::{self, Session};
use crate::store::group::Member;

std::thread_local! {
    /// The stays that the thread has begun and not ended.
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// As long as it lives, the calling thread is a member of a group.
///
/// Only tasks that take turns on a thread, and hold stays while they wait, end them in another
/// order. Then the end of a stay is that of all that began after it, so that no thread stays in a
/// group that is used again.
pub(crate) struct Stay {
    before: Member,
    /// Its number among the thread's open stays, from 1.
    depth: u32,
}

impl Stay {
    /// Enters the group.
    pub(crate) fn begin(session: &'static Session, member: Member) -> Self {
        let before = inside::member();
        inside::join_group(session, member);
        let depth = OPEN.get() + 1;
        OPEN.set(depth);
        Stay { before, depth }
    }

    /// False if the stays of the thread have not ended in their order.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn is_latest(&self) -> bool {
        OPEN.get() == self.depth
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if OPEN.get() < self.depth {
            return;
        }
        OPEN.set(self.depth - 1);
        if let Some(session) = session::get() {
            inside::join_group(session, self.before);
        }
    }
}
