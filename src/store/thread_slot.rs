//! The thread registry: one slot per thread, in the recording.
//!
//! A slot is claimed with one exchange when its thread has its first event, written by that
//! thread alone with plain stores, and free again when the thread ends. Its numbers stay: the next
//! thread in the slot goes on counting, and inherits the sites that the slot owns.
//!
//! The last slot is shared by all threads that found no slot or are past their teardown; it is used
//! under a lock, and its threads are counted as `threads_overflowed`.

#[cfg(feature = "backtraces")]
use crate::base::sync::amount::Amount;
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::word::Signed;
#[cfg(feature = "backtraces")]
use crate::base::sync::word::store_pair;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::store::ids::ThreadIndex;
pub(crate) use crate::store::ids::{SHARED, SLOTS};
#[cfg(feature = "backtraces")]
use crate::store::journal::Journal;
use crate::store::layout::Losses;
#[cfg(feature = "backtraces")]
use crate::store::peak::Next;
use crate::store::peak::{Front, Heap};

/// Values of [`ThreadSlot::state`].
const FREE: u32 = 0;
const RUNNING: u32 = 1;

/// One thread's entry, 512 bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct ThreadSlot {
    /// 0 free, 1 running.
    pub(crate) state: AtomicU32,
    /// Kernel id of the slot's latest thread.
    pub(crate) id: AtomicU32,
    /// Its name, 15 bytes at most.
    pub(crate) name: [AtomicU64; 2],
    /// 1 while the thread is inside the hook.
    pub(crate) inside: AtomicU32,
    /// The shared slot: held while a thread uses it.
    pub(crate) in_use: SpinLock,
    /// The most bytes that the slot's thread had live, as of the timeline's last sample.
    peak_before: Signed,
    /// Threads that have used the slot, one after another. 0 in older recordings.
    pub(crate) threads: AtomicU32,
    /// In the first slot. 1: the recording began as a copy, at a fork, while other threads of the
    /// parent may have gone on.
    pub(crate) forked: AtomicU32,
    spare: [AtomicU32; 2],
    pub(crate) front: Front,
    pub(crate) losses: Losses,
    #[cfg(feature = "backtraces")]
    pub(crate) journal: Journal,
    #[cfg(not(feature = "backtraces"))]
    no_journal: [AtomicU64; 32],
}

const _: () = assert!(size_of::<ThreadSlot>() == 512, "the recording's format");

/// Claims the first free slot for the calling thread; `None`: all are taken, use the shared one.
///
/// `room` tells if memory has room for N slots.
pub(crate) fn claim(
    slots: &[ThreadSlot],
    high: &AtomicU32,
    room: impl Fn(u32) -> bool,
) -> Option<ThreadIndex> {
    let own = slots.get(..SHARED.index())?;
    let with_room = own.iter().enumerate().take_while(|(index, _)| room(*index as u32 + 1));
    let index = with_room.map(|(_, slot)| slot).position(|slot| {
        // Acquire pairs with the Release in `leave`: the slot's last thread has written all its
        // numbers.
        slot.state.load(Ordering::Relaxed) == FREE
            && slot
                .state
                .compare_exchange(FREE, RUNNING, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    })? as u32;
    high.fetch_max(index + 1, Ordering::Relaxed);
    if let Some(slot) = own.get(index as usize) {
        slot.count_thread();
    }
    Some(ThreadIndex::new(index))
}

#[cfg(feature = "backtraces")]
impl ThreadSlot {
    /// Counts an allocated block, an amount of one, after which the front has the numbers `next`.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn enter_allocated(&self, next: Next, block: Amount, now: u64) {
        store_pair!(self, ThreadSlot, front.total, next.sums.plus(block));
        self.front.note_allocated(next, now);
    }

    /// Counts an allocated block that is not sampled, an amount of one, after which the front has
    /// `live` bytes.
    #[inline(always)]
    pub(crate) fn pass_allocated(&self, block: Amount, live: i64) {
        store_pair!(self, ThreadSlot, front.total, self.front.total.read().plus(block));
        self.front.note_passed(live);
    }

    /// Counts a freed block that was not sampled, an amount of one, after which the front has
    /// `live` bytes.
    #[inline(always)]
    pub(crate) fn pass_freed(&self, block: Amount, live: i64) {
        store_pair!(self, ThreadSlot, front.freed, self.front.freed.read().plus(block));
        self.front.note_passed_free(live);
    }

    /// Counts a freed block, after which the front has the numbers `next`.
    #[inline(always)]
    pub(crate) fn enter_freed(&self, next: Next) {
        store_pair!(self, ThreadSlot, front.freed, next.sums);
        self.front.note_freed(next);
    }
}

impl ThreadSlot {
    /// Describes the slot's thread.
    pub(crate) fn describe(&self, id: u32, name: [u8; 16]) {
        self.id.store(id, Ordering::Relaxed);
        crate::base::sync::bytes::store_bytes(&self.name, &name);
    }

    /// Counts a thread that uses the slot for the first time.
    pub(crate) fn count_thread(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives the slot to the next thread.
    pub(crate) fn leave(&self) {
        self.state.store(FREE, Ordering::Release); // pairs with the Acquire in `claim`
    }

    /// The slot's new thread has had no maximum yet.
    pub(crate) fn begin_peak(&self, index: ThreadIndex, heap: &Heap) {
        self.front.begin_peak(index, heap);
        self.peak_before.set(i64::MIN);
    }

    /// Keeps the thread's maximum: the front forgets its own when an interval ends.
    #[cfg(feature = "backtraces")]
    pub(crate) fn keep_peak(&self) {
        self.peak_before.raise(self.front.high());
    }

    /// The most bytes that the slot's thread had live.
    pub(crate) fn peak(&self) -> i64 {
        self.peak_before.get().max(self.front.high())
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state.load(Ordering::Relaxed) == RUNNING
    }
}
