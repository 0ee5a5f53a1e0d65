//! A thread's state inside the hook in a build without stacks: its slot in the recording.

use core::ptr::NonNull;

use crate::base::os;
use crate::engine::session::Session;
use crate::store::ids::ThreadIndex;
use crate::store::thread_slot::ThreadSlot;

/// A thread's state.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) slot: &'static ThreadSlot,
}

impl Thread {
    /// Makes a thread state of zeroed memory.
    ///
    /// # Safety
    ///
    /// `thread` must point to zeroed memory of this type's size that nothing else uses.
    pub(crate) unsafe fn initialize(
        thread: NonNull<Thread>,
        session: &'static Session,
        index: ThreadIndex,
    ) -> Option<()> {
        // SAFETY: valid for writes by the caller's promise.
        unsafe { thread.write(Thread { slot: session.slot(index)? }) };
        Some(())
    }

    /// Prepares the state for a new thread.
    pub(crate) fn begin(&mut self, _bounds: (u64, u64)) {
        self.slot.describe(os::thread_id(), os::thread_name());
    }
}
