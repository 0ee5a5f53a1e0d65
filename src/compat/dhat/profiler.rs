//! Profilers, from their making to their end.

use std::string::String;

use super::builder::{ProfilerBuilder, Settings};
use super::{phase, saving};
use crate::api::report_files::with_report_memory;
use crate::base::current::as_profiler;

/// Records from its making until it is dropped, or until an assertion fails; then it writes its
/// report.
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// # let folder = std::env::temp_dir();
/// # std::env::set_current_dir(&folder).unwrap();
/// let profiler = dhat::Profiler::new_heap();
/// // …
/// drop(profiler); // dhat-heap.json is there
/// # std::fs::remove_file("dhat-heap.json").unwrap();
/// ```
///
/// A process that ends by `std::process::exit`, or by a signal, leaves no report.
#[derive(Debug)]
pub struct Profiler {
    id: u64,
}

impl Profiler {
    /// Begins to record allocations. [`Profiler`] has an example.
    ///
    /// # Panics
    ///
    /// If there is a profiler already (not so with the feature `compat-1-0`).
    pub fn new_heap() -> Self {
        Self::builder().build()
    }

    /// Begins to record calls of [`ad_hoc_event`](super::ad_hoc_event), which has an example.
    ///
    /// # Panics
    ///
    /// If there is a profiler already (not so with the feature `compat-1-0`).
    pub fn new_ad_hoc() -> Self {
        Self::builder().ad_hoc().build()
    }

    /// A profiler with other settings than the default ones.
    ///
    /// ```
    /// use mod_alloc::dhat_compat as dhat;
    /// let _profiler = dhat::Profiler::builder().testing().build();
    /// assert_eq!(dhat::HeapStats::get().curr_blocks, 0);
    /// ```
    pub fn builder() -> ProfilerBuilder {
        ProfilerBuilder::new()
    }

    pub(super) fn begin(settings: Settings) -> Self {
        match as_profiler(|| phase::lock().begin(settings)) {
            Some(id) => Profiler { id },
            None => panic!("dhat: creating a profiler while a profiler is already running"),
        }
    }

    /// Ends the profiler and returns its report, with or without testing mode. Dropping the
    /// profiler afterwards does nothing.
    #[doc(hidden)]
    pub fn drop_and_get_memory_output(&mut self) -> String {
        let mut report = String::new();
        self.end(Some(&mut report));
        report
    }

    fn end(&mut self, mut memory: Option<&mut String>) {
        with_report_memory(&mut || {
            let Some((running, recording)) = phase::lock().end(self.id) else { return };
            if let Some(recording) = recording
                && !running.settings.testing
            {
                saving::finish(&running.settings, &recording, memory.as_deref_mut());
            }
            // They are the profiler's, from before this work.
            as_profiler(|| drop(running));
        });
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        self.end(None);
    }
}
