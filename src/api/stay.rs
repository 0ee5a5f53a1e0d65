//! A stay in a group, in a build in which programs enter none: the groups are this crate's alone,
//! so their order is that of the stays.

use crate::engine::inside;
use crate::engine::session::{self, Session};
use crate::store::group::Member;

/// As long as it lives, the calling thread is a member of a group.
pub(crate) struct Stay {
    before: Member,
}

impl Stay {
    /// Enters the group.
    pub(crate) fn begin(session: &'static Session, member: Member) -> Self {
        let before = inside::member();
        inside::join_group(session, member);
        Stay { before }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(session) = session::get() {
            inside::join_group(session, self.before);
        }
    }
}
