//! The calling thread's part in a group, by the groups that it has entered.

use crate::store::group::Member;

#[cfg(feature = "groups")]
std::thread_local! {
    /// Without a destructor, so that it can be read until the thread's last instruction.
    static ENTERED: core::cell::Cell<Member> = const { core::cell::Cell::new(Member::NONE) };
}

/// The calling thread's part by the groups that it has entered.
pub(crate) fn entered() -> Member {
    #[cfg(feature = "groups")]
    return ENTERED.get();
    #[cfg(not(feature = "groups"))]
    Member::NONE
}

/// Sets what [`entered`] says; returns what it said before.
#[cfg(feature = "groups")]
pub(crate) fn set_entered(member: Member) -> Member {
    ENTERED.replace(member)
}
