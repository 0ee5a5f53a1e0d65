//! The errands of a thread, which it does when it leaves the hook.

use super::super::Heap;
use super::Front;

/// Value of [`Front::errands`]: the front is of the slot that threads share.
pub(crate) const SHARED_SLOT: u64 = 1;
/// Value of [`Front::errands`]: the allocator's state is to be taken down.
const TAKE_STATE: u64 = 2;
/// Value of [`Front::errands`]: the process's resident memory is to be read.
#[cfg(feature = "backtraces")]
pub(crate) const TAKE_RESIDENT: u64 = 4;

impl Front {
    /// Asks for the allocator's state at `live` bytes, if that is worth its time. The thread takes
    /// the state down when it has left the hook, with no lock held.
    pub(in super::super) fn look_at_state(&self, live: i64, now: u64, heap: &Heap) {
        let is_worth_it = live >= heap.state_bytes.get() && now >= heap.state_time.get();
        if cfg!(feature = "backtraces") && is_worth_it {
            // If the state cannot be had now, ask again later, not at every event.
            heap.state_bytes.set(live + live / 64);
            heap.live_then.set(live);
            self.add_errands(TAKE_STATE);
        }
    }

    /// The errands of the thread when it leaves the hook; 0: none.
    #[inline(always)]
    pub(crate) fn errands(&self) -> u64 {
        self.errands.get()
    }

    pub(crate) fn add_errands(&self, errands: u64) {
        self.errands.set(self.errands.get() | errands);
    }

    /// The heap's live bytes when the allocator's state was asked for, if it was. Takes the request
    /// back.
    pub(crate) fn take_wish(&self, heap: &Heap) -> Option<i64> {
        self.take_errand(TAKE_STATE).then(|| heap.live_then.get())
    }

    /// True if the thread has that errand, which is hereby done.
    pub(crate) fn take_errand(&self, errand: u64) -> bool {
        let errands = self.errands.get();
        self.errands.set(errands & !errand);
        errands & errand != 0
    }

    #[cfg(feature = "backtraces")]
    /// Exact mode, under the heap's lock: this thread does the errands of the one front.
    pub(crate) fn take_over_wish(&self, exact: &Front) {
        if exact.errands.get() != 0 {
            self.add_errands(exact.errands.get());
            exact.errands.set(0);
        }
    }
}
