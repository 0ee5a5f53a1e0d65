//! The surface of the crate `tracking-allocator` 0.4, for who comes from there.
//!
//! ```diff
//! -use tracking_allocator::{AllocationGroupToken, AllocationRegistry, AllocationTracker, Allocator};
//! +use mod_alloc::groups::tracking_compat::{
//! +    AllocationGroupToken, AllocationRegistry, AllocationTracker, Allocator,
//! +};
//! ```
//!
//! Reallocations stay in place, zeroed memory stays lazily zeroed, failed allocations return null as
//! the program expects, and groups that are left by [`AllocationGuard::exit`] are left once.

use crate::hook::ModAlloc;

#[cfg(feature = "tracing")]
pub use crate::api::groups::AllocationLayer;
pub use crate::api::groups::{AllocationGroupId, AllocationGuard};
pub use crate::tracker::{AllocationRegistry, AllocationTracker, SetTrackerError};

/// The allocator, by the name it has there.
pub type Allocator<A> = ModAlloc<A>;

impl ModAlloc<std::alloc::System> {
    /// [`ModAlloc::new`] by the name that `tracking-allocator` gives it.
    #[must_use]
    pub const fn system() -> Self {
        Self::new()
    }
}

impl<A> ModAlloc<A> {
    /// [`ModAlloc::with`] by the name that `tracking-allocator` gives it.
    #[must_use]
    pub const fn from_allocator(allocator: A) -> Self {
        Self::with(allocator)
    }
}

/// A group's token as it is there: the group has no name but its number.
///
/// ```
/// use mod_alloc::groups::tracking_compat::AllocationGroupToken;
///
/// let mut token = AllocationGroupToken::register().expect("room for a group");
/// let guard = token.enter();
/// guard.exit();
/// ```
#[derive(Debug)]
pub struct AllocationGroupToken(crate::api::groups::AllocationGroupToken);

impl AllocationGroupToken {
    /// Makes a group; `None` if all are taken. With `MOD_ALLOC=off`, the token stands for no group.
    #[must_use]
    pub fn register() -> Option<Self> {
        let token = crate::api::groups::AllocationGroupToken::register("");
        let is_one =
            token.id() != AllocationGroupId::ROOT || crate::api::groups::session().is_none();
        is_one.then_some(Self(token))
    }

    /// The group's number.
    #[must_use]
    pub fn id(&self) -> AllocationGroupId {
        self.0.id()
    }

    /// See [`AllocationGroupToken::enter`](crate::api::groups::AllocationGroupToken::enter).
    pub fn enter(&mut self) -> AllocationGuard<'_> {
        self.0.enter()
    }

    /// See [`AllocationGroupToken::attach_to_span`](crate::api::groups::AllocationGroupToken::attach_to_span).
    #[cfg(feature = "tracing")]
    pub fn attach_to_span(self, span: &tracing::Span) {
        self.0.attach_to_span(span);
    }
}
