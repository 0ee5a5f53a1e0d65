//! The calling thread's part in a group, as its events see it.

use super::session::Session;
use super::table::TABLE;
use crate::store::group::Member;

/// Has the calling thread's blocks counted for a group from now on.
pub(crate) fn join_group(_session: &'static Session, member: Member) {
    TABLE.with(|table| table.threads.current().map(|thread| thread.member = member));
}

/// The calling thread's part.
pub(crate) fn member() -> Member {
    TABLE.with(|table| table.threads.member()).unwrap_or(Member::NONE)
}
