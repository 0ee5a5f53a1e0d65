//! How each peer is started and made to write its report.

use std::env;
use std::path::PathBuf;

/// Starts dhat. `DHAT_OUT` names the report (default `dhat-heap.json`),
/// `DHAT_FRAMES` how many frames of each stack it keeps (default: all).
///
/// # Panics
///
/// If `DHAT_FRAMES` is not a number.
pub fn start_dhat() -> dhat::Profiler {
    let frames = env::var("DHAT_FRAMES").ok();
    let frames = frames.map(|text| text.parse().expect("DHAT_FRAMES is a number"));
    let out = env::var_os("DHAT_OUT").unwrap_or_else(|| "dhat-heap.json".into());
    dhat::Profiler::builder().trim_backtraces(frames).file_name(out).build()
}

/// Writes mod-alloc 1.0.1's report when dropped, as its own profiler type does,
/// but with the complaint that one swallows.
#[expect(missing_debug_implementations, reason = "the allocator it points to has no Debug")]
pub struct ReportAtEnd {
    allocator: &'static mod_alloc_1::ModAlloc,
    path: PathBuf,
}

impl ReportAtEnd {
    /// A report of `allocator` to the file that `MOD_ALLOC_1_OUT` names (default `dhat-heap.json`).
    pub fn of(allocator: &'static mod_alloc_1::ModAlloc) -> Self {
        let path = env::var_os("MOD_ALLOC_1_OUT").unwrap_or_else(|| "dhat-heap.json".into());
        Self { allocator, path: path.into() }
    }
}

impl Drop for ReportAtEnd {
    fn drop(&mut self) {
        if let Err(error) = self.allocator.write_dhat_json(&self.path) {
            eprintln!("mod-alloc 1.0.1: {}: {error}", self.path.display());
        }
    }
}
