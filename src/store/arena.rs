//! A thread's arena: its pending shares of sites that other threads own.
//!
//! Direct-mapped by site id; ids are dense, so neighbours do not collide. A share is flushed to the
//! site's shared tally when another site needs its place, or when its live bytes exceed the step
//! within which a site's own maximum is promised. A thread that ends leaves its pending shares to
//! the next thread in its slot; readers add them to the sites either way.

use crate::store::ids::SiteId;
use crate::store::journal::Journal;
use crate::store::sites::{NO_SITE, Sites};
use crate::store::tally::{Epoch, Tally};

/// Shares an arena can hold: 64 KiB.
pub(crate) const SHARES: usize = 1024;

/// See the module's description. Zeroed memory is an empty arena.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Arena {
    shares: [Tally; SHARES],
}

impl Arena {
    /// All shares; those of site 0 are empty.
    pub(crate) fn shares(&self) -> &[Tally] {
        &self.shares
    }

    /// This thread's share of `site`, begun if there is none.
    #[inline(always)]
    pub(crate) fn share(
        &self,
        site: SiteId,
        epoch: Epoch,
        sites: &Sites,
        journal: &Journal,
    ) -> &Tally {
        let share = self.place_of(site);
        if share.site() != site {
            replace(share, site, epoch, sites, journal);
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
        journal: &Journal,
    ) {
        if share.live_bytes().unsigned_abs() >= step.unsigned_abs() {
            replace(share, share.site(), epoch, sites, journal);
        }
    }

    /// The place of a share of `site`.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a remainder of the table's size")]
    pub(crate) fn place_of(&self, site: SiteId) -> &Tally {
        &self.shares[site.index() % SHARES]
    }
}

/// Flushes what is there and begins a share of `site`.
#[cold]
fn replace(share: &Tally, site: SiteId, epoch: Epoch, sites: &Sites, journal: &Journal) {
    let _held = journal.moving.lock();
    if share.site() == NO_SITE {
        return share.begin(site, epoch);
    }
    sites.flush(share, epoch, journal, Some(|| share.begin(site, epoch)));
}

/// Flushes a share that is in no arena, for want of room for one.
pub(crate) fn flush_alone(share: &Tally, epoch: Epoch, sites: &Sites, journal: &Journal) {
    let _held = journal.moving.lock();
    sites.flush(share, epoch, journal, None::<fn()>);
}

#[cfg(all(test, feature = "dhat-compat"))]
#[path = "arena_tests.rs"]
mod tests;
