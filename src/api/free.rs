//! The process's numbers and reports, without a `ModAlloc` at hand.

#[cfg(feature = "backtraces")]
use std::vec::Vec;
#[cfg(feature = "dhat-compat")]
use std::{io, path::Path, string::String};

#[cfg(feature = "symbolicate")]
use crate::api::call_sites::named::SymbolicatedCallSite;
#[cfg(feature = "backtraces")]
use crate::api::call_sites::{self as sites, CallSiteStats};
#[cfg(feature = "dhat-compat")]
use crate::api::report_files;
use crate::api::totals::{self, AllocStats};
#[cfg(feature = "backtraces")]
use crate::engine::session;

/// As [`ModAlloc::snapshot`](crate::ModAlloc::snapshot), for libraries, which do not know the
/// program's allocator. All zero if that is no `ModAlloc`.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let numbers = vec![1_u64; 1000];
/// assert!(mod_alloc::snapshot().current_bytes >= 8000);
/// # drop(numbers);
/// # }
/// ```
#[must_use]
pub fn snapshot() -> AllocStats {
    totals::snapshot()
}

/// As [`ModAlloc::reset`](crate::ModAlloc::reset): begins counting anew, for the whole process.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let before = vec![1_u8; 5000];
/// mod_alloc::reset();
/// assert_eq!(mod_alloc::snapshot().current_bytes, 0);
/// # drop(before);
/// # }
/// ```
pub fn reset() {
    totals::reset();
}

/// As [`ModAlloc::call_sites`](crate::ModAlloc::call_sites). Empty if nothing is recorded.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let numbers = vec![1_u64; 1000];
/// assert!(mod_alloc::call_sites().iter().any(|site| site.total_bytes == 8000));
/// # drop(numbers);
/// # }
/// ```
#[cfg(feature = "backtraces")]
#[must_use]
pub fn call_sites() -> Vec<CallSiteStats> {
    sites::call_sites(session::get())
}

/// As [`ModAlloc::symbolicated_report`](crate::ModAlloc::symbolicated_report). Empty if nothing is
/// recorded.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let numbers = vec![1_u64; 1000];
/// assert!(mod_alloc::symbolicated_report().iter().any(|site| site.total_bytes == 8000));
/// # drop(numbers);
/// # }
/// ```
#[cfg(feature = "symbolicate")]
#[must_use]
pub fn symbolicated_report() -> Vec<SymbolicatedCallSite> {
    sites::named::symbolicated_report(session::get())
}

/// As [`ModAlloc::write_dhat_json`](crate::ModAlloc::write_dhat_json): writes a report of the
/// process so far. Without a recording the report is empty.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() -> std::io::Result<()> {
/// # let folder = std::env::temp_dir();
/// # let now = folder.join(format!("mod-alloc-free-{}.json", std::process::id()));
/// mod_alloc::write_dhat_json(&now)?;
/// assert!(std::fs::read_to_string(&now)?.starts_with('{'));
/// # std::fs::remove_file(&now)
/// # }
/// ```
///
/// # Errors
///
/// If the file cannot be created or written.
#[cfg(feature = "dhat-compat")]
pub fn write_dhat_json<P: AsRef<Path>>(path: P) -> io::Result<()> {
    report_files::write_dhat_json(session::get(), path.as_ref())
}

/// The report that [`write_dhat_json`] writes, as a string.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// assert!(mod_alloc::dhat_json_string().contains("\"dhatFileVersion\":2"));
/// # }
/// ```
#[cfg(feature = "dhat-compat")]
#[must_use]
pub fn dhat_json_string() -> String {
    report_files::dhat_json_string(session::get())
}
