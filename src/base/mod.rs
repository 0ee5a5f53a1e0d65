//! The ground floor: the operating system, atomics and locks, settings.
//!
//! | file | holds |
//! |---|---|
//! | `changes` | the count of changes that every thread has to see |
//! | `current` | the thread-local word that leads to a thread's state, or marks profiler work |
//! | `os` | all calls of the C library and the kernel that the hot folders make |
//! | `sync` | atomics, a lock that spins, a decision that is made once; loom's in models |
//! | `options` | the program's own settings, given in its source |
//! | `settings` | the environment, read before the first block |
//! | `work_memory` | memory for reports of a running process, given back afterwards |
//! | `losses` | the list of all that may be lost, with keys, units and sentences |
//! | `path_pattern` | `%p`, `%e` and `%%` in paths |
//! | [`units`] | numbers as people read them |
//!
//! Nothing here knows of recordings, stacks or sites.

// Inside the traced program nothing panics.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
pub(crate) mod changes;
#[cfg_attr(mod_alloc_portable, path = "../portable/current.rs")]
pub(crate) mod current;
#[cfg(any(feature = "backtraces", not(mod_alloc_portable)))]
pub(crate) mod losses;
pub(crate) mod options;
#[cfg_attr(mod_alloc_portable, path = "../portable/os.rs")]
pub(crate) mod os;
#[cfg(feature = "backtraces")]
pub(crate) mod path_pattern;
pub(crate) mod settings;
#[cfg_attr(mod_alloc_portable, path = "../portable/sync.rs")]
pub(crate) mod sync;
#[cfg(all(test, not(loom), feature = "dhat-compat"))]
pub(crate) mod testing;
#[doc(hidden)]
pub mod units;
#[cfg(all(feature = "symbolicate", not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) mod work_memory;
