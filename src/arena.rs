//! A thread's arena: its pending shares of sites that other threads own.
//!
//! Direct-mapped by site id; ids are dense, so neighbours do not collide. A share is flushed
//! to the site's shared tally when another site needs its place, or when it has grown past the
//! step within which a site's own maximum is promised. A thread that ends leaves its pending
//! shares to the next thread in its slot; readers add them to the sites either way.

use crate::sync::spin_lock::SpinLock;
use crate::table::sites::Sites;
use crate::table::tally::{Epoch, Tally};

/// Shares an arena can hold: 64 KiB.
pub(crate) const SHARES: usize = 1024;

/// See the module's description. Zeroed memory is an empty arena.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Arena {
    shares: [Tally; SHARES],
}

impl Arena {
    #[cfg(feature = "dhat-compat")]
    /// All shares; those of site 0 are empty.
    pub(crate) fn shares(&self) -> &[Tally] {
        &self.shares
    }

    /// This thread's share of `site`, begun if there is none.
    #[inline(always)]
    pub(crate) fn share(&self, site: u32, epoch: Epoch, sites: &Sites, lock: &SpinLock) -> &Tally {
        let share = &self.shares[site as usize % SHARES];
        if share.site() != site {
            replace(share, site, epoch, sites, lock);
        }
        share
    }

    /// Flushes a share that has moved by more than `step` bytes.
    #[inline(always)]
    pub(crate) fn settle(
        &self,
        share: &Tally,
        step: i64,
        epoch: Epoch,
        sites: &Sites,
        lock: &SpinLock,
    ) {
        if share.live_bytes().unsigned_abs() >= step.unsigned_abs() {
            replace(share, share.site(), epoch, sites, lock);
        }
    }
}

/// Flushes what is there and begins a share of `site`. `lock` is held so that a reader in
/// this process finds the numbers in one of the two places.
#[cold]
fn replace(share: &Tally, site: u32, epoch: Epoch, sites: &Sites, lock: &SpinLock) {
    let _held = lock.lock();
    if share.site() != 0 {
        sites.flush(share, epoch);
    }
    share.begin(site, epoch);
}

#[cfg(all(test, feature = "dhat-compat"))]
#[path = "arena_tests.rs"]
mod tests;
