//! The engine of this process: from an event to the mapping.

pub(crate) mod allocator;
#[cfg(feature = "backtraces")]
pub(crate) mod events;
pub(crate) mod inside;
#[cfg(feature = "backtraces")]
pub(crate) mod ledger;
#[cfg(feature = "backtraces")]
pub(crate) mod place;
pub(crate) mod session;
#[cfg(feature = "backtraces")]
pub(crate) mod stack_site;
pub(crate) mod stretches;
pub(crate) mod thread;
#[cfg(feature = "backtraces")]
pub(crate) mod unwinding;
#[cfg(feature = "backtraces")]
pub(crate) mod windows;
