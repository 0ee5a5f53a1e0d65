//! The functions and types that programs use.

#[cfg(feature = "backtraces")]
pub(crate) mod call_sites;
#[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) mod diagnostics;
mod display;
pub(crate) mod free;
#[cfg(feature = "groups")]
pub(crate) mod groups;
pub mod heap_state;
#[cfg(all(feature = "backtraces", not(feature = "preload"), not(mod_alloc_portable)))]
mod locking;
#[cfg(feature = "backtraces")]
#[doc(hidden)]
pub mod measure;
pub(crate) mod measure_process;
pub mod memory_stats;
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) mod moments;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod one_run;
#[cfg(feature = "backtraces")]
#[cfg_attr(mod_alloc_portable, path = "../portable/api/own_recording.rs")]
pub(crate) mod own_recording;
#[cfg(all(feature = "pprof", not(feature = "preload")))]
pub mod pprof;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod raw_recording;
#[cfg(feature = "dhat-compat")]
#[cfg_attr(mod_alloc_portable, path = "../portable/api/report_files.rs")]
pub(crate) mod report_files;
#[cfg(feature = "backtraces")]
pub(crate) mod sampling;
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
mod scheduled;
#[cfg(all(feature = "backtraces", not(feature = "groups")))]
pub(crate) mod stay;
#[cfg(feature = "dhat-compat")]
mod test_harness;
pub(crate) mod totals;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod whole_file;

#[cfg(feature = "groups")]
pub(crate) use groups::stay;
