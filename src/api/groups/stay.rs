//! A stay in a group for a while of this crate's own: a measurement, a measured thread.

use super::entered;
use crate::engine::session::Session;
use crate::store::group::Member;

/// As long as it lives, the calling thread is a member of a group, unless it enters another.
pub(crate) struct Stay(entered::Key);

impl Stay {
    /// Enters the group.
    pub(crate) fn begin(_session: &'static Session, member: Member) -> Self {
        Stay(entered::enter(member))
    }

    /// True: groups are left in any order.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn is_latest(&self) -> bool {
        true
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        entered::leave(self.0);
    }
}
