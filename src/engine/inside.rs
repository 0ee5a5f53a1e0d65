//! `Inside`: the proof that this thread is inside the hook, once.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use crate::base::current::{self, BUSY, ENDED, NEW, PROFILER, SLOTLESS, set_number};
use crate::base::os;
use crate::base::sync::{AtomicPtr, Ordering, compiler_fence, wait_turn};
#[cfg(feature = "counters")]
use crate::engine::beginnings;
#[cfg(all(feature = "counters", not(feature = "preload")))]
use crate::engine::dump_thread;
use crate::engine::session;
use crate::engine::session::Session;
use crate::engine::thread::Thread;
use crate::store::peak::{Heap, SHARED_SLOT};
#[cfg(feature = "backtraces")]
use crate::store::space::{Part, SPACE};
use crate::store::thread_slot::{SHARED, SLOTS, ThreadSlot, claim};

/// The threads' states, by slot; kept for the next thread in the slot.
static STATES: [AtomicPtr<Thread>; SLOTS] = [const { AtomicPtr::new(ptr::null_mut()) }; SLOTS];

/// See the module's description. Leaves the hook when dropped.
#[derive(Debug)]
pub(crate) struct Inside {
    thread: NonNull<Thread>,
}

/// Why an event is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    /// The thread is inside the hook already.
    Reentrant,
    /// The event is the profiler's.
    Profiler,
}

impl Inside {
    /// Goes inside the ordinary way: the thread has a slot and is not inside. `None`: use
    /// [`enter`](Self::enter), which finds out why not.
    #[inline(always)]
    pub(crate) fn enter_fast(session: &'static Session) -> Option<Inside> {
        let thread = current::state::<Thread>()?;
        let slot = slot_of(thread)?;
        if slot.inside.load(Ordering::Relaxed) != 0 {
            return None;
        }
        slot.inside.store(1, Ordering::Relaxed);
        // The processor may still delay the store; see the module description of `heap`, whose
        // barrier in all threads is this fence's partner.
        compiler_fence(Ordering::SeqCst);
        if !slot.front.is_current(session.heap()) {
            adopt_mode(thread, session.heap());
        }
        Some(Inside { thread })
    }

    /// Goes inside, unless this thread is there already.
    #[cold]
    #[inline(never)]
    pub(crate) fn enter(session: &'static Session) -> Result<Inside, Outside> {
        match current::number() {
            NEW => register(session, bounds_of_stranger),
            BUSY => Err(Outside::Reentrant),
            PROFILER => Err(Outside::Profiler),
            number @ (SLOTLESS | ENDED) => enter_shared(session, number == ENDED),
            _ if is_wiped() => {
                // A child of a fork that told nobody: what it has of the recording is its parent's.
                set_number(PROFILER);
                Err(Outside::Profiler)
            }
            _ => Self::enter_fast(session).ok_or(Outside::Reentrant),
        }
    }

    /// The thread's state. Only one `Inside` exists per thread, so nobody else has it.
    #[inline(always)]
    pub(crate) fn thread(&mut self) -> &mut Thread {
        // SAFETY: the state is initialised and never freed; exclusive as said above.
        unsafe { self.thread.as_mut() }
    }
}

impl Drop for Inside {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the state is initialised and never freed.
        let thread = unsafe { self.thread.as_ref() };
        if thread.slot.front.errands() != 0 {
            return leave_with_errands(thread);
        }
        // Release pairs with the Acquire in `join`: the event is done.
        thread.slot.inside.store(0, Ordering::Release);
    }
}

/// Leaves the hook and then does what is to be done without it: who waits for a lock of the allocator's
/// must not be waited for by somebody who has it.
#[cold]
#[inline(never)]
fn leave_with_errands(thread: &Thread) {
    let wish = thread.slot.front.take_wish();
    #[cfg(feature = "backtraces")]
    let (is_shared, bounds) = (thread.index == SHARED, thread.bounds);
    // Release pairs with the Acquire in `join`: the event is done.
    thread.slot.inside.store(0, Ordering::Release);
    if thread.index == SHARED {
        leave_shared(thread);
    }
    #[cfg(feature = "backtraces")]
    if let Some(live) = wish.filter(|_| !is_shared)
        && let Some(session) = session::get()
    {
        (session.note_state)(session, live, bounds);
    }
    #[cfg(not(feature = "backtraces"))]
    let _nobody_asks = wish;
}

/// Gives the shared slot to the next thread that waits for it.
#[cold]
fn leave_shared(thread: &Thread) {
    set_number(if thread.end_rounds == 0 { SLOTLESS } else { ENDED });
    thread.slot.in_use.open();
}

/// A state's slot; `None` if the state was wiped, see [`os::files::wipe_on_fork`].
#[inline(always)]
fn slot_of(thread: NonNull<Thread>) -> Option<&'static ThreadSlot> {
    // SAFETY: a state is mapped as long as the process; no reference to it is made here, because it
    // may be in use further down this thread's stack.
    let slot = unsafe { &raw const (*thread.as_ptr()).place.slot };
    // SAFETY: the slot is shared, so reading it is sound. An `Option` of a reference has the
    // reference's layout; what was wiped is `None`.
    unsafe { slot.cast::<Option<&'static ThreadSlot>>().read() }
}

/// Whether the thread's state is gone: the kernel empties it in a forked child.
#[cold]
fn is_wiped() -> bool {
    current::state::<Thread>().is_some_and(|thread| slot_of(thread).is_none())
}

/// Another thread is setting this one's front up for a new mode: stays outside until that is done.
#[cold]
fn adopt_mode(thread: NonNull<Thread>, heap: &Heap) {
    let Some(slot) = slot_of(thread) else { return };
    #[cfg(all(feature = "counters", not(feature = "preload")))]
    dump_thread::start_where_needed(&slot.front);
    let mut turn = 0;
    while !slot.front.is_current(heap) {
        slot.inside.store(0, Ordering::Release);
        wait_turn(&mut turn);
        drop(heap.lock.lock());
        slot.inside.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }
}

/// Where the calling thread's stack is, when its first event may be one in the middle of the C library.
fn bounds_of_stranger() -> (u64, u64) {
    #[cfg(feature = "preload")]
    {
        let here = 0_u64;
        os::stack::bounds_around((&raw const here).addr() as u64).unwrap_or((0, 0))
    }
    #[cfg(not(feature = "preload"))]
    bounds_of_thread()
}

/// Where the calling thread's stack is. The C library may allocate for the answer.
fn bounds_of_thread() -> (u64, u64) {
    #[cfg(feature = "backtraces")]
    return os::stack_bounds().unwrap_or((0, 0));
    #[cfg(not(feature = "backtraces"))]
    (0, 0)
}

/// The same where a thread may be another one at each event: what is on its stack is copied first.
fn bounds_of_guest() -> (u64, u64) {
    if cfg!(feature = "preload") { (0, 0) } else { bounds_of_thread() }
}

/// Registers the calling thread, which is just beginning, before its first event. `stack`: the size of
/// its stack, if it is not the first thread.
#[cfg(feature = "preload")]
pub(crate) fn begin_thread(session: &'static Session, stack: Option<usize>) {
    if current::number() == NEW {
        drop(register(session, || stack.map_or_else(bounds_of_stranger, os::stack::bounds_of_new)));
    }
}

/// The thread's first event: finds a slot.
fn register(
    session: &'static Session,
    bounds: impl FnOnce() -> (u64, u64),
) -> Result<Inside, Outside> {
    set_number(PROFILER);
    #[cfg(feature = "backtraces")]
    if session::is_muted() {
        return Err(Outside::Profiler);
    }
    #[cfg(feature = "backtraces")]
    let _errno = os::KeepErrno::new();
    #[cfg(feature = "backtraces")]
    session::note_moment(session);
    #[cfg(feature = "backtraces")]
    let room = |slots| SPACE.has(Part::Threads, slots);
    #[cfg(not(feature = "backtraces"))]
    let room = |_| true;
    #[cfg(all(feature = "counters", not(feature = "preload")))]
    dump_thread::start_anyway();
    let index = claim(session.slots, &session.header.process.threads, room);
    let Some((index, thread)) = index.and_then(|index| Some((index, state(session, index)?)))
    else {
        set_number(SLOTLESS);
        return enter_shared(session, false);
    };
    let bounds = bounds();
    // SAFETY: the slot is this thread's alone, and so is its state.
    let begin = || unsafe { &mut *thread.as_ptr() }.begin(bounds);
    #[cfg(feature = "counters")]
    if let Some(slot) = session.slot(index) {
        beginnings::begin(index, slot, begin);
    }
    #[cfg(not(feature = "counters"))]
    begin();
    join(session, index);
    if let Some(key) = session.thread_end {
        key.set(thread.as_ptr().cast());
    }
    current::set_state(thread);
    Inside::enter_fast(session).ok_or(Outside::Reentrant)
}

fn join(session: &'static Session, index: u32) {
    let Some(slot) = session.slot(index) else { return };
    session.heap().join(
        &slot.front,
        index,
        || {
            os::barrier_in_all_threads();
        },
        |sole| {
            let slot = session.slot(sole)?;
            let mut turn = 0;
            // Acquire pairs with the Release when the thread leaves the hook: its event is seen.
            while slot.inside.load(Ordering::Acquire) != 0 {
                wait_turn(&mut turn);
            }
            Some(&slot.front)
        },
        session.used_slots().map(|(_, slot)| &slot.front),
    );
}

/// The slot's state, made if the slot is used for the first time.
fn state(session: &'static Session, index: u32) -> Option<NonNull<Thread>> {
    let entry = STATES.get(index as usize)?;
    // Acquire pairs with the Release below, though the slot's own exchange has done so already.
    if let Some(thread) = NonNull::new(entry.load(Ordering::Acquire)) {
        return Some(thread);
    }
    let thread = os::reserve(size_of::<Thread>())?.cast::<Thread>();
    // SAFETY: zeroed memory of the right size, for this slot alone.
    unsafe { Thread::initialize(thread, session, index)? };
    #[cfg(feature = "backtraces")]
    if SPACE.is_in_file() {
        os::files::wipe_on_fork(thread.cast(), size_of::<Thread>());
    }
    entry.store(thread.as_ptr(), Ordering::Release);
    Some(thread)
}

/// Uses the slot that all threads without one share. `ended`: the thread had one.
fn enter_shared(session: &'static Session, ended: bool) -> Result<Inside, Outside> {
    let Some(slot) = session.slot(SHARED) else { return Err(Outside::Reentrant) };
    set_number(BUSY);
    let held = slot.in_use.lock();
    let Some(thread) = state(session, SHARED) else {
        set_number(if ended { ENDED } else { SLOTLESS });
        return Err(Outside::Reentrant);
    };
    let bounds = bounds_of_guest();
    // SAFETY: the lock is held, so the state is this thread's alone.
    let state = unsafe { &mut *thread.as_ptr() };
    state.begin(bounds);
    state.end_rounds = u32::from(ended);
    if slot.front.is_unused() {
        session.header.process.threads.fetch_max(SHARED + 1, Ordering::Relaxed);
        slot.front.add_errands(SHARED_SLOT);
        join(session, SHARED);
    }
    slot.losses.threads_overflowed.add(u64::from(!ended));
    slot.inside.store(1, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst);
    if !slot.front.is_current(session.heap()) {
        adopt_mode(thread, session.heap());
    }
    core::mem::forget(held); // opened by `leave_shared`
    Ok(Inside { thread })
}

/// Runs when a thread ends, after the destructors of its thread-locals.
pub(crate) unsafe extern "C" fn thread_ends(value: *mut c_void) {
    let Some(session) = session::get() else { return };
    let thread = value.cast::<Thread>();
    // SAFETY: the value was set by `register` of this very thread, which is outside the hook here.
    let thread = unsafe { &mut *thread };
    thread.end_rounds += 1;
    // Other keys' destructors may still allocate: stay until the last round.
    if let Some(key) = session.thread_end
        && thread.end_rounds < os::THREAD_END_ROUNDS
    {
        return key.set(value);
    }
    set_number(ENDED);
    #[cfg(feature = "backtraces")]
    thread.member.end(session.groups);
    session.heap().leave(&thread.slot.front);
    #[cfg(feature = "counters")]
    beginnings::end(thread.index);
    thread.slot.leave();
    #[cfg(all(feature = "counters", not(feature = "preload")))]
    dump_thread::thread_ended();
}

/// A forked child goes on with this thread alone: makes its state anew where it was wiped.
#[cfg(feature = "backtraces")]
pub(crate) fn rebuild_in_child(session: &'static Session) {
    let thread = current::state::<Thread>();
    let index = STATES.iter().position(|state| {
        thread.is_some_and(|thread| state.load(Ordering::Relaxed) == thread.as_ptr())
    });
    for (entry, place) in STATES.iter().enumerate() {
        let Some(state) = NonNull::new(place.load(Ordering::Relaxed)) else { continue };
        // SAFETY: the states are this process's own memory, and this thread is its only one.
        let made = unsafe { Thread::initialize(state, session, entry as u32) };
        if made.is_some() && Some(entry) == index {
            let bounds = bounds_of_stranger();
            // SAFETY: initialised just now.
            unsafe { &mut *state.as_ptr() }.begin(bounds);
        }
    }
}

/// Makes the calling thread a member of a group, registering it if it has had no event yet.
#[cfg(feature = "backtraces")]
pub(crate) fn join_group(session: &'static Session, member: crate::store::group::Member) {
    let inside = Inside::enter_fast(session).ok_or(()).or_else(|()| Inside::enter(session));
    if let Ok(mut inside) = inside
        && inside.thread().index != SHARED
    {
        inside.thread().join_group(member);
    }
}

/// The calling thread's part in a group.
#[cfg(feature = "backtraces")]
pub(crate) fn member() -> crate::store::group::Member {
    let thread = current::state::<Thread>();
    // SAFETY: above the numbers it is a state, which is never freed; the member is this thread's.
    thread.map(|thread| unsafe { thread.as_ref() }.member).unwrap_or_default()
}

/// Where the calling thread's stack is; both 0 where that is not known, or the thread has no slot of its own.
#[cfg(feature = "backtraces")]
pub(crate) fn bounds() -> (u64, u64) {
    let thread = current::state::<Thread>();
    // SAFETY: above the numbers it is a state, which is never freed; the bounds are this thread's.
    let state = thread.map(|thread| unsafe { thread.as_ref() });
    state.filter(|state| state.index != SHARED).map_or((0, 0), |state| state.bounds)
}

/// The index of the calling thread's slot.
pub(crate) fn current_index() -> Option<u32> {
    let thread = current::state::<Thread>()?;
    // SAFETY: above the numbers it is a state, which is never freed.
    Some(unsafe { thread.as_ref() }.index)
}
