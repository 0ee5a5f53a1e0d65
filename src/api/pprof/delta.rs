//! Differences: the allocations since a profile before.

use core::fmt;
use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use crate::base::current::as_profiler;
use crate::recording::model::Recording;
use crate::report::pprof::Metric;

use super::Options;

static COMMON: Delta = Delta::new();

/// A profile of the allocations since the last call, as Pyroscope's `delta_heap`; the first is of
/// the whole run. Live blocks are those of now: they are no difference. All callers share one
/// state: with several collectors, give each a [`Delta`] of its own.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let since_start = mod_alloc::pprof::delta();
/// let since_then = mod_alloc::pprof::delta();
/// # assert!(!since_start.is_empty() && !since_then.is_empty());
/// # }
/// ```
#[must_use = "its allocations are not in the next one"]
pub fn delta() -> Vec<u8> {
    COMMON.next(Options::new())
}

/// The profiles of one collector, each of the allocations since the one before.
///
/// It keeps 24 bytes for each call site.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// use mod_alloc::pprof::{Delta, Options};
///
/// static OF_PYROSCOPE: Delta = Delta::new();
/// let profile = OF_PYROSCOPE.next(Options::new());
/// # assert!(!profile.is_empty());
/// # }
/// ```
pub struct Delta(Mutex<Told>);

/// The totals that were told.
#[derive(Debug)]
struct Told {
    /// Of the call sites, by their innermost frames.
    sites: Vec<(u32, u64, u64)>,
    end_micros: u64,
}

impl Delta {
    /// Nothing was told before: the first profile is of the whole run.
    ///
    /// ```
    /// static COLLECTOR: mod_alloc::pprof::Delta = mod_alloc::pprof::Delta::new();
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Told { sites: Vec::new(), end_micros: 0 }))
    }

    /// The profile of the allocations since the one before. They count as told, whether or not
    /// the profile reaches the collector. Calls from several threads wait for each other.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// # fn main() {
    /// use mod_alloc::pprof::{Delta, Options};
    ///
    /// let (first, second) = (Delta::new(), Delta::new());
    /// // Each has all allocations of the program.
    /// let profiles = [first.next(Options::new()), second.next(Options::new())];
    /// # assert!(profiles.iter().all(|profile| !profile.is_empty()));
    /// # }
    /// ```
    #[must_use = "its allocations are not in the next one"]
    pub fn next(&self, options: Options) -> Vec<u8> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        options.made(Metric::Total, &mut |recording| told.take_from(recording))
    }
}

impl Default for Delta {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delta").finish_non_exhaustive()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        as_profiler(|| drop(core::mem::take(&mut self.sites)));
    }
}

impl Told {
    /// Takes what was told away from the recording, whose totals are told from now on. Returns the
    /// time in between, in microseconds.
    fn take_from(&mut self, recording: &mut Recording) -> u64 {
        let mut now: Vec<(u32, u64, u64)> = Vec::with_capacity(recording.sites.len());
        for site in &mut recording.sites {
            let counters = &mut site.counters;
            now.push((site.frame, counters.total_bytes, counters.total_blocks));
            let known = self.sites.binary_search_by_key(&site.frame, |(frame, ..)| *frame);
            let (_, bytes, blocks) = known.map_or((0, 0, 0), |at| self.sites[at]);
            // Counting began anew if there is less: by `reset`, or in a later window.
            if bytes <= counters.total_bytes && blocks <= counters.total_blocks {
                counters.total_bytes -= bytes;
                counters.total_blocks -= blocks;
            }
        }
        now.sort_unstable();
        let before = core::mem::replace(&mut self.end_micros, recording.end_micros);
        // Kept beyond this work, so in other memory than the work's.
        as_profiler(|| self.sites = now.clone());
        recording.end_micros.checked_sub(before).unwrap_or(recording.end_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::model::{Counters, Site};

    fn recording(end_micros: u64, sites: &[(u32, u64)]) -> Recording {
        let counters = |bytes| Counters {
            total_bytes: bytes,
            total_blocks: 1,
            end_bytes: bytes,
            ..Counters::default()
        };
        let sites = sites.iter().map(|&(frame, bytes)| Site { frame, counters: counters(bytes) });
        Recording { end_micros, sites: sites.collect(), ..Recording::default() }
    }

    #[test]
    fn what_was_told_is_taken_away() {
        let mut told = Told { sites: Vec::new(), end_micros: 0 };
        let mut next = |end, sites: &[(u32, u64)]| {
            let mut recording = recording(end, sites);
            let micros = told.take_from(&mut recording);
            let totals = recording.sites.iter().map(|site| site.counters.total_bytes);
            (micros, totals.collect::<Vec<_>>())
        };
        assert_eq!(next(10, &[(9, 50), (7, 40)]), (10, [50, 40].into()));
        assert_eq!(next(30, &[(9, 50), (7, 41), (8, 3)]), (20, [0, 1, 3].into()));
        assert_eq!(next(5, &[(9, 20)]), (5, [20].into()), "counting began anew");
    }

    #[test]
    fn live_blocks_are_no_difference() {
        let mut told = Told { sites: Vec::new(), end_micros: 0 };
        told.take_from(&mut recording(1, &[(9, 50)]));
        let mut second = recording(2, &[(9, 50)]);
        told.take_from(&mut second);
        assert_eq!(second.sites[0].counters.end_bytes, 50);
    }
}
