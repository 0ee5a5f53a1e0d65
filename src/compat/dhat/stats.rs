//! The numbers counted so far.

use super::phase::{self, State};
use super::{AS_1_0, Mode, events};
use crate::base::current::as_profiler;
use crate::hook::ModAlloc;

/// A heap profiler's numbers since its making. All are exact, with any number of threads.
///
/// ```
/// # use mod_alloc::dhat_compat as dhat;
/// # #[global_allocator]
/// # static ALLOC: dhat::Alloc = dhat::Alloc;
/// let _profiler = dhat::Profiler::builder().testing().build();
/// drop(vec![0_u8; 1000]);
/// let stats = dhat::HeapStats::get();
/// assert_eq!((stats.total_bytes, stats.curr_bytes, stats.max_bytes), (1000, 0, 1000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapStats {
    /// Blocks ever allocated; a reallocation is one more.
    pub total_blocks: u64,
    /// Bytes ever allocated; a reallocation adds its whole new size.
    pub total_bytes: u64,
    /// Blocks live now.
    pub curr_blocks: usize,
    /// Bytes live now.
    pub curr_bytes: usize,
    /// Blocks that were live when the bytes were at their maximum, the latest of equal ones.
    pub max_blocks: usize,
    /// The most bytes live at once.
    pub max_bytes: usize,
}

/// An ad hoc profiler's numbers since its making; see [`ad_hoc_event`](super::ad_hoc_event).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdHocStats {
    /// Calls of [`ad_hoc_event`](super::ad_hoc_event).
    pub total_events: u64,
    /// The sum of their weights.
    pub total_units: u64,
}

impl HeapStats {
    /// The numbers now. It looks at every call site, so it takes the longer the more there are.
    ///
    /// # Panics
    ///
    /// If there is no profiler, or an ad hoc one, or one whose assertion has failed (not so with
    /// the feature `compat-1-0`).
    pub fn get() -> Self {
        if AS_1_0 {
            return Self::of_process();
        }
        let found = as_profiler(|| {
            let phase = phase::lock();
            // Under the lock, so that the numbers are this profiler's.
            let is_heap = matches!(phase.state(), State::Running { mode: Mode::Heap, .. });
            if is_heap { Ok(phase::heap_totals()) } else { Err(phase.state()) }
        });
        let natural = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match found {
            Ok(sum) => Self {
                total_blocks: sum.total_blocks,
                total_bytes: sum.total_bytes,
                curr_blocks: natural(sum.end_blocks),
                curr_bytes: natural(sum.end_bytes),
                max_blocks: natural(sum.peak_blocks),
                max_bytes: natural(sum.peak_bytes),
            },
            Err(state) => refuse("heap", "ad hoc", state),
        }
    }

    /// Since the process's start, as mod-alloc 1.0 counts.
    fn of_process() -> Self {
        let stats = ModAlloc::new().snapshot();
        let natural = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            total_blocks: stats.alloc_count,
            total_bytes: stats.total_bytes,
            curr_blocks: natural(stats.live_count),
            curr_bytes: natural(stats.current_bytes),
            max_blocks: natural(stats.peak_live_count),
            max_bytes: natural(stats.peak_bytes),
        }
    }
}

impl AdHocStats {
    /// The numbers now.
    ///
    /// # Panics
    ///
    /// If there is no profiler, or one of the heap, or one whose assertion has failed (not so with
    /// the feature `compat-1-0`).
    pub fn get() -> Self {
        if AS_1_0 {
            return events::of_process();
        }
        let (state, stats) = as_profiler(|| {
            let phase = phase::lock();
            (phase.state(), phase.events.stats())
        });
        match state {
            State::Running { mode: Mode::AdHoc, .. } => stats,
            state => refuse("ad hoc", "heap", state),
        }
    }
}

/// Panics in dhat's words: stats of one `kind` were asked for, and the state is another.
#[track_caller]
fn refuse(kind: &str, other: &str, state: State) -> ! {
    match state {
        State::Ready => panic!("dhat: getting {kind} stats when no profiler is running"),
        State::Running { .. } => panic!("dhat: getting {kind} stats while doing {other} profiling"),
        State::PostAssert => panic!("dhat: getting {kind} stats after the profiler has asserted"),
    }
}
