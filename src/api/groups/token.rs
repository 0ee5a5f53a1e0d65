//! Tokens: the right to enter a group.

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
use crate::store::ids::GroupId;

/// The number of a group: [`ROOT`](Self::ROOT) for no group, from 2 on for groups that were
/// registered.
///
/// ```
/// use mod_alloc::groups::{AllocationGroupId, AllocationGroupToken};
///
/// let id: AllocationGroupId = AllocationGroupToken::current().id();
/// assert_eq!(id, AllocationGroupId::ROOT);
/// assert_eq!(id.as_usize().get(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationGroupId(NonZeroUsize);

impl AllocationGroupId {
    /// Stands for the allocations outside of all groups.
    pub const ROOT: Self = Self(NonZeroUsize::MIN);

    /// The number.
    #[must_use]
    pub const fn as_usize(&self) -> NonZeroUsize {
        self.0
    }

    /// Of the recording's group with this number.
    pub(crate) fn of(group: GroupId) -> Self {
        Self(NonZeroUsize::MIN.saturating_add(group.index()))
    }
}

/// A group of allocations. A token enters the group, on any thread, any number of times, and
/// several times at once.
///
/// ```
/// use mod_alloc::groups::AllocationGroupToken;
///
/// let requests = AllocationGroupToken::register("requests");
/// let guard = requests.enter();
/// let counted = vec![0_u8; 1000]; // counts for "requests", whichever thread frees it
/// drop(guard);
/// # drop(counted);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AllocationGroupToken {
    group: GroupId,
}

impl AllocationGroupToken {
    /// Makes a group. Each registration makes a new group: two groups of one name are counted
    /// apart, and are equal only in stacks, which show the name. A group stays until the process
    /// ends, so register things of which there are few (subsystems, kinds of requests), not each
    /// request.
    ///
    /// Names are cut after 424 bytes. A group with an empty name is called by its
    /// [`id`](Self::id).
    ///
    /// The token stands for no group, and entering it does nothing, with `MOD_ALLOC=off`, and if
    /// the global allocator is no `ModAlloc`; also if 65,535 groups are taken, or a recording's
    /// file system is full. The report counts the latter two as `groups_overflowed`, and a line at
    /// exit tells them.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// use mod_alloc::groups::AllocationGroupToken;
    ///
    /// let parsing = AllocationGroupToken::register("parsing");
    /// assert_eq!(parsing.name(), "parsing");
    /// ```
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

    /// The calling thread's group: that of the latest guard or span that it has entered and
    /// not left; [`AllocationGroupId::ROOT`]'s outside of all groups.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// use mod_alloc::groups::AllocationGroupToken;
    ///
    /// let parsing = AllocationGroupToken::register("parsing");
    /// let guard = parsing.enter();
    /// assert_eq!(AllocationGroupToken::current(), parsing);
    /// # drop(guard);
    /// ```
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

    /// Enters the group: the calling thread's allocations count for it until the guard is dropped.
    /// The guards of a thread may be dropped in any order: allocations count for the latest group
    /// that was entered and not left.
    ///
    /// A guard stays on its thread. Allocations of a thread whose thread-locals are gone count for
    /// no group, unless it is entered there.
    ///
    /// ```
    /// use mod_alloc::groups::AllocationGroupToken;
    ///
    /// let parsing = AllocationGroupToken::register("parsing");
    /// let text = {
    ///     let _guard = parsing.enter();
    ///     vec![0_u8; 5000] // counts for "parsing"
    /// };
    /// let other = vec![0_u8; 100]; // does not
    /// # drop((text, other));
    /// ```
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

    /// Leaves the group that was entered by that key.
    #[cfg(feature = "tracing")]
    pub(super) fn leave(key: Key) {
        entered::leave(key);
    }

    fn words(&self) -> Option<&'static Group> {
        session()?.groups.get(self.group.index()).filter(|_| self.group != NO_GROUP)
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

/// As long as a guard lives, its thread's allocations count for a group.
///
/// ```
/// use mod_alloc::groups::{AllocationGroupToken, AllocationGuard};
///
/// let parsing = AllocationGroupToken::register("parsing");
/// let guard: AllocationGuard<'_> = parsing.enter();
/// guard.exit();
/// ```
///
/// A guard cannot leave its thread, so a future cannot hold it while it waits: see
/// [`Track`](crate::api::groups::Track) for futures.
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
