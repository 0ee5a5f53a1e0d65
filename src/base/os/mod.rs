//! The operating system, as far as the hot folders need it.
//!
//! Conditions that hold for every function here: none allocates through Rust's global
//! allocator, none panics, none prints but [`write_stderr`], and a failure comes back as a value.
//! No file of the hot folders outside of this one calls libc.
//!
//! | group | functions |
//! |---|---|
//! | memory | [`reserve`], `release`, `discard` |
//! | the process and its threads | [`process_id`], [`thread_id`], [`thread_name`], `stack_bounds` |
//! | time | [`monotonic_nanos`], `thread_nanos` |
//! | text | [`environment`], [`write_stderr`], `read_file`, [`read_quietly`] |
//! | other threads | [`barrier_in_all_threads`], `copy_memory` |
//! | ends | [`ThreadEnd`], [`at_exit`] |
//! | no calls of the system any more | `sandbox` |
//!
//! Functions for the middle of an event leave errno as it is, or their callers keep it
//! ([`KeepErrno`]): the program may read it after its own call of an allocation function.

#[cfg(all(feature = "symbolicate", not(feature = "preload")))]
pub(crate) mod address_range;
pub(crate) mod clock;
#[cfg(feature = "backtraces")]
mod executable;
#[cfg(feature = "backtraces")]
pub(crate) mod files;
#[cfg(feature = "symbolicate")]
mod large_stack;
mod linux;
#[cfg(feature = "backtraces")]
mod linux_stacks;
#[cfg(feature = "backtraces")]
pub(crate) mod loaded;
#[cfg(feature = "backtraces")]
pub(crate) mod locking;
#[cfg(target_env = "gnu")]
pub(crate) mod malloc;
#[cfg(feature = "symbolicate")]
pub(crate) mod mapped_file;
#[cfg(feature = "backtraces")]
mod maps;
pub(crate) mod message;
mod pages;
pub(crate) mod resident;
#[cfg(feature = "preload")]
pub(crate) mod sandbox;
pub(crate) mod signal_kinds;
#[cfg(not(feature = "preload"))]
pub(crate) mod signals;
mod signals_held;
#[cfg(feature = "backtraces")]
pub(crate) mod spare_stack;
#[cfg(feature = "preload")]
pub(crate) mod stack;
#[cfg(feature = "threads")]
pub(crate) mod threads;

#[cfg(feature = "backtraces")]
pub(crate) use executable::executable;
#[cfg(feature = "symbolicate")]
pub(crate) use large_stack::with_large_stack;
pub(crate) use linux::*;
#[cfg(feature = "backtraces")]
pub(crate) use linux_stacks::*;
pub(crate) use pages::page_size;
pub(crate) use signals_held::SignalsHeld;
#[cfg(feature = "dhat-compat")]
pub(crate) use signals_held::without_size_signal;

/// True if the process has forbidden itself calls of the system. The crate cannot see that: what it
/// is asked by is the preload library.
#[cfg(not(feature = "preload"))]
#[inline]
pub(crate) fn is_sealed() -> bool {
    false
}
#[cfg(feature = "preload")]
pub(crate) use sandbox::is_sealed;
