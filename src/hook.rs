//! The allocator hook: forwards to the inner allocator and records.
//!
//! All methods keep one order. An allocation is recorded after the inner allocator has succeeded (a
//! failure is no event). A free is recorded before the block is given back (its trailer has to be
//! read). A reallocation is recorded when it has succeeded.

use std::alloc::System;
#[cfg(feature = "backtraces")]
use std::vec::Vec;
#[cfg(feature = "dhat-compat")]
use std::{io, path::Path, string::String};

#[cfg(feature = "backtraces")]
use crate::api::call_sites::CallSiteStats;
#[cfg(feature = "symbolicate")]
use crate::api::call_sites::named::SymbolicatedCallSite;
use crate::api::free;
use crate::api::totals::AllocStats;
use crate::base::options::Options;
#[cfg(feature = "backtraces")]
use crate::start;

mod configured;
#[cfg(not(mod_alloc_portable))]
mod entry;
#[cfg(mod_alloc_portable)]
#[path = "portable/hook.rs"]
mod entry;
#[cfg(all(not(feature = "backtraces"), not(mod_alloc_portable)))]
#[path = "hook/counted.rs"]
mod events;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
#[path = "hook/recorded.rs"]
mod events;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable)))]
mod in_samples;

/// An allocator that records all blocks and forwards to the allocator `A`.
///
/// ```
/// #[global_allocator]
/// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {}
/// ```
///
/// With the default features, the process writes `dhat-heap.json` when it exits and prints four
/// lines on standard error; the environment variables of the crate's documentation change that. All
/// four allocation methods are forwarded to the same method of `A`: zeroed memory stays lazily
/// zeroed and reallocations stay in place.
///
/// To wrap another allocator, see [`with`](Self::with). To ask for numbers or a report while the
/// program runs:
///
/// ```
/// #[global_allocator]
/// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
///
/// fn main() {
///     let cache = vec![0_u8; 1 << 20];
///     assert!(ALLOC.snapshot().current_bytes >= 1 << 20);
///     drop(cache);
/// }
/// ```
///
/// There is one recording per process, with any number of `ModAlloc`s.
#[derive(Debug, Default)]
pub struct ModAlloc<A = System> {
    inner: A,
    options: Options,
}

impl ModAlloc<System> {
    /// Records the blocks of the system's allocator.
    ///
    /// ```
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {}
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self::with(System)
    }
}

impl<A> ModAlloc<A> {
    /// Records the blocks of the allocator `inner`.
    ///
    /// ```
    /// use std::alloc::System;
    ///
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc<System> = mod_alloc::ModAlloc::with(System);
    /// # fn main() {}
    /// ```
    #[must_use]
    pub const fn with(inner: A) -> Self {
        ModAlloc { inner, options: Options::NONE }
    }
}

/// The process's numbers. There is one set of them, with any number of `ModAlloc`s.
impl<A> ModAlloc<A> {
    /// The process's allocations so far, or since the last [`reset`](Self::reset); all zero with
    /// `MOD_ALLOC=off` and before the first one.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let before = ALLOC.snapshot();
    /// let numbers = vec![1_u64; 1000];
    /// let after = ALLOC.snapshot();
    /// assert_eq!(after.current_bytes - before.current_bytes, 8000);
    /// # drop(numbers);
    /// # }
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> AllocStats {
        free::snapshot()
    }

    /// Begins counting anew. Earlier allocations, and the blocks that are live now, are no longer
    /// in [`snapshot`](Self::snapshot). When such blocks are freed later, `current_bytes` and
    /// `live_count` stop at zero. Call sites and reports are not changed.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let before = vec![1_u8; 5000];
    /// ALLOC.reset();
    /// let after = vec![1_u8; 100];
    /// assert_eq!(ALLOC.snapshot().current_bytes, 100);
    /// # drop((before, after));
    /// # }
    /// ```
    pub fn reset(&self) {
        free::reset();
    }
}

/// Call sites and reports.
#[cfg(feature = "backtraces")]
impl<A> ModAlloc<A> {
    /// The call sites so far, with their numbers. Sites are told apart by their innermost eight
    /// frames; a report has whole stacks.
    ///
    /// In a process that uses `dhat_compat`, they are those of the present profiler, or of the
    /// latest one. With `MOD_ALLOC=off` there are none.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let numbers = vec![1_u64; 1000];
    /// let sites = ALLOC.call_sites();
    /// assert!(sites.iter().any(|site| site.count == 1 && site.total_bytes == 8000));
    /// # drop(numbers);
    /// # }
    /// ```
    #[must_use]
    pub fn call_sites(&self) -> Vec<CallSiteStats> {
        start::session_by(&self.options);
        free::call_sites()
    }

    /// The call sites so far, with their numbers and the names of their frames. Stacks are whole,
    /// as in a report: without frames of the profiler and the allocator, and without those outward
    /// of `main`. [`call_sites`](Self::call_sites) says which sites are listed.
    ///
    /// A frame without an address stands for missing frames; its function's name says so.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// let numbers = vec![1_u64; 1000];
    /// for site in ALLOC.symbolicated_report() {
    ///     let functions = site.frames.iter().filter_map(|frame| frame.function.as_deref());
    ///     let functions: Vec<_> = functions.collect();
    ///     println!("{} bytes in {} blocks: {functions:?}", site.total_bytes, site.count);
    /// }
    /// # drop(numbers);
    /// # }
    /// ```
    #[cfg(feature = "symbolicate")]
    #[must_use]
    pub fn symbolicated_report(&self) -> Vec<SymbolicatedCallSite> {
        start::session_by(&self.options);
        free::symbolicated_report()
    }

    /// Writes a report of the process so far: dhat JSON, for `dh_view.html`. May be called any
    /// number of times, by any thread, while others go on allocating: events that they have not
    /// finished recording at that moment are in the next report.
    ///
    /// With `MOD_ALLOC=off` the report is empty.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() -> std::io::Result<()> {
    /// # let folder = std::env::temp_dir();
    /// # let now = folder.join(format!("mod-alloc-{}.json", std::process::id()));
    /// # let _cache = vec![1_u8; 5000];
    /// ALLOC.write_dhat_json(&now)?;
    /// assert!(std::fs::read_to_string(&now)?.starts_with('{'));
    /// # std::fs::remove_file(&now)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be created or written.
    #[cfg(feature = "dhat-compat")]
    pub fn write_dhat_json<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        start::session_by(&self.options);
        free::write_dhat_json(path)
    }

    /// The report that [`write_dhat_json`](Self::write_dhat_json) writes, as a string.
    ///
    /// ```
    /// # #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// # let _cache = vec![1_u8; 5000];
    /// let report = ALLOC.dhat_json_string();
    /// assert!(report.contains("\"dhatFileVersion\":2"));
    /// # }
    /// ```
    #[cfg(feature = "dhat-compat")]
    #[must_use]
    pub fn dhat_json_string(&self) -> String {
        start::session_by(&self.options);
        free::dhat_json_string()
    }
}
