//! Bounds on the requests that are answered at once.
//!
//! Each lane has slots of its own, so that profiles, which take long, keep no scrape of numbers
//! out. A request that only waits for time to pass leaves its lane meanwhile.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Most requests of a lane that are answered at once.
pub(super) const MOST_AT_ONCE: usize = 8;
/// Most requests that wait at once.
pub(super) const MOST_WAITING: usize = 32;

/// The kinds of requests that share slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Numbers,
    Page,
    Profiles,
}

/// The slots of all lanes.
#[derive(Debug, Default)]
pub(super) struct Slots {
    taken: Mutex<Taken>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    by_lane: [usize; 3],
    waiting: usize,
}

impl Slots {
    /// A slot of `lane`; `None`: all are taken.
    pub(super) fn take(self: &Arc<Self>, lane: Lane) -> Option<Slot> {
        let mut taken = self.taken();
        let count = &mut taken.by_lane[lane as usize];
        if *count >= MOST_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Slot { slots: self.clone(), lane })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slot, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    lane: Lane,
}

impl Slot {
    /// Does `wait` while another request may have this slot, and takes one of the lane's again.
    /// `None`: too many wait already.
    pub(super) fn aside<R>(&self, wait: impl FnOnce() -> R) -> Option<R> {
        let mut taken = self.slots.taken();
        if taken.waiting >= MOST_WAITING {
            return None;
        }
        taken.waiting += 1;
        self.free(taken);
        let result = wait();
        let taken = self.slots.taken();
        let is_full = |taken: &mut Taken| taken.by_lane[self.lane as usize] >= MOST_AT_ONCE;
        let taken = self.slots.freed.wait_while(taken, is_full);
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        taken.by_lane[self.lane as usize] += 1;
        taken.waiting -= 1;
        Some(result)
    }

    fn free(&self, mut taken: MutexGuard<'_, Taken>) {
        taken.by_lane[self.lane as usize] -= 1;
        drop(taken);
        // All: those who wait may be of several lanes.
        self.slots.freed.notify_all();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free(self.slots.taken());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn lanes_do_not_take_each_others_slots() {
        let slots = Arc::new(Slots::default());
        let take = |lane| slots.take(lane);
        let profiles: Vec<Slot> = (0..MOST_AT_ONCE).map_while(|_| take(Lane::Profiles)).collect();
        assert_eq!(profiles.len(), MOST_AT_ONCE);
        assert!(take(Lane::Profiles).is_none());
        assert!(take(Lane::Numbers).is_some() && take(Lane::Page).is_some());
        drop(profiles);
        assert!(take(Lane::Profiles).is_some());
    }

    #[test]
    fn a_request_that_waits_leaves_its_slot_and_takes_one_again() {
        let slots = Arc::new(Slots::default());
        let first = slots.take(Lane::Profiles).unwrap();
        let mut others = Vec::new();
        let waited = first.aside(|| {
            others.extend((0..=MOST_AT_ONCE).map_while(|_| slots.take(Lane::Profiles)));
            assert_eq!(others.len(), MOST_AT_ONCE, "the waiting one's slot is free");
            // The wait ends when there is a slot again, and not before.
            let last = others.pop();
            thread::spawn(move || drop(last))
        });
        waited.unwrap().join().unwrap();
        assert!(slots.take(Lane::Profiles).is_none());
        drop((first, others));
        assert_eq!(slots.taken().by_lane, [0; 3]);
    }

    #[test]
    fn waiting_requests_are_bounded() {
        let slots = Arc::new(Slots::default());
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            let ends: Vec<mpsc::Sender<()>> = (0..MOST_WAITING)
                .map(|_| {
                    let (end, ended) = mpsc::channel();
                    let slot = slots.take(Lane::Profiles).unwrap();
                    let begun = begun.clone();
                    scope.spawn(move || {
                        let wait = || (begun.send(()).unwrap(), ended.recv());
                        assert!(slot.aside(wait).is_some());
                    });
                    begins.recv().unwrap();
                    end
                })
                .collect();
            let one_more = slots.take(Lane::Profiles).unwrap();
            assert!(one_more.aside(|| unreachable!()).is_none());
            drop((one_more, ends));
        });
        assert_eq!(slots.taken().waiting, 0);
    }
}
