//! Windows: stretches of a process's life, each recorded separately.
//!
//! Ordinarily there is one, from the first block to the end. A program that asks for windows
//! ([`crate::compat::dhat`]) has nothing recorded outside of them, and a block from before a window
//! is not known in it: its free is no event, and resizing it makes a new block.
//!
//! Each window has separate sites: those from its [first one](first_named) on. So a block's trailer
//! already tells if the block is of the present window. And numbers begin at zero, though nothing
//! is cleared while other threads write it.
//!
//! | state | sites known | stacks captured |
//! |---|---|---|
//! | open | from the window's first on | yes |
//! | closed | none | no |
//! | counting | all | no: new blocks go to the site of events that find the table full |

#[cfg(feature = "dhat-compat")]
use crate::base::changes;
use crate::base::sync::{AtomicU32, Ordering};
use crate::store::ids::SiteId;
use crate::store::sites::{NO_SITE, TABLE_FULL};

#[cfg(feature = "dhat-compat")]
mod change;

#[cfg(feature = "dhat-compat")]
pub(crate) use change::{cease_naming, close, open};

/// Larger than any site: nothing is recorded.
const CLOSED: SiteId = SiteId::new(u32::MAX);
/// Larger than any site: events are counted, and no stacks captured.
const COUNTING: SiteId = SiteId::new(u32::MAX - 1);

/// The first site whose blocks are known.
static KNOWN: AtomicU32 = AtomicU32::new(TABLE_FULL.number());
/// The first site that new blocks may have.
static NAMED: AtomicU32 = AtomicU32::new(TABLE_FULL.number());

/// 1: see [`has_counted_only`].
#[cfg(feature = "dhat-compat")]
static COUNTED_ONLY: AtomicU32 = AtomicU32::new(0);

/// True if a block of that site is one of the present window.
#[inline(always)]
pub(crate) fn knows(site: SiteId) -> bool {
    site >= first_known()
}

/// The first site whose blocks are known.
#[inline(always)]
pub(crate) fn first_known() -> SiteId {
    // Acquire pairs with the Release in `set`: the window's preparations are seen.
    SiteId::new(KNOWN.load(Ordering::Acquire))
}

/// The first site that new blocks may have: that of events that find the table full; or, see
/// [`names`].
#[inline(always)]
pub(crate) fn first_named() -> SiteId {
    // Acquire: as above.
    SiteId::new(NAMED.load(Ordering::Acquire))
}

/// True if stacks are captured, by the result of [`first_named`].
#[inline(always)]
pub(crate) fn names(first: SiteId) -> bool {
    first < COUNTING
}

/// True unless nothing is recorded, by the result of [`first_known`].
pub(crate) fn window_is_open(first: SiteId) -> bool {
    first != CLOSED
}

/// The site of a block that is allocated while stacks are not captured.
pub(crate) fn site_without_stack(first: SiteId) -> SiteId {
    if first == CLOSED { NO_SITE } else { TABLE_FULL }
}

/// Sets the window; a thread inside the hook may not see it yet.
#[cfg(feature = "dhat-compat")]
fn set(known: SiteId, named: SiteId) {
    // Release pairs with the Acquires above.
    KNOWN.store(known.number(), Ordering::Release);
    NAMED.store(named.number(), Ordering::Release);
    changes::announce();
}

/// Stops recording until a window is opened. Does nothing once the process has had its first block.
#[cfg(feature = "dhat-compat")]
#[inline(always)]
pub(crate) fn close_from_start() {
    if crate::engine::session::is_undecided() {
        set(CLOSED, CLOSED);
    }
}

/// Counts blocks from now on, but in the totals alone. A thread inside the hook may not see it yet;
/// [`cease_naming`] waits for those.
#[cfg(feature = "dhat-compat")]
pub(crate) fn count_only() {
    COUNTED_ONLY.store(1, Ordering::Relaxed);
    set(TABLE_FULL, COUNTING);
}

/// True if blocks were counted without stacks at some time: then the site of events that find the
/// table full has those, too.
#[cfg(feature = "dhat-compat")]
pub(crate) fn has_counted_only() -> bool {
    COUNTED_ONLY.load(Ordering::Relaxed) != 0
}

/// Counts blocks with their stacks from now on; all that were counted before stay known.
#[cfg(feature = "dhat-compat")]
pub(crate) fn count_with_stacks() {
    set(TABLE_FULL, TABLE_FULL);
}
