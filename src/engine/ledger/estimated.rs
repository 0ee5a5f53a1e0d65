//! Where blocks are sampled: sites count what a sampled block stands for.

use super::{Event, enter_elsewhere, enter_exactly, is_exact};
use crate::engine::sampling::{is_known, rate_of_block};
use crate::engine::session::Session;
use crate::engine::thread::Thread;
use crate::store::group::Group;
use crate::store::histograms::Histograms;
use crate::store::ids::SiteId;
use crate::store::peak::{Front, Heap};
use crate::store::sampling::{Estimate, Rate, site_of};
use crate::store::tally::{Epoch, Tally};

/// A sampled block was allocated or freed: what its site counts. Threads count the block itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimated {
    estimate: Estimate,
    is_freed: bool,
}

impl Estimated {
    pub(super) fn allocated(estimate: Estimate) -> Self {
        Estimated { estimate, is_freed: false }
    }

    pub(super) fn freed(estimate: Estimate) -> Self {
        Estimated { estimate, is_freed: true }
    }
}

impl Event for Estimated {
    fn shrinks(self) -> bool {
        self.is_freed
    }

    fn tell(self, _: &Front, _: u64, _: &Heap) {}

    fn count_in_front(self, _: &Front) {}

    fn count_in_histograms(self, _: &Histograms, _: u64) {}

    fn count(self, tally: &Tally, now: u64) {
        match self.is_freed {
            true => tally.count_freed_sample(self.estimate, now),
            false => tally.count_allocated_sample(self.estimate, now),
        }
    }

    fn count_for(self, group: &Group) {
        match self.is_freed {
            true => group.freed_sample(self.estimate),
            false => group.allocated_sample(self.estimate),
        }
    }

    fn estimate(self, _: Rate) -> Option<Estimated> {
        Some(self)
    }
}

/// Enters an event where blocks are sampled, of a block whose trailer has that number: the event
/// itself in the front, and at the block's site, if it was sampled, what it stands for.
pub(super) fn enter_sampled<E: Event>(
    thread: &mut Thread,
    session: &Session,
    number: SiteId,
    event: E,
    now: u64,
) {
    if !is_known(number) {
        return;
    }
    let (heap, front) = (session.heap(), &thread.slot.front);
    if event.shrinks() {
        // Blocks that passed the countdown have told no time.
        front.stays_at_peak(now);
    }
    if is_exact(session) {
        let _held = heap.lock.lock();
        event.count_in_front(front);
        event.tell(&heap.exact, now, heap);
        front.take_over_wish(&heap.exact);
    } else {
        event.tell(front, now, heap);
    }
    event.count_in_histograms(thread.histograms, now);
    let rate = rate_of_block(session, number);
    if let Some(estimate) = rate.and_then(|rate| event.estimate(rate)) {
        enter_estimate(thread, session, site_of(number), estimate, now);
    }
}

/// Enters the part of a sampled block at its site.
pub(crate) fn enter_estimate(
    thread: &mut Thread,
    session: &Session,
    site: SiteId,
    estimate: Estimated,
    now: u64,
) {
    if is_exact(session) {
        return enter_exactly(thread, session, site, estimate, now);
    }
    let epoch = Epoch::new(session.heap().epoch.get());
    enter_elsewhere(thread, site, estimate, now, epoch);
}
