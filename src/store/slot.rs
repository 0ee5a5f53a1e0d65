//! One slot of the open-addressed table: Empty → Claimed → Published.
//!
//! ```text
//!  31   30          24 23                 0
//! +---+---------------+--------------------+
//! | 0 |      0        |         0          |  Empty
//! | 1 |        31 bits of the hash         |  Claimed: one thread is writing the frame
//! | 0 | 7 bits of hash|  the frame's id    |  Published: never changes again
//! +---+---------------+--------------------+
//! ```
//!
//! A frame's id is never 0, so Published is never mistaken for Empty. The hash bits only save
//! looking at frames that cannot match; every lookup compares the frame itself.
//!
//! | operation | order | partner | publishes |
//! |---|---|---|---|
//! | `look` | Acquire | `Claim::publish` | the frame's words |
//! | `claim` | Relaxed | none: it reads nothing of the loser's | |
//! | `publish`, `abandon` | Release | `look` | the frame's words |

use crate::base::sync::{AtomicU32, Ordering};
use crate::store::ids::FrameId;

/// The bit of a slot that says Claimed. Hashes leave it out.
pub(crate) const CLAIMED: u32 = 1 << 31;
const ID_BITS: u32 = 24;

/// One more than the largest id that a slot can hold.
pub(crate) const MAX_ID: u32 = 1 << ID_BITS;

/// See the module's description. Zeroed memory is an Empty slot.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Slot(AtomicU32);

/// A slot's content, to a lookup of a frame with a certain hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Empty: the frame is not in the table.
    Empty,
    /// A thread is adding a frame of this very hash: look again.
    Busy,
    /// A frame that may be the one.
    Candidate(FrameId),
    /// Another frame: go on.
    Other,
}

/// The right to publish a frame in a slot. Dropped unused, the slot is Empty again.
#[derive(Debug)]
pub(crate) struct Claim<'a>(&'a Slot);

impl Slot {
    /// The slot's content, to a lookup of a frame whose hash is `hash`.
    #[inline(always)]
    pub(crate) fn look(&self, hash: u32) -> Look {
        let word = self.0.load(Ordering::Acquire); // pairs with the Release in `publish`
        if word == 0 {
            Look::Empty
        } else if word & CLAIMED != 0 {
            if word == hash | CLAIMED { Look::Busy } else { Look::Other }
        } else if word >> ID_BITS == tag(hash) {
            Look::Candidate(FrameId::new(word & (MAX_ID - 1)))
        } else {
            Look::Other
        }
    }

    /// The frame in the slot, if it may be one whose hash is `hash`. Of an Empty slot that may be
    /// frame 0, which no lookup is for.
    #[inline(always)]
    pub(crate) fn candidate(&self, hash: u32) -> Option<FrameId> {
        let word = self.0.load(Ordering::Acquire); // pairs with the Release in `publish`
        ((word ^ hash) >> ID_BITS == 0).then_some(FrameId::new(word & (MAX_ID - 1)))
    }

    /// True if the slot is Empty.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Makes the slot Empty, as a page that was given back is.
    #[cfg(any(test, loom))]
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Takes the slot if it is Empty.
    pub(crate) fn claim(&self, hash: u32) -> Option<Claim<'_>> {
        let claimed = hash | CLAIMED;
        self.0
            .compare_exchange(0, claimed, Ordering::Relaxed, Ordering::Relaxed)
            .ok()
            .map(|_| Claim(self))
    }
}

impl Claim<'_> {
    /// Makes the frame visible: a thread that sees its id sees all that was written of it before.
    pub(crate) fn publish(self, id: FrameId, hash: u32) {
        let word = tag(hash) << ID_BITS | id.number() & (MAX_ID - 1);
        self.0.0.store(word, Ordering::Release); // pairs with the Acquire in `look`
        core::mem::forget(self);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Release); // pairs with the Acquire in `look`
    }
}

/// The 7 bits of the hash that a Published slot keeps; not those that chose the slot.
fn tag(hash: u32) -> u32 {
    hash >> ID_BITS & 0x7f
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_slot_goes_from_empty_over_claimed_to_published() {
        let slot = Slot::default();
        assert_eq!(slot.look(7), Look::Empty);
        let claim = slot.claim(7).expect("empty");
        assert_eq!(slot.look(7), Look::Busy);
        assert_eq!(slot.look(8), Look::Other);
        assert!(slot.claim(7).is_none(), "claimed once only");
        claim.publish(FrameId::new(42), 7);
        assert_eq!(slot.look(7), Look::Candidate(FrameId::new(42)));
        assert_eq!(slot.look(7 | 1 << 25), Look::Other, "another tag");
        assert!(slot.claim(7).is_none(), "published slots stay");
    }

    #[test]
    fn an_abandoned_claim_leaves_the_slot_empty() {
        let slot = Slot::default();
        drop(slot.claim(7));
        assert_eq!(slot.look(7), Look::Empty);
    }
}
