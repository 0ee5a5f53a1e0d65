//! The allocator behind [`Alloc`](super::Alloc): a [`ModAlloc`] that records nothing until a
//! profiler asks.

use super::AS_1_0;
use crate::api::report_files;
use crate::base::sync::{AtomicU32, Ordering};
use crate::engine::{session, windows};
use crate::hook::ModAlloc;

pub(super) static INNER: ModAlloc = ModAlloc::new();

/// The first block decides if the process is recorded. Before that, this sets the kind of
/// recording.
#[inline(always)]
pub(super) fn before_first() {
    if session::is_undecided() {
        begin();
    }
}

#[cold]
#[inline(never)]
fn begin() {
    INSTALLED.store(1, Ordering::Relaxed);
    report_files::leave_to_program();
    if AS_1_0 {
        windows::count_only();
    } else {
        windows::close_from_start();
    }
}

/// 1: there is an [`Alloc`](super::Alloc), so nothing has a stack, or is recorded at all, without a
/// profiler.
static INSTALLED: AtomicU32 = AtomicU32::new(0);

/// See [`INSTALLED`].
pub(super) fn is_installed() -> bool {
    // Only ever set, and before any number can be read.
    INSTALLED.load(Ordering::Relaxed) != 0
}
