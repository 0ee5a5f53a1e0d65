//! Totals of the process at any moment, without stacks.

use crate::base::sync::{AtomicU64, Ordering};
use crate::engine::stretches::Stretch;

#[cfg(not(mod_alloc_portable))]
mod of_fronts;
#[cfg(mod_alloc_portable)]
#[path = "../portable/api/totals.rs"]
mod of_fronts;

pub(crate) use of_fronts::totals;

/// The process's allocations up to one moment; see
/// [`ModAlloc::snapshot`](crate::ModAlloc::snapshot).
///
/// With one thread allocating the numbers are exact. With several, totals and current values
/// miss at most the events that are being recorded at that moment, and the maxima are
/// within 1 % (exact with `MOD_ALLOC_PEAK=exact`).
///
/// ```
/// # #[global_allocator]
/// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # fn main() {
/// let stats: mod_alloc::AllocStats = ALLOC.snapshot();
/// println!("{} bytes live in {} blocks", stats.current_bytes, stats.live_count);
/// println!("{stats}");
/// # }
/// ```
///
/// The second line is `total 6.96 MiB in 200,021 blocks; peak 3.67 MiB, 100,014 blocks; live 544 B
/// in 1 block`. `{:#}` prints bytes in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AllocStats {
    /// Allocations, zeroed allocations and reallocations.
    pub alloc_count: u64,
    /// Bytes allocated. A reallocation adds its whole new size, as in dhat, in reports, groups and
    /// measurements. With the feature `compat-1-0` this is [`grown_bytes`](Self::grown_bytes), as
    /// in mod-alloc 1.0.
    pub total_bytes: u64,
    /// Bytes by which blocks came to be or grew: of a reallocation only its growth, nothing where
    /// it shrinks.
    pub grown_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
    /// Bytes live now.
    pub current_bytes: u64,
    /// Blocks live now.
    pub live_count: u64,
    /// The most blocks live at once.
    pub peak_live_count: u64,
}

/// The process's totals since its start, or since the last [`reset`].
pub(crate) fn snapshot() -> AllocStats {
    match since::current() {
        Some(since) => since_reset(&totals(), &since),
        None => totals(),
    }
}

/// Begins counting anew.
pub(crate) fn reset() {
    let stretch = Stretch::begin();
    since::set(totals(), stretch);
}

/// The differences of `now` and `before`; the maxima are `now`'s.
pub(super) fn difference(now: &AllocStats, before: &AllocStats) -> AllocStats {
    AllocStats {
        alloc_count: now.alloc_count.saturating_sub(before.alloc_count),
        total_bytes: now.total_bytes.saturating_sub(before.total_bytes),
        grown_bytes: now.grown_bytes.saturating_sub(before.grown_bytes),
        current_bytes: now.current_bytes.saturating_sub(before.current_bytes),
        live_count: now.live_count.saturating_sub(before.live_count),
        ..*now
    }
}

/// The totals since a reset, in which the blocks live at that moment do not count.
fn since_reset(now: &AllocStats, since: &since::Reset) -> AllocStats {
    let (before, most) = (&since.before, since.stretch.most());
    let mut stats = difference(now, before);
    let more = |most: i64, before: u64| most.max(0).cast_unsigned().saturating_sub(before);
    stats.peak_bytes = more(most.bytes, before.current_bytes);
    stats.peak_live_count = more(most.blocks, before.live_count);
    since.shown.raise(&mut stats);
    stats
}

/// The largest maxima that were shown.
///
/// The live bytes can be more than the heap's peak: threads keep the latest events to themselves.
/// So a later reading may find less, and maxima must not fall.
#[derive(Debug)]
struct Shown {
    bytes: AtomicU64,
    blocks: AtomicU64,
}

impl Shown {
    const fn new() -> Self {
        Self { bytes: AtomicU64::new(0), blocks: AtomicU64::new(0) }
    }

    /// Makes the maxima no less than what is live, and no less than those shown before.
    fn raise(&self, stats: &mut AllocStats) {
        // Relaxed: only the number counts.
        let raise = |shown: &AtomicU64, most: &mut u64, live: u64| {
            let now = (*most).max(live);
            *most = now.max(shown.fetch_max(now, Ordering::Relaxed));
        };
        raise(&self.bytes, &mut stats.peak_bytes, stats.current_bytes);
        raise(&self.blocks, &mut stats.peak_live_count, stats.live_count);
    }
}

/// Those since the process's start.
static SHOWN: Shown = Shown::new();

/// The totals at the last reset.
mod since {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{AllocStats, Shown};
    use crate::base::current::as_profiler;
    use crate::engine::stretches::Stretch;

    /// The moment of the reset.
    #[derive(Debug)]
    pub(super) struct Reset {
        /// The totals at that moment.
        pub(super) before: AllocStats,
        /// The time since.
        pub(super) stretch: Stretch,
        pub(super) shown: Shown,
    }

    static SINCE: Mutex<Option<Arc<Reset>>> = Mutex::new(None);

    pub(super) fn current() -> Option<Arc<Reset>> {
        // No user code runs while it is held, so nothing panics there.
        SINCE.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(before: AllocStats, stretch: Stretch) {
        as_profiler(|| {
            let since = Some(Arc::new(Reset { before, stretch, shown: Shown::new() }));
            let old = core::mem::replace(
                &mut *SINCE.lock().unwrap_or_else(PoisonError::into_inner),
                since,
            );
            drop(old);
        });
    }
}
