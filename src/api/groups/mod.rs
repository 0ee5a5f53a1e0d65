//! Groups that programs enter; their page is [`crate::groups`].

#[cfg(feature = "groups")]
use crate::engine::session;
use crate::engine::session::Session;
use crate::store::group::Member;

#[cfg(feature = "groups")]
mod entered;
#[cfg(feature = "groups")]
mod future;
#[cfg(feature = "tracing")]
mod spans;
#[cfg(feature = "groups")]
mod stats;
#[cfg(feature = "groups")]
pub(crate) mod token;

#[cfg(feature = "groups")]
pub use future::{Track, Tracked};
#[cfg(feature = "tracing")]
pub use spans::AllocationLayer;
#[cfg(feature = "groups")]
pub use stats::{GroupStats, group_stats};
#[cfg(feature = "groups")]
pub use token::{AllocationGroupId, AllocationGroupToken, AllocationGuard};

/// The session, if the program is recorded. A program with another global allocator is never
/// recorded, whatever it registers. The decision falls with the first block.
#[cfg(feature = "groups")]
pub(crate) fn session() -> Option<&'static Session> {
    session::decided().unwrap_or_else(|_| {
        crate::base::current::as_profiler(|| {
            drop(core::hint::black_box(std::boxed::Box::new(0_u8)))
        });
        session::decided().ok().flatten()
    })
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
        let before = crate::engine::inside::member();
        crate::engine::inside::join_group(session, member);
        Stay { before }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        #[cfg(feature = "groups")]
        entered::leave(self.key);
        #[cfg(not(feature = "groups"))]
        if let Some(session) = crate::engine::session::get() {
            crate::engine::inside::join_group(session, self.before);
        }
    }
}
