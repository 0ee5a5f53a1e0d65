//! Windows: stretches of a process's life, each recorded separately, for `compat::dhat`.

#[cfg(feature = "dhat-compat")]
use super::session::Session;
#[cfg(feature = "dhat-compat")]
use super::{peak::Heap, table::TABLE};
#[cfg(feature = "dhat-compat")]
use crate::base::os;
use crate::base::sync::{AtomicU32, Ordering};

/// The recording of events at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Window {
    /// Blocks are recorded with their stacks.
    Open,
    /// Nothing is recorded.
    Closed,
    /// Blocks are counted, without stacks.
    Counting,
}

static NOW: AtomicU32 = AtomicU32::new(Window::Open as u32);

/// 1: see [`has_counted_only`].
#[cfg(feature = "dhat-compat")]
static COUNTED_ONLY: AtomicU32 = AtomicU32::new(0);

/// The present window. Changed [under the lock](super::table::TABLE) alone, from the first event
/// on.
pub(crate) fn first_named() -> Window {
    match NOW.load(Ordering::Relaxed) {
        0 => Window::Open,
        1 => Window::Closed,
        _ => Window::Counting,
    }
}

/// True if stacks are captured.
pub(crate) fn names(window: Window) -> bool {
    window == Window::Open
}

#[cfg(feature = "dhat-compat")]
fn set(window: Window) {
    NOW.store(window as u32, Ordering::Relaxed);
}

/// Stops recording until a window is opened. Does nothing once the process has had its first block.
#[cfg(feature = "dhat-compat")]
pub(crate) fn close_from_start() {
    if super::session::is_undecided() {
        set(Window::Closed);
    }
}

/// Counts blocks from now on, but in the totals alone.
#[cfg(feature = "dhat-compat")]
pub(crate) fn count_only() {
    COUNTED_ONLY.store(1, Ordering::Relaxed);
    set(Window::Counting);
}

/// True if blocks were counted without stacks at some time.
#[cfg(feature = "dhat-compat")]
pub(crate) fn has_counted_only() -> bool {
    COUNTED_ONLY.load(Ordering::Relaxed) != 0
}

/// Counts blocks with their stacks from now on; all that were counted before stay known.
#[cfg(feature = "dhat-compat")]
pub(crate) fn count_with_stacks() {
    set(Window::Open);
}

/// Forgets all that was recorded, and records from now on. Peaks are always exact here.
#[cfg(feature = "dhat-compat")]
pub(crate) fn open(session: &'static Session, _exact: bool) {
    TABLE.with(|table| {
        table.blocks.clear();
        table.sites.clear();
        table.heap = Heap::new();
        table.started_nanos = os::monotonic_nanos();
        crate::store::group::restart(session.used_groups());
        set(Window::Open);
    });
}

/// Stops recording; when this returns, the numbers have all events before.
#[cfg(feature = "dhat-compat")]
pub(crate) fn close(_session: &'static Session) {
    TABLE.with(|_| set(Window::Closed));
}

/// Counts blocks in the totals alone from now on.
#[cfg(feature = "dhat-compat")]
pub(crate) fn cease_naming(_session: &'static Session) {
    TABLE.with(|_| count_only());
}
