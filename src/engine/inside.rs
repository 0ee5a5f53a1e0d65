//! `Inside`: the proof that this thread is inside the hook, once.
//!
//! | the thread's word | the way in |
//! |---|---|
//! | points to a cell, whose slot is not inside | the fast one: one store |
//! | `NEW` | registers the thread |
//! | `SLOTLESS`, `ENDED` | waits for the slot that such threads share |
//! | points to a cell, whose slot is inside; `BUSY` | none: the hook was interrupted |
//! | `PROFILER`; a wiped cell | none: the event is the profiler's, or the process is not recorded |
//!
//! The flag `inside` is the thread's own line, so setting it costs no other thread anything. Code
//! that must not meet a thread inside (a window that closes, a thread that joins a sole one) makes
//! a barrier in all threads, and waits for the flags after that.

use crate::base::current::{self, AT_WORK, BUSY, ENDED, NEW, PROFILER, SLOTLESS, set_number};
use crate::base::sync::{Ordering, compiler_fence, wait_turn};
#[cfg(not(feature = "preload"))]
use crate::engine::profiler_thread;
use crate::engine::registration;
use crate::engine::session::{self, Session};
use crate::engine::thread::Thread;
use crate::engine::thread_cell::{Claim, ThreadCell};
#[cfg(feature = "backtraces")]
use crate::engine::timeline;
use crate::store::ids::ThreadIndex;
use crate::store::peak::Heap;
#[cfg(feature = "backtraces")]
use crate::store::peak::TAKE_RESIDENT;
use crate::store::thread_slot::{SHARED, ThreadSlot};

/// The proof that this thread is inside the hook, and the one way to its [`Thread`] there. Leaves
/// the hook when dropped.
///
/// There is one per thread at a time: it is made where the slot's flag `inside` goes from 0 to 1,
/// which only the slot's thread changes, and its drop sets the flag back. It is neither `Send` nor
/// `Clone`.
#[derive(Debug)]
pub(crate) struct Inside {
    claim: Claim,
}

/// The reason why an event is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// The thread is inside the hook already.
    Reentrant,
    /// The event is the profiler's.
    Profiler,
}

impl Inside {
    /// Goes inside, unless this thread is there already.
    #[inline(always)]
    pub(crate) fn enter(session: &'static Session) -> Result<Inside, Outside> {
        match Self::enter_fast(session) {
            Some(inside) => Ok(inside),
            None => Self::enter_slowly(session),
        }
    }

    /// Goes inside the ordinary way: the thread has a slot and is not inside. `None`:
    /// [`enter_slowly`](Self::enter_slowly) finds out why not.
    #[inline(always)]
    pub(crate) fn enter_fast(session: &'static Session) -> Option<Inside> {
        let cell = ThreadCell::current()?;
        let slot = cell.slot()?;
        if slot.inside.load(Ordering::Relaxed) != 0 {
            return None;
        }
        // SAFETY: the flag was 0, so this thread, whose cell it is, has no `Inside`; a claim ends
        // before the cell becomes the thread's.
        Some(unsafe { Self::begin(cell, slot, session) })
    }

    /// Sets the flag, and waits while another thread sets this one's front up.
    ///
    /// # Safety
    ///
    /// As for [`Claim::new`].
    #[inline(always)]
    pub(crate) unsafe fn begin(
        cell: &'static ThreadCell,
        slot: &'static ThreadSlot,
        session: &'static Session,
    ) -> Inside {
        slot.inside.store(1, Ordering::Relaxed);
        // The processor may still delay the store; see the module description of `peak`, whose
        // barrier in all threads is this fence's partner.
        compiler_fence(Ordering::SeqCst);
        if !slot.front.is_current(session.heap()) {
            adopt_mode(slot, session.heap());
        }
        // SAFETY: the caller's promise.
        Inside { claim: unsafe { Claim::new(cell) } }
    }

    /// Goes inside where [`enter_fast`](Self::enter_fast) could not.
    #[cold]
    #[inline(never)]
    pub(crate) fn enter_slowly(session: &'static Session) -> Result<Inside, Outside> {
        match current::number() {
            NEW => registration::register(session),
            BUSY => Err(Outside::Reentrant),
            PROFILER | AT_WORK => Err(Outside::Profiler),
            number @ (SLOTLESS | ENDED) => registration::enter_shared(session, number == ENDED),
            _ if ThreadCell::current().is_none_or(|cell| cell.slot().is_none()) => {
                // A child of an unannounced fork: its recording is its parent's.
                set_number(PROFILER);
                Err(Outside::Profiler)
            }
            _ => Self::enter_fast(session).ok_or(Outside::Reentrant),
        }
    }

    /// The thread's state.
    #[inline(always)]
    pub(crate) fn thread(&mut self) -> &mut Thread {
        self.claim.thread()
    }

    /// Makes the thread a member of a group.
    #[cfg(feature = "backtraces")]
    fn join_group(&mut self, member: crate::store::group::Member) {
        if self.claim.cell().index() != SHARED {
            self.claim.cell().set_member(member);
            self.thread().join_group(member);
        }
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        let slot = self.claim.thread().slot;
        if slot.front.errands() != 0 {
            return leave_with_errands(self.claim.cell(), slot);
        }
        // Release pairs with the Acquire in `join`: the event is done.
        slot.inside.store(0, Ordering::Release);
    }
}

/// Leaves the hook, then runs the errands: they wait for the allocator's locks, whose holders may
/// wait for a thread that is inside.
#[cold]
#[inline(never)]
fn leave_with_errands(cell: &'static ThreadCell, slot: &'static ThreadSlot) {
    let session = session::get();
    let wish = session.and_then(|session| slot.front.take_wish(session.heap()));
    #[cfg(feature = "backtraces")]
    let wants_resident = slot.front.take_errand(TAKE_RESIDENT);
    let is_shared = cell.index() == SHARED;
    #[cfg(feature = "backtraces")]
    let bounds = cell.bounds();
    let number = if cell.end_rounds() == 0 { SLOTLESS } else { ENDED };
    // Release pairs with the Acquire in `join`: the event is done.
    slot.inside.store(0, Ordering::Release);
    if is_shared {
        // The next thread that waits for the shared slot has it from here on.
        set_number(number);
        slot.in_use.open();
    }
    #[cfg(feature = "backtraces")]
    if let Some(session) = session.filter(|_| !is_shared) {
        if let Some(live) = wish {
            (session.note_state)(session, live, bounds);
        }
        if wants_resident {
            timeline::note_resident(session);
        }
    }
    #[cfg(not(feature = "backtraces"))]
    let _nobody_asks = wish;
}

/// Another thread is setting up this one's front for a new mode: this one stays outside until that
/// is done.
#[cold]
fn adopt_mode(slot: &ThreadSlot, heap: &Heap) {
    #[cfg(not(feature = "preload"))]
    profiler_thread::start_where_needed(&slot.front);
    let mut turn = 0;
    while !slot.front.is_current(heap) {
        slot.inside.store(0, Ordering::Release);
        wait_turn(&mut turn);
        drop(heap.lock.lock());
        slot.inside.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }
}

/// Makes the calling thread a member of a group, registering it if it has had no event yet.
#[cfg(feature = "backtraces")]
pub(crate) fn join_group(session: &'static Session, member: crate::store::group::Member) {
    if let Ok(mut inside) = Inside::enter(session) {
        inside.join_group(member);
    }
}

/// The calling thread's part in a group.
#[cfg(feature = "backtraces")]
pub(crate) fn member() -> crate::store::group::Member {
    ThreadCell::current().map(ThreadCell::member).unwrap_or_default()
}

/// The bounds of the calling thread's stack; both 0 where they are not known, or the thread has no
/// slot of its own.
#[cfg(feature = "backtraces")]
pub(crate) fn bounds() -> (u64, u64) {
    let cell = ThreadCell::current().filter(|cell| cell.index() != SHARED);
    cell.map_or((0, 0), ThreadCell::bounds)
}

/// Work of the profiler's in the middle of which a signal handler runs.
#[cfg(feature = "preload")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupted {
    Nothing,
    /// An event in this slot.
    Hook(ThreadIndex),
    /// Work outside the hook, or the way into it.
    Profiler,
}

/// The profiler's work that the calling thread is in the middle of.
#[cfg(feature = "preload")]
pub(crate) fn interrupted() -> Interrupted {
    let Some(cell) = ThreadCell::current() else {
        let is_at_work = matches!(current::number(), BUSY | PROFILER | AT_WORK);
        return if is_at_work { Interrupted::Profiler } else { Interrupted::Nothing };
    };
    let is_inside = |slot: &ThreadSlot| slot.inside.load(Ordering::Relaxed) != 0;
    match cell.slot().filter(|slot| is_inside(slot)) {
        Some(_) => Interrupted::Hook(cell.index()),
        None => Interrupted::Nothing,
    }
}

/// The index of the calling thread's slot.
pub(crate) fn current_index() -> Option<ThreadIndex> {
    ThreadCell::current().map(ThreadCell::index)
}

#[cfg(all(test, feature = "dhat-compat"))]
#[path = "inside_tests.rs"]
mod tests;
