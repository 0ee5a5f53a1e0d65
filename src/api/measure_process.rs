//! The allocations of the whole process between two moments, without stacks.

use crate::api::totals::{self, AllocStats};
use crate::engine::stretches::Stretch;

/// Runs `work`, and gives its result and the allocations of the whole process meanwhile.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let (numbers, stats) = mod_alloc::measure_process(|| vec![1_u64; 1000]);
/// assert_eq!((stats.alloc_count, stats.total_bytes, stats.current_bytes), (1, 8000, 8000));
/// # drop(numbers);
/// ```
///
/// All threads count, and no stack is needed. The numbers are those of [`ProcessMeasuring::stop`];
/// without a `ModAlloc` as the global allocator, or with `MOD_ALLOC=off`, they are 0.
/// To count the calling thread's allocations alone, see
#[cfg_attr(feature = "backtraces", doc = "[`measure`](fn@crate::measure).")]
#[cfg_attr(not(feature = "backtraces"), doc = "`measure` (feature `backtraces`).")]
pub fn measure_process<R>(work: impl FnOnce() -> R) -> (R, AllocStats) {
    let measuring = ProcessMeasuring::start();
    let result = work();
    (result, measuring.stop())
}

/// A measurement of the whole process between two moments; [`measure_process`] is one of a piece of
/// code.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let measuring = mod_alloc::ProcessMeasuring::start();
/// let numbers = vec![1_u64; 1000];
/// drop(numbers);
/// let stats = measuring.stop();
/// assert_eq!((stats.alloc_count, stats.total_bytes), (1, 8000));
/// assert!(stats.peak_bytes >= 8000);
/// ```
///
/// Any number of measurements may be open at a time, and start and stop may be on two threads.
#[derive(Debug)]
pub struct ProcessMeasuring {
    before: AllocStats,
    stretch: Stretch,
}

impl ProcessMeasuring {
    /// Begins.
    ///
    /// ```
    /// let measuring = mod_alloc::ProcessMeasuring::start();
    /// # drop(measuring);
    /// ```
    #[must_use]
    pub fn start() -> Self {
        let stretch = Stretch::begin();
        ProcessMeasuring { before: totals::totals(), stretch }
    }

    /// Ends, and gives the allocations since the start. `current_bytes` and `live_count` are the
    /// growth since the start, and 0 if the heap has shrunk.
    ///
    /// `peak_bytes` and `peak_live_count` are no differences: they are the most bytes and blocks
    /// that the process had live at once between start and stop. With one thread allocating, or
    /// `MOD_ALLOC_PEAK=exact`, they are exact; else within 1 % of the process's own peak.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// let measuring = mod_alloc::ProcessMeasuring::start();
    /// drop(vec![1_u8; 4000]);
    /// let kept = vec![1_u8; 1000];
    /// let stats = measuring.stop();
    /// assert_eq!((stats.current_bytes, stats.live_count), (1000, 1));
    /// # drop(kept);
    /// ```
    #[must_use]
    pub fn stop(self) -> AllocStats {
        let most = self.stretch.most();
        let mut stats = totals::difference(&totals::totals(), &self.before);
        stats.peak_bytes = most.bytes.max(0).cast_unsigned();
        stats.peak_live_count = most.blocks.max(0).cast_unsigned();
        stats
    }
}
