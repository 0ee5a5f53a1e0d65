//! tracking-allocator 0.4's interface: all of its names, with its meanings.
//!
//! # Coming from tracking-allocator
//!
//! A tracker goes on working (features `groups`, and `tracing` for spans). The tests of this crate
//! compile and run both sides.
//!
//! ```diff
//! -// Cargo.toml: tracking-allocator = "0.4"
//! -use tracking_allocator::{
//! +// Cargo.toml: mod-alloc = { path = "…", features = ["groups"] } # a checkout
//! +use mod_alloc::groups::tracking_compat::{
//!      AllocationGroupId, AllocationGroupToken, AllocationRegistry, AllocationTracker, Allocator,
//!  };
//!  use std::alloc::System;
//!
//!  #[global_allocator]
//!  static ALLOC: Allocator<System> = Allocator::system();
//!
//!  struct Printed;
//!
//!  impl AllocationTracker for Printed {
//!      fn allocated(&self, _: usize, size: usize, _: usize, group: AllocationGroupId) {
//!          println!("{size} bytes for group {}", group.as_usize());
//!      }
//!
//!      fn deallocated(
//!          &self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId,
//!      ) {}
//!  }
//!
//!  fn main() {
//!      AllocationRegistry::set_global_tracker(Printed).expect("the first one");
//!      AllocationRegistry::enable_tracking();
//!      let mut token = AllocationGroupToken::register().expect("a group");
//!      let guard = token.enter();
//!      let numbers = vec![0_u8; 5000];
//!      drop(guard);
//!      AllocationRegistry::disable_tracking();
//!      println!("{} numbers", numbers.len());
//!  }
//! ```
//!
//! tracking-allocator's own test and examples pass with that import (`AllocationLayer` needs the
//! feature `tracing`).
//!
//! Most trackers add numbers up. Those numbers are there without a tracker: see
//! [`group_stats`](crate::groups::group_stats).
//!
//! # Differences on purpose
//!
//! - Reallocations stay in place. A reallocation is reported as a free and an allocation, both in
//!   the block's group.
//! - Zeroed memory stays lazily zeroed.
//! - An allocation that fails returns null, as the program expects.
//! - Guards may be dropped in any order. A group that is left by [`AllocationGuard::exit`] is left
//!   once.
//! - A panic of the tracker stays in the tracker.

use crate::hook::ModAlloc;

#[cfg(feature = "tracing")]
pub use crate::api::groups::AllocationLayer;
pub use crate::api::groups::{AllocationGroupId, AllocationGuard};
pub use crate::tracker::{AllocationRegistry, AllocationTracker, SetTrackerError};

/// [`ModAlloc`], by the name that tracking-allocator gives it.
///
/// ```
/// use mod_alloc::groups::tracking_compat::Allocator;
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOC: Allocator<System> = Allocator::system();
/// # fn main() {}
/// ```
pub type Allocator<A> = ModAlloc<A>;

impl ModAlloc<std::alloc::System> {
    /// [`ModAlloc::new`], by the name that tracking-allocator gives it.
    ///
    /// ```
    /// # use mod_alloc::ModAlloc;
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::system();
    /// # fn main() {}
    /// ```
    #[must_use]
    pub const fn system() -> Self {
        Self::new()
    }
}

impl<A> ModAlloc<A> {
    /// [`ModAlloc::with`], by the name that tracking-allocator gives it.
    ///
    /// ```
    /// # use mod_alloc::ModAlloc;
    /// use std::alloc::System;
    ///
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::from_allocator(System);
    /// # fn main() {}
    /// ```
    #[must_use]
    pub const fn from_allocator(allocator: A) -> Self {
        Self::with(allocator)
    }
}

/// A group's token as tracking-allocator has it: the group has a number, and no name.
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
    /// Makes a group. `None` if all 65,535 are taken. With `MOD_ALLOC=off`, the token stands for no
    /// group.
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

    /// See [`AllocationGroupToken::enter`](crate::groups::AllocationGroupToken::enter).
    pub fn enter(&mut self) -> AllocationGuard<'_> {
        self.0.enter()
    }

    /// See [`attach_to_span`](crate::groups::AllocationGroupToken::attach_to_span).
    #[cfg(feature = "tracing")]
    pub fn attach_to_span(self, span: &tracing::Span) {
        self.0.attach_to_span(span);
    }
}
