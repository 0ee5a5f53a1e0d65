//! The engine of this process: from an event to the mapping.
//!
//! ```text
//!  hook ──▶ events ──▶ inside ──▶ stack_site ──▶ ledger ──▶ store
//!                        │            │            │
//!                        ▼            ▼            ▼
//!                   thread_cell ──▶ thread: last stack, slot, arena
//!                        ▲
//!                   registration: a thread's first event, its end, a fork
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`session`] | the one recording of the process, and how it starts |
//! | `place` | the recording's memory: anonymous, or a file |
//! | [`inside`] | the guard against re-entry, and the only way to a thread's state |
//! | `events` | an event of a block, for each hook |
//! | `quick` | the quick way of an ordinary event |
//! | `stack_site` | the stack's site |
//! | `ledger` | the order in which an event is entered in the books |
//! | `timeline` | the heap over time |
//! | `windows`, [`stretches`] | what is recorded since when, and peaks of a stretch of time |
//! | [`allocator`] | figures of the allocator in use |
//! | `work` | the profiler's own work while the program runs: its memory |
//! | `beginnings`, `member`, `profiler_thread` | parts of a thread's life that upper layers use |
//!
//! # Conditions of an event
//!
//! An event's path allocates nothing, and takes no lock that a thread may hold while it allocates.
//! It writes plain words of its own thread; another thread's lines are touched only where sites are
//! shared, at a peak, and where a thread registers. A failure becomes a loss that is counted: no
//! function of this folder panics, aborts or prints, but for the messages at the start.

// Inside the traced program nothing panics.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub(crate) mod allocator;
pub(crate) mod beginnings;
#[cfg(feature = "backtraces")]
pub(crate) mod events;
#[cfg(all(test, feature = "dhat-compat"))]
pub(crate) mod heap_tests;
pub(crate) mod inside;
#[cfg(feature = "backtraces")]
pub(crate) mod ledger;
#[cfg(feature = "preload")]
pub(crate) mod mappings;
#[cfg(feature = "backtraces")]
pub(crate) mod member;
#[cfg(feature = "backtraces")]
pub(crate) mod place;
#[cfg(not(feature = "preload"))]
pub(crate) mod profiler_thread;
#[cfg(feature = "backtraces")]
pub(crate) mod quick;
pub(crate) mod registration;
#[cfg(feature = "backtraces")]
pub(crate) mod sampling;
#[cfg(feature = "preload")]
pub(crate) mod sandbox;
pub(crate) mod session;
#[cfg(feature = "backtraces")]
pub(crate) mod stack_site;
pub(crate) mod stretches;
#[cfg(not(feature = "backtraces"))]
#[path = "thread/counters.rs"]
pub(crate) mod thread;
#[cfg(feature = "backtraces")]
#[path = "thread/stacks.rs"]
pub(crate) mod thread;
pub(crate) mod thread_cell;
#[cfg(feature = "backtraces")]
pub(crate) mod timeline;
#[cfg(feature = "backtraces")]
pub(crate) mod windows;
#[cfg(not(all(feature = "symbolicate", not(feature = "preload"))))]
#[path = "no_work.rs"]
pub(crate) mod work;
#[cfg(all(feature = "symbolicate", not(feature = "preload")))]
pub(crate) mod work;
