//! A tracker in user code, called at each allocation and free.
//!
//! ```text
//!  no tracker was ever set    one load and one branch per allocation, nothing per free
//!  since then                 every allocation comes here; reported blocks get a trailer of
//!                             another kind, and so their frees come here
//! ```

use core::cell::Cell;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::ptr;
use std::boxed::Box;
use std::panic::catch_unwind;

use crate::api::groups::token::AllocationGroupId;
#[cfg(not(mod_alloc_portable))]
use crate::base::changes;
use crate::base::current::as_profiler;
use crate::base::os::KeepErrno;
use crate::base::sync::{AtomicPtr, AtomicU32, Ordering};

#[cfg(mod_alloc_portable)]
pub(crate) use events::{again, gone, new};
#[cfg(not(mod_alloc_portable))]
pub(crate) use events::{freed, kept, record, report_gone, report_new, take_site};

#[cfg(not(mod_alloc_portable))]
#[path = "tracker/events.rs"]
mod events;
#[cfg(mod_alloc_portable)]
#[path = "portable/tracked_events.rs"]
mod events;

/// User code that is called at each allocation and free, on the allocating or freeing thread.
/// [`AllocationRegistry`] has an example.
///
/// Allocations of the implementation are neither recorded nor reported. It must not wait for a lock
/// that a thread may hold while it allocates. A panic in it is caught, because no panic may leave
/// an allocator.
///
/// A reallocation is a free of the old block, before it happens, and an allocation of the new one,
/// in the same group. (If there is no memory for it, the old block is reported as allocated again.)
pub trait AllocationTracker {
    /// Called when a block was allocated.
    ///
    /// `object_size` is the size that the program asked for, in bytes. `wrapped_size` is the size
    /// asked of the inner allocator: with the profiler's trailer. `group_id` is the group that the
    /// block counts for.
    fn allocated(
        &self,
        addr: usize,
        object_size: usize,
        wrapped_size: usize,
        group_id: AllocationGroupId,
    );

    /// Called when a block that was reported is about to be freed.
    ///
    /// `source_group_id` is the group that the block counts for, `current_group_id` the one that
    /// the freeing thread is in.
    fn deallocated(
        &self,
        addr: usize,
        object_size: usize,
        wrapped_size: usize,
        source_group_id: AllocationGroupId,
        current_group_id: AllocationGroupId,
    );
}

type Tracker = Box<dyn AllocationTracker + Send + Sync>;

/// The tracker; null: none.
static TRACKER: AtomicPtr<Tracker> = AtomicPtr::new(ptr::null_mut());
/// 1: it is to be called.
static ENABLED: AtomicU32 = AtomicU32::new(0);
/// 1: a tracker was set at some time.
static WATCHED: AtomicU32 = AtomicU32::new(0);

/// Sets the process's one [`AllocationTracker`], and switches it on and off.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use mod_alloc::groups::{AllocationGroupId, AllocationRegistry, AllocationTracker};
///
/// static LARGE: AtomicUsize = AtomicUsize::new(0);
///
/// struct LargeBlocks;
///
/// impl AllocationTracker for LargeBlocks {
///     fn allocated(&self, _addr: usize, size: usize, _wrapped: usize, _group: AllocationGroupId) {
///         LARGE.fetch_add(usize::from(size >= 1 << 20), Relaxed);
///     }
///     fn deallocated(
///         &self, _: usize, _: usize, _: usize, _: AllocationGroupId, _: AllocationGroupId,
///     ) {}
/// }
///
/// AllocationRegistry::set_global_tracker(LargeBlocks).expect("no other was set");
/// AllocationRegistry::enable_tracking();
/// ```
#[derive(Debug)]
pub struct AllocationRegistry;

impl AllocationRegistry {
    /// Starts reporting allocations, and the frees of reported blocks.
    pub fn enable_tracking() {
        ENABLED.store(1, Ordering::Relaxed);
    }

    /// Stops all reporting.
    pub fn disable_tracking() {
        ENABLED.store(0, Ordering::Relaxed);
    }

    /// Sets the process's tracker. Nothing is reported before
    /// [`enable_tracking`](Self::enable_tracking), and nothing at all with `MOD_ALLOC=off`.
    ///
    /// # Errors
    ///
    /// If there is one already.
    pub fn set_global_tracker<T>(tracker: T) -> Result<(), SetTrackerError>
    where
        T: AllocationTracker + Send + Sync + 'static,
    {
        as_profiler(|| {
            let tracker: *mut Tracker = Box::into_raw(Box::new(Box::new(tracker)));
            // Release pairs with the Acquire in `active`: the tracker is seen whole.
            let set = TRACKER.compare_exchange(
                ptr::null_mut(),
                tracker,
                Ordering::Release,
                Ordering::Relaxed,
            );
            if set.is_err() {
                // SAFETY: made above, and no other code has it.
                drop(unsafe { Box::from_raw(tracker) });
                return Err(SetTrackerError { _private: () });
            }
            WATCHED.store(1, Ordering::Relaxed);
            #[cfg(not(mod_alloc_portable))]
            changes::announce_for_good();
            Ok(())
        })
    }

    /// Runs `f`, whose allocations and frees are recorded, but not reported to the tracker.
    ///
    /// ```
    /// use mod_alloc::groups::AllocationRegistry;
    ///
    /// let text = AllocationRegistry::untracked(|| String::from("not reported"));
    /// # drop(text);
    /// ```
    pub fn untracked<F, R>(f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let _suspended = Suspended::begin(SUSPENDED.get().max(UNTRACKED));
        f()
    }

    /// Takes the tracker out, so that another can be set: for tests.
    ///
    /// # Safety
    ///
    /// No other thread may allocate or free meanwhile.
    #[doc(hidden)]
    pub unsafe fn clear_global_tracker() {
        // Acquire pairs with the Release in `set_global_tracker`.
        let tracker = TRACKER.swap(ptr::null_mut(), Ordering::Acquire);
        if !tracker.is_null() {
            // SAFETY: made by `set_global_tracker`; by the caller's promise no thread is calling
            // it.
            as_profiler(|| drop(unsafe { Box::from_raw(tracker) }));
        }
    }
}

/// There is a tracker already; see [`AllocationRegistry::set_global_tracker`].
#[derive(Debug)]
pub struct SetTrackerError {
    _private: (),
}

impl fmt::Display for SetTrackerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a global tracker has already been set")
    }
}

impl core::error::Error for SetTrackerError {}

/// All events are reported.
const REPORTED: u8 = 0;
/// No event is reported.
const UNTRACKED: u8 = 1;
/// The tracker is being called: its allocations are neither reported nor recorded.
const IN_TRACKER: u8 = 2;

std::thread_local! {
    /// One of the above. Without a destructor, so that it is there as long as the thread.
    static SUSPENDED: Cell<u8> = const { Cell::new(REPORTED) };
}

/// As long as it lives, less is reported.
struct Suspended(u8);

impl Suspended {
    fn begin(what: u8) -> Self {
        Suspended(SUSPENDED.replace(what))
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        SUSPENDED.set(self.0);
    }
}

/// True if a tracker was set at some time.
#[inline(always)]
pub(crate) fn is_watched() -> bool {
    // Relaxed: the thread that sets a tracker sees it at its next allocation; others see it soon.
    WATCHED.load(Ordering::Relaxed) != 0
}

/// The tracker, if the calling thread is to call it.
fn active() -> Option<&'static Tracker> {
    if ENABLED.load(Ordering::Relaxed) == 0 || SUSPENDED.get() != REPORTED {
        return None;
    }
    // Acquire pairs with the Release in `set_global_tracker`.
    let tracker = TRACKER.load(Ordering::Acquire);
    // SAFETY: null, or of a box that is given back only while no other thread allocates or frees.
    unsafe { tracker.as_ref() }
}

/// Calls the tracker; the allocating code notices nothing of it.
fn call(call: impl FnOnce()) {
    let _errno = KeepErrno::new();
    let _suspended = Suspended::begin(IN_TRACKER);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
        // Dropping it might panic again.
        core::mem::forget(payload);
    }
}
