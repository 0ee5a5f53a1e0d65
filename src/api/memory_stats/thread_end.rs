//! The end of a thread gives its slot back, and so does a fork, which leaves one thread.

use core::mem::MaybeUninit;

use super::handle::{CURRENT, OVERFLOW, leave_shared, share_anew};
use super::memory_registry;
use super::slot::MemorySlot;
use crate::base::os;
use crate::base::sync::once::Once;
use crate::base::sync::{AtomicU32, UnsafeCell};

/// The key whose destructor runs when a thread with a slot ends.
static THREAD_END: Once<os::ThreadEnd> =
    Once::new(AtomicU32::new(0), UnsafeCell::new(MaybeUninit::uninit()));

/// The key that announces ends of threads; `None` if the process has no key left.
pub(super) fn key() -> Option<&'static os::ThreadEnd> {
    THREAD_END.decide(|| os::ThreadEnd::new(thread_ends), |_| None, follow_forks)
}

/// Announces the end of the calling thread, which uses `slot`.
pub(super) fn announce(key: &os::ThreadEnd, slot: &'static MemorySlot) {
    key.set((&raw const *slot).cast_mut().cast());
}

/// Runs when a thread ends, after the destructors of its thread-locals; `value` is its slot.
unsafe extern "C" fn thread_ends(value: *mut core::ffi::c_void) {
    CURRENT.with(|current| {
        current.end_rounds.set(current.end_rounds.get() + 1);
        // Destructors of other keys may still update: keep the slot until the last round.
        if current.end_rounds.get() < os::THREAD_END_ROUNDS
            && let Ok(Some(key)) = THREAD_END.get()
        {
            return key.set(value);
        }
        match current.slot.replace(Some(&OVERFLOW)) {
            Some(slot) if !core::ptr::eq(slot, &raw const OVERFLOW) => slot.leave(),
            _ => leave_shared(),
        }
        current.ended.set(true);
    });
}

fn follow_forks() {
    unsafe extern "C" fn nothing() {}
    os::at_fork(nothing, nothing, forked);
}

/// Runs in a forked child, which has only the calling one of the threads.
unsafe extern "C" fn forked() {
    let own = CURRENT.with(|current| current.slot.get());
    for slot in memory_registry().slots().iter().filter(|slot| !slot.is_free()) {
        match own.filter(|own| core::ptr::eq(*own, slot)) {
            Some(own) => own.rename(os::thread_id()),
            None => slot.leave(),
        }
    }
    share_anew();
}
