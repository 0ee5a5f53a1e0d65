//! A thread's unfinished change, for a reader of the recording after the thread was killed.
//!
//! Most events change a tally by single stores: numbers that belong together share a store. The few
//! events that need several stores first put the old numbers into the thread's journal and set its
//! kind; the reader then takes the old numbers from the journal.
//!
//! The thread sets the kind just before the change, and clears it just after. The stores of one
//! thread reach the file in the order of the program: a compiler's fence is enough.

use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{AtomicU32, Ordering, compiler_fence};
use crate::store::ids::SiteId;
use crate::store::tally::Tally;

/// No change is under way.
pub(crate) const WHOLE: u32 = 0;
/// A reallocation, of a block of a site that this thread owns: `site_before` has the site's own
/// totals.
pub(crate) const RESIZING_OWN: u32 = 1;
/// A reallocation in this thread's share of the site: `share_before` has the share's totals.
pub(crate) const RESIZING_SHARE: u32 = 2;
/// A share moves to its site: `share_before` is the share, `site_before` the site's shared tally.
pub(crate) const FLUSHING: u32 = 3;

/// See the module's description. 256 bytes.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Journal {
    /// Held while a share moves, so that a reader in this process finds it in one of the two
    /// places.
    pub(crate) moving: SpinLock,
    pub(crate) kind: AtomicU32,
    pub(crate) site: AtomicU32,
    /// 1: `share_before` is of the thread's arena.
    has_place: AtomicU32,
    spare: [AtomicU32; 12],
    pub(crate) share_before: Tally,
    pub(crate) site_before: Tally,
    spare_line: [AtomicU32; 16],
}

const _: () = assert!(size_of::<Journal>() == 256, "the recording's format");

impl Journal {
    /// Makes `change`, which is a reallocation at a tally of `site`.
    #[inline(always)]
    pub(crate) fn resize(
        &self,
        kind: u32,
        site: SiteId,
        tally: &Tally,
        change: impl FnOnce(&Tally),
    ) {
        let before = if kind == RESIZING_OWN { &self.site_before } else { &self.share_before };
        before.keep_totals(tally);
        self.site.store(site.number(), Ordering::Relaxed);
        self.begin(kind);
        change(tally);
        self.end();
    }

    /// Makes `change`, which moves a share to the shared tally of its site. No other thread may
    /// change that tally meanwhile. `has_place`: the share is in the thread's arena.
    pub(crate) fn flush(
        &self,
        share: &Tally,
        shared: &Tally,
        has_place: bool,
        change: impl FnOnce(),
    ) {
        self.share_before.keep(share);
        self.has_place.store(u32::from(has_place), Ordering::Relaxed);
        self.site_before.keep(shared);
        self.site.store(share.site().number(), Ordering::Relaxed);
        self.begin(FLUSHING);
        change();
        self.end();
    }

    /// True if the share that is being flushed is in the thread's arena.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn has_place(&self) -> bool {
        self.has_place.load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    fn begin(&self, kind: u32) {
        compiler_fence(Ordering::SeqCst);
        self.kind.store(kind, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }

    #[inline(always)]
    fn end(&self) {
        compiler_fence(Ordering::SeqCst);
        self.kind.store(WHOLE, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }
}
