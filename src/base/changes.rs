//! A count of the changes that every thread has to see at its next event.
//!
//! The heap's mode, the window, the modules, the clock, a tracker: an event depends on all of them,
//! and they hardly ever change. A thread that has looked at all of it keeps the [`count`] from
//! before it looked. As long as the count is the same, an event looks at the count alone.
//!
//! Whoever changes such a thing stores the new state first and then [announces](announce) it. Where
//! no event may miss the change, a barrier in all threads follows, and a wait until they are
//! outside the hook: an event that has not seen the count is over then.

use crate::base::sync::{AtomicU32, Ordering};

/// Not 0: zeroed memory has seen nothing.
static COUNT: AtomicU32 = AtomicU32::new(1);

/// A bit of the count: something has come that has to be looked at by each event from now on.
const FOR_GOOD: u32 = 1 << 31;

/// Says that something has come that has to be looked at by each event from now on.
#[cfg(feature = "groups")]
pub(crate) fn announce_for_good() {
    // Release pairs with the Acquire below.
    COUNT.fetch_or(FOR_GOOD, Ordering::Release);
}

/// True if an event may look at nothing but the count, as long as that is still the same.
pub(crate) fn is_enough(count: u32) -> bool {
    count & FOR_GOOD == 0
}

/// Says that something has changed.
pub(crate) fn announce() {
    // Release pairs with the Acquire below: who sees the count sees the change.
    COUNT.fetch_add(1, Ordering::Release);
}

/// The number of changes so far, and one more.
#[inline(always)]
pub(crate) fn count() -> u32 {
    // Acquire pairs with the Release above.
    COUNT.load(Ordering::Acquire)
}
