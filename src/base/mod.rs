//! The ground floor: the operating system, atomics and locks, settings.

// Inside the traced program nothing panics.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub(crate) mod current;
pub(crate) mod losses;
pub(crate) mod os;
#[cfg(feature = "backtraces")]
pub(crate) mod path_pattern;
pub(crate) mod settings;
pub(crate) mod sync;
#[cfg(all(test, not(loom), feature = "dhat-compat"))]
pub(crate) mod testing;
#[doc(hidden)]
pub mod units;
