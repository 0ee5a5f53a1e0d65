//! One recording per process: its start, the parts that every thread needs, fork and exit.
//!
//! ```text
//!  Undecided ──first block──▶ Making ──▶ Made ──▶ (exit: the report)
//!                                └─────▶ Refused  MOD_ALLOC=off, or no memory for the table
//! ```
//!
//! The decision falls before the first block and never changes, because it decides
//! whether blocks have trailers.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use crate::base::os;
use crate::base::os::clock::Clock;
use crate::base::settings::Settings;
use crate::base::sync::once::{Aside, Once, Undecided};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};
use crate::store::ids::ThreadIndex;
use crate::store::layout::Header;
use crate::store::peak::Heap;
use crate::store::thread_slot::{SHARED, ThreadSlot};

#[cfg(not(feature = "backtraces"))]
#[path = "session/counters.rs"]
mod parts;
#[cfg(feature = "backtraces")]
#[path = "session/stacks.rs"]
mod parts;

pub(crate) use parts::{
    has_room_for_threads, is_muted, keep_from_children, note_moment, stack_bounds,
};

static SESSION: Once<Session> =
    Once::new(AtomicU32::new(0), UnsafeCell::new(MaybeUninit::uninit()));

/// The parts of the recording that the hook needs, shared by all threads.
#[derive(Debug)]
pub(crate) struct Session {
    /// The beginning of the recording: totals, peaks, settings, losses that belong to no thread.
    pub(crate) header: &'static Header,
    /// All slots, used or not.
    pub(crate) slots: &'static [ThreadSlot],
    /// The key that announces a thread's end; `None`: the system had no key left.
    pub(crate) thread_end: Option<os::ThreadEnd>,
    /// The clock of all events.
    pub(crate) clock: Clock,
    parts: parts::Parts,
}

impl core::ops::Deref for Session {
    type Target = parts::Parts;

    #[inline(always)]
    fn deref(&self) -> &parts::Parts {
        &self.parts
    }
}

impl Session {
    pub(crate) fn heap(&self) -> &'static Heap {
        &self.header.heap
    }

    /// The slots that have ever been used. A thread that takes one for the first time waits for the
    /// heap's lock before its first event. The shared slot lies behind the others; the slots
    /// between may have no space: then not even reading them is safe.
    pub(crate) fn used_slots(
        &self,
    ) -> impl Iterator<Item = (ThreadIndex, &'static ThreadSlot)> + use<> {
        let used = self.header.process.threads.load(Ordering::Relaxed);
        let own = used.min(SHARED.number()).min(parts::room_for_threads());
        let shared = (used > SHARED.number()).then_some(SHARED);
        let slots = self.slots;
        let indices = (0..own).map(ThreadIndex::new).chain(shared);
        indices.filter_map(move |index| Some((index, slots.get(index.index())?)))
    }

    /// The slot of the thread with this index.
    pub(crate) fn slot(&self, index: ThreadIndex) -> Option<&'static ThreadSlot> {
        self.slots.get(index.index())
    }
}

/// True until the process has had its first block.
#[cfg(feature = "dhat-compat")]
#[inline(always)]
pub(crate) fn is_undecided() -> bool {
    SESSION.get().is_err()
}

/// The session, or that the process is not recorded. A program with another allocator stays
/// undecided, whatever numbers it asks for.
///
/// # Errors
///
/// Undecided yet.
#[inline(always)]
pub(crate) fn decided() -> Result<Option<&'static Session>, Undecided> {
    SESSION.get()
}

/// As [`decided`], for the hook.
///
/// # Errors
///
/// Undecided yet, or the hook has to look for blocks of the profiler's work, too; or the session
/// takes samples.
#[inline(always)]
pub(crate) fn decided_for_hook() -> Result<Option<&'static Session>, Aside> {
    SESSION.get_unless_aside()
}

/// Has the hook look for blocks of the profiler's work, or no more.
#[cfg(all(feature = "symbolicate", not(feature = "preload")))]
pub(crate) fn set_aside(is_aside: bool) {
    SESSION.set_aside(is_aside, get().is_some_and(Session::is_sampled));
}

/// The session, if there is one by now.
#[inline(always)]
pub(crate) fn get() -> Option<&'static Session> {
    decided().unwrap_or(None)
}

/// The functions of upper layers that the session calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// Called when the process is not recorded; `true`: it was to be, but there is no memory.
    pub(crate) is_refused: fn(bool),
    /// Called when a thread that had events ends; the argument is its state.
    pub(crate) thread_ends: unsafe extern "C" fn(*mut c_void),
    /// Asks the calling thread to take down the allocator's state, at that many live bytes. The
    /// thread is outside the hook, and its stack has these bounds.
    #[cfg(feature = "backtraces")]
    pub(crate) note_state: fn(&'static Session, i64, (u64, u64)),
}

/// Decides if the process is recorded, unless that was done. `begin` runs once there is a session.
pub(crate) fn decide(calls: Calls, begin: fn()) -> Option<&'static Session> {
    SESSION.decide(|| make(calls), aside, begin)
}

/// Where the hook has another way for all events, or has to look at longer trailers.
#[cfg(feature = "backtraces")]
fn aside(session: &Session) -> Option<Aside> {
    let otherwise = session.is_sampled().then_some(Aside::Otherwise);
    otherwise.or(session.is_timed().then_some(Aside::Ask))
}

/// There is one way.
#[cfg(not(feature = "backtraces"))]
fn aside(_: &Session) -> Option<Aside> {
    None
}

/// Decides for the process. Allocations that libc makes meanwhile do not come to the hook.
fn make(calls: Calls) -> Option<Session> {
    let _errno = os::KeepErrno::new();
    let settings = Settings::from_environment();
    let session = if settings.on { open(&settings, calls) } else { None };
    if session.is_none() {
        (calls.is_refused)(settings.on);
    }
    session
}

/// Makes the mapping, describes the process in it, and opens its views.
fn open(settings: &Settings, calls: Calls) -> Option<Session> {
    parts::prepare(settings);
    let (mapping, settings) = parts::map(settings)?;
    let header = mapping.header();
    let clock = describe_process(header, &settings);
    let exact = settings.exact_peak || !os::register_barrier();
    header.heap.initialize(exact);
    parts::open(mapping, settings, clock, calls)
}

/// Says what the recording is of, and starts its clock.
fn describe_process(header: &Header, settings: &Settings) -> Clock {
    let process = &header.process;
    process.id.store(os::process_id(), Ordering::Relaxed);
    header.self_check.lifetimes.set(settings.lifetimes.into());
    header.late.sample.set(settings.sample);
    process.unwind.store(settings.unwind as u32, Ordering::Relaxed);
    process.frames.store(settings.frames, Ordering::Relaxed);
    process.buckets.store(settings.buckets.unwrap_or(0), Ordering::Relaxed);
    // Together, because their ratio is the rate of the clock. Not before the mapping is made: room
    // in a file may take longer than all that is recorded.
    let (clock, nanos) = Clock::start(settings.lifetimes);
    process.started_nanos.store(nanos, Ordering::Relaxed);
    process.started_units.store(clock.origin(), Ordering::Relaxed);
    parts::describe(header);
    clock
}
