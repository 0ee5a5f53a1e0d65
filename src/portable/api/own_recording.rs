//! This process's recording, read while it goes on, by the portable engine.

use crate::base::current;
use crate::engine::reading;
use crate::engine::session::Session;
#[cfg(feature = "dhat-compat")]
use crate::engine::windows;
#[cfg(feature = "dhat-compat")]
use crate::recording::model::Counters;
use crate::recording::model::{ROOT_TABLE_FULL, Recording, Site};

/// The recording of this process, or of its latest window.
pub(crate) fn recording(session: Option<&'static Session>) -> Recording {
    session.map(reading::recording).unwrap_or_default()
}

/// As [`recording`].
#[cfg(feature = "dhat-compat")]
pub(crate) fn read(session: &'static Session) -> Recording {
    reading::recording(session)
}

/// The sums over all its call sites, at one moment. The maxima are those of the single sites, added
/// up.
#[cfg(feature = "dhat-compat")]
pub(crate) fn totals(session: Option<&'static Session>) -> Counters {
    session.map(|_| reading::totals()).unwrap_or_default()
}

/// True if the site has a known stack, or has blocks that found no room for one.
pub(crate) fn has_stack(site: &Site) -> bool {
    if site.frame != ROOT_TABLE_FULL {
        return true;
    }
    #[cfg(feature = "dhat-compat")]
    let counts_without_stacks = windows::has_counted_only();
    #[cfg(not(feature = "dhat-compat"))]
    let counts_without_stacks = false;
    !counts_without_stacks && site.counters.total_blocks != 0
}

/// Does the work of a report, whose allocations are the profiler's.
#[cfg(feature = "symbolicate")]
pub(crate) fn with_report_memory(work: &mut dyn FnMut()) {
    current::as_profiler(work);
}
