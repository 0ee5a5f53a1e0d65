//! The engine of systems that the one for Linux does not know: a table behind one lock.
//!
//! It is simple and exact, and as fast as that allows. An event takes the lock, walks the whole
//! stack with the crate `backtrace`, and changes plain numbers:
//!
//! ```text
//!  hook ──▶ events ──▶ capture: the stack
//!                  └─▶ table: blocks by address ─▶ sites by stack ─▶ heap, groups, threads
//! ```
//!
//! Its front has the names of the engine for Linux, as far as `api` and `compat` ask: `session`,
//! `windows`, `stretches`, `inside`, `member`, `allocator`. Neither engine knows the other.

#[path = "engine/allocator.rs"]
pub(crate) mod allocator;
#[cfg(feature = "backtraces")]
#[path = "engine/capture.rs"]
pub(crate) mod capture;
#[path = "engine/events.rs"]
pub(crate) mod events;
#[cfg(feature = "backtraces")]
#[path = "engine/inside.rs"]
pub(crate) mod inside;
#[cfg(feature = "groups")]
#[path = "../engine/member.rs"]
pub(crate) mod member;
#[path = "engine/peak.rs"]
pub(crate) mod peak;
#[path = "engine/reading.rs"]
#[cfg(feature = "backtraces")]
pub(crate) mod reading;
#[path = "engine/session.rs"]
pub(crate) mod session;
#[cfg(feature = "backtraces")]
#[path = "engine/sites.rs"]
pub(crate) mod sites;
#[path = "engine/stretches.rs"]
pub(crate) mod stretches;
#[path = "engine/table.rs"]
pub(crate) mod table;
#[path = "engine/threads.rs"]
pub(crate) mod threads;
#[cfg(feature = "backtraces")]
#[path = "engine/windows.rs"]
pub(crate) mod windows;
