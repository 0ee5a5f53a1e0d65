//! The functions and types that programs use.

#[cfg(feature = "backtraces")]
pub(crate) mod call_sites;
#[cfg(all(feature = "counters", not(feature = "preload")))]
pub(crate) mod diagnostics;
#[cfg(feature = "backtraces")]
pub(crate) mod groups;
pub mod heap_state;
#[cfg(feature = "backtraces")]
#[doc(hidden)]
pub mod measure;
#[cfg(feature = "counters")]
pub mod memory_stats;
#[cfg(feature = "backtraces")]
pub(crate) mod own_recording;
#[cfg(feature = "dhat-compat")]
pub(crate) mod report_files;
pub(crate) mod totals;
