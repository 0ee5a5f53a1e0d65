//! The operating system, as far as the hot folders need it.
//!
//! Conditions that hold for every function here: none allocates through Rust's global
//! allocator, none panics, none prints but [`write_stderr`], and a failure comes back as a value.

pub(crate) mod clock;
#[cfg(feature = "backtraces")]
pub(crate) mod files;
mod linux;
#[cfg(feature = "backtraces")]
pub(crate) mod loaded;
#[cfg(target_env = "gnu")]
pub(crate) mod malloc;
pub(crate) mod message;
mod pages;
#[cfg(all(feature = "counters", not(feature = "preload")))]
pub(crate) mod signals;
#[cfg(feature = "preload")]
pub(crate) mod stack;
#[cfg(feature = "threads")]
pub(crate) mod threads;

pub(crate) use linux::*;
pub(crate) use pages::page_size;
