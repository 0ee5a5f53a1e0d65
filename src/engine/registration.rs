//! How a thread gets its slot and its state, uses the shared slot without one, and ends.
//!
//! ```text
//!  NEW ──first event──▶ PROFILER ──slot found──▶ cell ──last destructor round──▶ ENDED
//!                           │                                                      │
//!                           └──no slot──▶ SLOTLESS ──each event──▶ BUSY ◀──each event
//! ```
//!
//! The words in capitals are states of [`current`]'s word. While a thread
//! registers, it counts as the profiler: the C library may allocate for the stack's bounds, and
//! those blocks are not the program's.
//!
//! # Slots and cells
//!
//! A slot lies in the recording, so that a reader finds the thread's numbers; its
//! [cell](ThreadCell) lies in separate memory, so that a child of a fork does not write its
//! parent's. Both stay for the next thread: numbers of ended threads remain in the slot.
//!
//! All threads that find no slot share the last one. Its lock makes them one thread after another;
//! it is taken before the event and opened after it, when the thread leaves the hook.
//!
//! # The end
//!
//! A thread's end is announced by a key's destructor. Destructors of other keys may allocate later,
//! so the key is set again until the C library's last round. Events after that go to the shared
//! slot.

use core::ffi::c_void;
#[cfg(feature = "backtraces")]
use core::ops::Range;
use core::ptr::{self, NonNull};

#[cfg(feature = "backtraces")]
use crate::base::current;
use crate::base::current::{BUSY, ENDED, PROFILER, SLOTLESS, set_number};
use crate::base::os;
use crate::base::sync::{AtomicPtr, Ordering, wait_turn};
use crate::engine::beginnings;
use crate::engine::inside::{Inside, Outside};
#[cfg(not(feature = "preload"))]
use crate::engine::profiler_thread;
use crate::engine::session::{self, Session};
use crate::engine::thread_cell::{Claim, ThreadCell};
use crate::store::ids::ThreadIndex;
use crate::store::peak::SHARED_SLOT;
#[cfg(feature = "preload")]
use crate::store::space::SPACE;
use crate::store::thread_slot::{SHARED, SLOTS, ThreadSlot, claim};

/// The threads' cells, by slot; kept for the next thread in the slot.
static CELLS: [AtomicPtr<ThreadCell>; SLOTS] = [const { AtomicPtr::new(ptr::null_mut()) }; SLOTS];

/// Registers the calling thread, which is just beginning, before its first event. `stack`: the size
/// of its stack, if it is not the first thread.
#[cfg(feature = "preload")]
pub(crate) fn begin_thread(session: &'static Session, stack: Option<usize>) {
    if current::number() == current::NEW {
        let bounds = || stack.map_or_else(bounds_of_stranger, os::stack::bounds_of_new);
        drop(register_with(session, bounds));
    }
}

/// The thread's first event: finds a slot. Without one the thread uses the shared slot, and the
/// loss is counted there.
pub(crate) fn register(session: &'static Session) -> Result<Inside, Outside> {
    register_with(session, bounds_of_stranger)
}

fn register_with(
    session: &'static Session,
    bounds: impl FnOnce() -> (u64, u64),
) -> Result<Inside, Outside> {
    set_number(PROFILER);
    if session::is_muted() {
        return Err(Outside::Profiler);
    }
    let _errno = os::KeepErrno::new();
    // A handler may wait for another thread, as that of a garbage collector does, and that thread
    // for the heap's lock.
    let _signals = os::SignalsHeld::new();
    session::note_moment(session);
    #[cfg(not(feature = "preload"))]
    profiler_thread::start_anyway();
    let Some((slot, mut claim)) = find_slot(session) else {
        set_number(SLOTLESS);
        if let Some(slot) = session.slot(SHARED) {
            slot.count_thread();
        }
        return enter_shared(session, false);
    };
    let (cell, bounds) = (claim.cell(), bounds());
    beginnings::begin(cell.index(), slot, session.heap(), || claim.begin(bounds));
    join(session, slot, cell.index());
    if let Some(key) = session.thread_end {
        key.set(ptr::from_ref(cell).cast_mut().cast());
    }
    cell.set_current();
    Inside::enter_fast(session).ok_or(Outside::Reentrant)
}

/// Claims a free slot for the calling thread; `None` if there is none, or no memory for its state.
fn find_slot(session: &'static Session) -> Option<(&'static ThreadSlot, Claim)> {
    let room = session::has_room_for_threads;
    let index = claim(session.slots, &session.header.process.threads, room)?;
    let (slot, cell) = (session.slot(index)?, cell(session, index)?);
    // SAFETY: the slot was claimed just now, and the cell is not yet the calling thread's.
    Some((slot, unsafe { Claim::new(cell) }))
}

/// Makes the slot's front a part of the heap's peaks. A thread that was alone until now may be
/// inside; its event is waited for, because a sole thread's peaks are kept in another way.
fn join(session: &'static Session, slot: &'static ThreadSlot, index: ThreadIndex) {
    session.heap().join(
        &slot.front,
        index,
        || {
            #[cfg(feature = "backtraces")]
            crate::base::changes::announce();
            os::barrier_in_all_threads();
        },
        |sole| {
            let slot = session.slot(sole)?;
            let mut turn = 0;
            // Acquire pairs with the Release when the thread leaves the hook: its event is seen.
            while slot.inside.load(Ordering::Acquire) != 0 {
                wait_turn(&mut turn);
            }
            #[cfg(feature = "backtraces")]
            crate::engine::timeline::mode_has_changed(session);
            Some(&slot.front)
        },
        session.used_slots().map(|(_, slot)| &slot.front),
    );
}

/// The slot's cell, made if the slot is used for the first time.
fn cell(session: &'static Session, index: ThreadIndex) -> Option<&'static ThreadCell> {
    let entry = CELLS.get(index.index())?;
    // Acquire pairs with the Release below, though the slot's own exchange has done so already.
    if let Some(cell) = NonNull::new(entry.load(Ordering::Acquire)) {
        // SAFETY: an initialized cell, which stays as long as the process.
        return Some(unsafe { cell.as_ref() });
    }
    let memory = os::reserve(size_of::<ThreadCell>())?.cast::<ThreadCell>();
    // SAFETY: zeroed memory of the right size, never given back, for this slot alone.
    let cell = unsafe { ThreadCell::initialize(memory, session, index) }?;
    session::keep_from_children(memory.cast(), size_of::<ThreadCell>());
    entry.store(memory.as_ptr(), Ordering::Release);
    Some(cell)
}

/// The memory of all cells.
#[cfg(feature = "backtraces")]
pub(crate) fn memory_of_cells() -> impl Iterator<Item = Range<usize>> {
    // Relaxed: the cells are not looked into.
    let start = |entry: &AtomicPtr<ThreadCell>| entry.load(Ordering::Relaxed).addr();
    let starts = CELLS.iter().map(start).filter(|start| *start != 0);
    starts.map(|start| start..start + size_of::<ThreadCell>())
}

/// Uses the slot that all threads without a slot share. `ended`: the thread once had a slot.
pub(crate) fn enter_shared(session: &'static Session, ended: bool) -> Result<Inside, Outside> {
    let Some(slot) = session.slot(SHARED) else { return Err(Outside::Reentrant) };
    set_number(BUSY);
    let held = slot.in_use.lock();
    let Some(cell) = open_shared(session, slot) else {
        set_number(if ended { ENDED } else { SLOTLESS });
        return Err(Outside::Reentrant);
    };
    cell.set_end_rounds(u32::from(ended));
    slot.losses.threads_overflowed.add(u64::from(!ended));
    core::mem::forget(held); // opened when the thread leaves the hook
    // SAFETY: as above; the claim has ended.
    Ok(unsafe { Inside::begin(cell, slot, session) })
}

/// Makes the shared slot ready for the calling thread, which holds its lock.
fn open_shared(
    session: &'static Session,
    slot: &'static ThreadSlot,
) -> Option<&'static ThreadCell> {
    let cell = cell(session, SHARED)?;
    // SAFETY: the lock is held, so this thread alone uses the slot, and it was not inside.
    unsafe { Claim::new(cell) }.begin(bounds_of_guest());
    if slot.front.is_unused() {
        session.header.process.threads.fetch_max(SHARED.number() + 1, Ordering::Relaxed);
        slot.front.add_errands(SHARED_SLOT);
        join(session, slot, SHARED);
    }
    Some(cell)
}

/// Makes the shared slot and those of the next threads ready before any thread needs them: for a
/// process in which none can be made later. The calling thread is outside the hook.
#[cfg(feature = "preload")]
pub(crate) fn prepare_threads(session: &'static Session) {
    const SPARE: u32 = 16;
    let used = session.used_slots().filter(|(index, _)| *index != SHARED).count() as u32;
    let ready = if session::has_room_for_threads(used + SPARE) { used + SPARE } else { used };
    for index in (0..ready).map(ThreadIndex::new) {
        SPACE.has_arena(index);
        cell(session, index);
    }
    if let Some(slot) = session.slot(SHARED) {
        SPACE.has_arena(SHARED);
        let _held = slot.in_use.lock();
        open_shared(session, slot);
    }
}

/// Runs when a thread ends, after the destructors of its thread-locals.
///
/// # Safety
///
/// `value` is the cell that the calling thread, which is outside the hook, has set for its end.
pub(crate) unsafe extern "C" fn thread_ends(value: *mut c_void) {
    let (Some(session), Some(cell)) = (session::get(), NonNull::new(value.cast::<ThreadCell>()))
    else {
        return;
    };
    // SAFETY: cells stay as long as the process.
    let cell = unsafe { cell.as_ref() };
    let Some(slot) = cell.slot() else { return };
    cell.set_end_rounds(cell.end_rounds() + 1);
    // Other keys' destructors may still allocate: stay until the last round.
    if let Some(key) = session.thread_end
        && cell.end_rounds() < os::THREAD_END_ROUNDS
    {
        return key.set(value);
    }
    // As in `register_with`.
    let _signals = os::SignalsHeld::new();
    set_number(ENDED);
    #[cfg(feature = "backtraces")]
    cell.member().end(session.groups);
    session.heap().leave(&slot.front);
    beginnings::end(cell.index());
    slot.leave();
    #[cfg(not(feature = "preload"))]
    profiler_thread::thread_ended();
}

/// In a forked child, which has this thread alone: makes the wiped cells anew.
#[cfg(feature = "backtraces")]
pub(crate) fn rebuild_in_child(session: &'static Session) {
    let current = current::state::<ThreadCell>();
    for (index, entry) in CELLS.iter().enumerate() {
        let Some(memory) = NonNull::new(entry.load(Ordering::Relaxed)) else { continue };
        // SAFETY: cells are this process's own memory, wiped, and this thread is its only one.
        let cell = unsafe { ThreadCell::initialize(memory, session, ThreadIndex::at(index)) };
        if let Some(cell) = cell.filter(|_| Some(memory) == current) {
            // SAFETY: the thread is in the handler of its fork: outside the hook.
            unsafe { Claim::new(cell) }.begin(bounds_of_stranger());
        }
    }
}

/// The bounds of the calling thread's stack, when its first event may be one in the middle of the C
/// library.
fn bounds_of_stranger() -> (u64, u64) {
    #[cfg(feature = "preload")]
    return os::stack::bounds_here().unwrap_or((0, 0));
    #[cfg(not(feature = "preload"))]
    bounds_of_thread()
}

/// The bounds of the calling thread's stack. The C library may allocate for the answer.
fn bounds_of_thread() -> (u64, u64) {
    session::stack_bounds().unwrap_or((0, 0))
}

/// The bounds for a slot whose thread may be another one at each event. Without bounds the stack is
/// copied before it is walked.
fn bounds_of_guest() -> (u64, u64) {
    if cfg!(feature = "preload") { (0, 0) } else { bounds_of_thread() }
}
