//! Groups: allocations that are counted together, whichever threads make them.
//!
//! A group is what a task, a request, a subsystem or a test allocates. Whoever has its
//! [`AllocationGroupToken`] enters it; what the thread allocates from then on counts for the group,
//! until the guard is dropped. A free counts for the group that allocated the block, whoever frees it.
//!
//! ```no_run
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

pub use crate::api::groups::*;
pub use crate::compat::tracking as tracking_compat;
pub use crate::tracker::{AllocationRegistry, AllocationTracker, SetTrackerError};
