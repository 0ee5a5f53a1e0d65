//! The engine of this process: from an event to the mapping.

// Inside the traced program nothing panics.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub(crate) mod allocator;
#[cfg(feature = "counters")]
pub(crate) mod beginnings;
#[cfg(all(feature = "counters", not(feature = "preload")))]
pub(crate) mod dump_thread;
#[cfg(feature = "backtraces")]
pub(crate) mod events;
#[cfg(all(test, feature = "dhat-compat"))]
pub(crate) mod heap_tests;
pub(crate) mod inside;
#[cfg(feature = "backtraces")]
pub(crate) mod ledger;
#[cfg(feature = "backtraces")]
pub(crate) mod member;
#[cfg(feature = "backtraces")]
pub(crate) mod place;
pub(crate) mod registration;
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
pub(crate) mod windows;
