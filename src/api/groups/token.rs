//! Who may enter a group.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroUsize;
use std::string::String;

use crate::api::groups::entered;
use crate::api::groups::entered::Key;
use crate::api::groups::session;
use crate::base::current::as_profiler;
use crate::store::group as region;
use crate::store::group::{Group, Member, NO_GROUP};

/// The number of a group: [`ROOT`](Self::ROOT) where there is none, from 2 on for those that were
/// registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationGroupId(NonZeroUsize);

impl AllocationGroupId {
    /// Stands for all that is allocated while no group is entered.
    pub const ROOT: Self = Self(NonZeroUsize::MIN);

    /// The number.
    #[must_use]
    pub const fn as_usize(&self) -> NonZeroUsize {
        self.0
    }

    /// Of the recording's group with this number.
    pub(crate) fn of(group: u32) -> Self {
        Self(NonZeroUsize::MIN.saturating_add(group as usize))
    }
}

/// A group of allocations. Whoever has its token may enter the group, on any thread, as often as
/// need be, several at a time.
///
/// ```
/// use mod_alloc::groups::AllocationGroupToken;
///
/// let requests = AllocationGroupToken::register("requests");
/// let guard = requests.enter();
/// let counted = vec![0_u8; 1000]; // counts for "requests", whoever frees it
/// drop(guard);
/// # drop(counted);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllocationGroupToken {
    group: u32,
}

impl AllocationGroupToken {
    /// Makes a group. Each registration makes one of its own: two of the same name are counted apart, and
    /// only in stacks, where the name stands, they are the same. A group stays until the
    /// process ends, so register what there are a few of (subsystems, kinds of requests), not what
    /// there are many of (requests).
    ///
    /// Names are cut after 424 bytes; instead of an empty one the group is called by its
    /// [`id`](Self::id).
    ///
    /// With `MOD_ALLOC=off`, and where the global allocator is no `ModAlloc`, the token stands for no group, and entering it does nothing. The same where
    /// 65,535 groups are taken, or a recording's file system is full: that is counted in the report as
    /// `groups_overflowed`, and said at exit.
    pub fn register(name: impl AsRef<str>) -> Self {
        let Some(session) = session() else { return Self { group: NO_GROUP } };
        let name = name.as_ref();
        let group = session.make_group(b"", name.as_bytes());
        let token = Self { group };
        if name.is_empty()
            && let Some(words) = token.words()
        {
            as_profiler(|| {
                let name = std::format!("group {}", token.id().as_usize());
                words.describe(b"", name.as_bytes());
            });
        }
        token
    }

    /// The group that the calling thread is in: that of the latest guard or span that it has entered and
    /// not left; the one of [`AllocationGroupId::ROOT`] if it is in none.
    #[must_use]
    pub fn current() -> Self {
        let group = crate::engine::member::entered().group;
        Self { group: session().map_or(NO_GROUP, |session| region::named(session.groups, group)) }
    }

    /// The group's number. Registrations count up from 2.
    #[must_use]
    pub fn id(&self) -> AllocationGroupId {
        AllocationGroupId::of(self.group)
    }

    /// The group's name; empty for a token that stands for no group.
    #[must_use]
    pub fn name(&self) -> String {
        self.words().map(|words| as_profiler(|| words.name())).unwrap_or_default()
    }

    /// What the calling thread allocates counts for the group until the guard is dropped. The guards of a
    /// thread may be dropped in any order: the group that counts is always that of the latest
    /// entered of those that are left.
    ///
    /// A guard stays on its thread. What a thread does after its thread-locals are gone counts for no
    /// group, unless it is entered there.
    #[inline]
    pub fn enter(&self) -> AllocationGuard<'_> {
        AllocationGuard {
            key: entered::enter(Member::of(self.group)),
            token: PhantomData,
            not_send: PhantomData,
        }
    }

    /// Enters the group until [`leave`](Self::leave), on the same thread.
    #[cfg(feature = "tracing")]
    pub(super) fn enter_as(&self, key: Key) {
        entered::enter_as(key, Member::of(self.group));
    }

    /// Leaves what was entered by that key.
    #[cfg(feature = "tracing")]
    pub(super) fn leave(key: Key) {
        entered::leave(key);
    }

    fn words(&self) -> Option<&'static Group> {
        session()?.groups.get(self.group as usize).filter(|_| self.group != NO_GROUP)
    }
}

impl fmt::Debug for AllocationGroupToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocationGroupToken")
            .field("id", &self.id().as_usize())
            .field("name", &self.name())
            .finish()
    }
}

/// As long as it lives, what its thread allocates counts for a group.
///
/// It cannot leave its thread, so it cannot be held while a future waits: see
/// [`Track`](crate::api::groups::Track) for those.
///
/// ```compile_fail,E0277
/// fn is_send<T: Send>() {}
/// is_send::<mod_alloc::groups::AllocationGuard<'static>>();
/// ```
#[derive(Debug)]
#[must_use = "the group is left when the guard is dropped"]
pub struct AllocationGuard<'token> {
    key: Key,
    token: PhantomData<&'token AllocationGroupToken>,
    not_send: PhantomData<*const ()>,
}

impl AllocationGuard<'_> {
    /// Leaves the group, as dropping the guard does.
    #[inline]
    pub fn exit(self) {}
}

impl Drop for AllocationGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        entered::leave(self.key);
    }
}

const _: () = {
    const fn is_shared<T: Copy + Send + Sync + 'static>() {}
    is_shared::<AllocationGroupToken>();
};
