//! Recordings: a process's raw numbers, as a file and as plain data.
//!
//! This is for the command `mod-alloc`, and no part of the crate's promise: it may change with any
//! version.
//!
//! `MOD_ALLOC_RECORD=FILE` and `mod-alloc run` put a process's recording into a file. `file` opens
//! it, while the process runs and after its end, however it ended; `model` is its content as plain
//! data. [`report`](crate::report) makes a profile with names of it.

#[cfg(feature = "backtraces")]
pub(crate) mod anonymous;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod error;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
pub mod file;
#[cfg(feature = "backtraces")]
pub(crate) mod heap_moment;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
mod heap_moments;
pub(crate) mod heap_state;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod image;
#[cfg(feature = "backtraces")]
pub(crate) mod losses;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
pub(crate) mod missing;
#[cfg(feature = "backtraces")]
pub mod model;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
pub(crate) mod moment_log;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod moment_taker;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
pub(crate) mod reader;
#[cfg(feature = "backtraces")]
pub mod sampling;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_portable)))]
mod shrink;
#[cfg(feature = "backtraces")]
pub(crate) mod timeline;
