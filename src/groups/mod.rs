//! Groups: allocations that are counted together, whichever threads make them.
//!
//! A group is what a task, a request, a subsystem or a test allocates. Whoever has its
//! [`AllocationGroupToken`] enters it; what the thread allocates from then on counts for the group,
//! until the guard is dropped. A free counts for the group that allocated the block, whoever frees it.
//!
#![cfg_attr(feature = "groups", doc = "```no_run")]
#![cfg_attr(not(feature = "groups"), doc = "```text")]
//! use mod_alloc::groups::{AllocationGroupToken, group_stats};
//!
//! #[global_allocator]
//! static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//!
//! fn main() {
//!     let parsing = AllocationGroupToken::register("parsing");
//!     let text = {
//!         let _guard = parsing.enter();
//!         vec![0_u8; 5000]
//!     };
//!     let live = group_stats()[0].live_bytes;
//!     drop(text);
//!     assert_eq!((live, group_stats()[0].live_bytes), (5000, 0));
//! }
//! ```
//!
//! Futures and streams enter their group on each poll, on whatever thread that is: see [`Track`]. With
//! the feature `tracing`, groups follow spans: see `AllocationLayer`.
//!
//! The numbers are those of [`group_stats`] at any moment, `x_groups` in the report, and an outermost
//! frame `[group: name]` of each of the group's stacks, so that every viewer shows them apart.
//!
//! [`AllocationTracker`] is called back at each allocation and free, with the group.

mod region;

pub(crate) use region::*;

#[cfg(feature = "groups")]
use crate::session;
use crate::session::Session;

#[cfg(feature = "groups")]
mod entered;
#[cfg(feature = "groups")]
mod future;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(feature = "groups")]
mod stats;
#[cfg(feature = "groups")]
mod token;
#[cfg(feature = "groups")]
pub(crate) mod tracker;
#[cfg(feature = "groups")]
pub mod tracking_compat;

#[cfg(feature = "groups")]
pub use future::{Track, Tracked};
#[cfg(feature = "tracing")]
pub use spans::AllocationLayer;
#[cfg(feature = "groups")]
pub use stats::{GroupStats, group_stats};
#[cfg(feature = "groups")]
pub use token::{AllocationGroupId, AllocationGroupToken, AllocationGuard};
#[cfg(feature = "groups")]
pub use tracker::{AllocationRegistry, AllocationTracker, SetTrackerError};

/// The session, if the program is recorded. One whose global allocator is another is not, whatever it
/// registers; whether it is can be seen once there was a block.
#[cfg(feature = "groups")]
fn session() -> Option<&'static Session> {
    session::decided().unwrap_or_else(|_| {
        crate::inside::as_profiler(|| drop(core::hint::black_box(std::boxed::Box::new(0_u8))));
        session::decided().ok().flatten()
    })
}

/// What the calling thread is by what it has entered.
#[cfg(feature = "groups")]
pub(crate) fn entered() -> Member {
    entered::current()
}

/// Nothing can be entered.
#[cfg(not(feature = "groups"))]
pub(crate) fn entered() -> Member {
    Member::NONE
}

/// As long as it lives, the calling thread is a member of a group, unless it enters another.
pub(crate) struct Stay {
    #[cfg(feature = "groups")]
    key: entered::Key,
    #[cfg(not(feature = "groups"))]
    before: Member,
}

impl Stay {
    #[cfg(feature = "groups")]
    pub(crate) fn begin(_session: &'static Session, member: Member) -> Self {
        Stay { key: entered::enter(member) }
    }

    #[cfg(not(feature = "groups"))]
    pub(crate) fn begin(session: &'static Session, member: Member) -> Self {
        let before = crate::inside::member();
        crate::inside::join_group(session, member);
        Stay { before }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        #[cfg(feature = "groups")]
        entered::leave(self.key);
        #[cfg(not(feature = "groups"))]
        if let Some(session) = crate::session::get() {
            crate::inside::join_group(session, self.before);
        }
    }
}
