//! Groups: allocations that are counted together, whichever threads make them.
//!
//! Stacks show where memory is allocated. Groups show the purpose: a subsystem, a kind of request,
//! a tenant, a task. An [`AllocationGroupToken`] enters the group; from then on the thread's
//! allocations count for the group, until the guard is dropped. A free counts for the group that
//! allocated the block, on any thread.
//!
//! ```
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
//! # Futures, streams and spans
//!
//! Futures and streams enter their group on each poll, on any thread: see [`Track`].
//!
//! ```
//! use mod_alloc::groups::{AllocationGroupToken, Track};
//!
//! async fn serve() { /* … */ }
//! fn spawn<F: Future>(_task: F) { /* your runtime's */ }
//!
//! let requests = AllocationGroupToken::register("requests");
//! spawn(serve().track_allocations(requests));
//! ```
//!
//! With the feature `tracing`, groups follow spans. `AllocationLayer::new()` is for groups that are
//! attached to spans (`token.attach_to_span(&span)`); `AllocationLayer::by_span_name()` makes one
//! group per span name.
//!
//! # The numbers
//!
//! [`group_stats`] gives every group's numbers at any moment. The report has them under `x_groups`,
//! and `mod-alloc report` shows them as a table. Each stack of a group ends in a frame `[group:
//! name]`, so that every viewer keeps groups apart. A recording has all of it: after a kill,
//! `mod-alloc recover` brings it back.
//!
//! Numbers are exact: totals and live figures to the byte, with any number of threads and in every
//! mode. Guards nest, and may be dropped in any order. To enter and leave a group costs about 18
//! ns; a tracked poll with an allocation, about 60 ns more than an untracked one.
//!
//! # A tracker of your own
//!
//! An [`AllocationTracker`] is called at each allocation and free, with the group.
//! [`tracking_compat`] has the names of the crate tracking-allocator, and tells how to move from
//! it.

pub use crate::api::groups::*;
pub use crate::compat::tracking as tracking_compat;
pub use crate::tracker::{AllocationRegistry, AllocationTracker, SetTrackerError};
