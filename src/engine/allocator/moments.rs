//! The state near the heap's peak and at the end, in the recording.
//!
//! Near the peak means: at the event that first shrinks the heap after a maximum, or raises the
//! number of blocks to a new one. Two conditions hold back: the heap must have 1/16 more live bytes
//! than when the state was taken down last, and taking states down must have cost less than 1 % of
//! the time since the start, plus 50 µs. Taking it down at every peak would cost too much: a heap
//! that goes up and down is at a peak at each event.
//!
//! # Where it is safe
//!
//! The allocators' functions for figures take the allocators' locks. At an allocation or a free
//! this thread is outside the allocator, so the holder of such a lock goes on and releases it.
//! There is one exception: a signal handler that has interrupted the allocator in this thread, and
//! allocates. That is against the rules and often goes well. So before calling those functions the
//! profiler walks the stack to its end. If the stack goes through a signal's frame, or its end is
//! not found, the profiler does not call them, neither at a peak nor at the end (a handler may call
//! `exit`). While they run, this thread handles no signal, holds no lock of the profiler, and is
//! not inside the hook, where other threads would wait for it.
//!
//! The walk itself reads nothing but the thread's own stack: it begins with the registers of a
//! frame that waits for it, it goes on only where that frame's stack pointer lies within the
//! thread's bounds, and each step reads words between the frame's stack pointer and the stack's
//! end, and ends outward of it.

use crate::base::current::profiler_bytes;
use crate::base::os;
use crate::base::settings::Unwind;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::capture::own_stack::OwnStack;
use crate::capture::registers::{Registers, with_callers_registers};
use crate::capture::rule::Rule;
use crate::capture::walk::{Memory, Rules, Step, step};
use crate::engine::allocator::collect_quickly;
use crate::engine::allocator::process;
use crate::engine::session::Session;
use crate::engine::{inside, session, work};
use crate::recording::heap_moment::HeapMoment;
use crate::recording::heap_state::{HeapState, ProcessMemory};
use crate::store::layout::{FIGURES, HeapMoment as MomentWords};

/// The share of the run time that taking states down may cost: 1 in this many.
const SHARE: u64 = 100;
/// Nanoseconds that it may take in any case.
const ALLOWANCE: u64 = 50_000;
/// Frames that are walked to find a stack's end.
const MOST_FRAMES: usize = 1 << 14;

/// 1: a thread is taking a state down.
static BUSY: AtomicU32 = AtomicU32::new(0);
/// Nanoseconds of processors' time that taking states down has taken.
static SPENT: AtomicU64 = AtomicU64::new(0);
/// States near the peak that were taken down.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Takes the state down near a peak, if it may be asked for here: the calling thread is outside the
/// hook, has been asked to do so with `live` bytes live, and has a stack with these bounds.
pub(crate) fn note_peak_if_safe(session: &'static Session, live: i64, bounds: (u64, u64)) {
    let started = os::thread_nanos();
    // One thread at a time: the heap asks again. And a child of an unannounced fork has the
    // recording of its parent. SAFETY: the bounds that this thread began with.
    let is_outside = unsafe { is_outside_allocator(bounds) };
    if !is_outside || !session.is_this_process() || BUSY.swap(1, Ordering::Acquire) != 0 {
        return;
    }
    if let Some(_held) = os::SignalsHeld::new() {
        note_peak(session, live);
    }
    let spent = os::thread_nanos().saturating_sub(started);
    let all = SPENT.fetch_add(spent, Ordering::Relaxed) + spent;
    // The next time is likely to take as long.
    let due = (all + spent).saturating_sub(ALLOWANCE).saturating_mul(SHARE);
    session.heap().state_taken(live, units(session, due));
    BUSY.store(0, Ordering::Release); // pairs with the Acquire above
}

/// Nanoseconds since the start, in clock units.
fn units(session: &Session, nanos: u64) -> u64 {
    let started = session.header.process.started_nanos.load(Ordering::Relaxed);
    let passed = os::monotonic_nanos().saturating_sub(started).max(1);
    let units = u128::from(nanos) * u128::from(session.clock.now()) / u128::from(passed);
    u64::try_from(units).unwrap_or(u64::MAX)
}

/// Forgets the states that were taken down: they belong to no open window.
#[cfg(feature = "dhat-compat")]
pub(crate) fn forget(session: &Session) {
    for peak in &session.header.states.peaks {
        peak.number.store(0, Ordering::Relaxed);
    }
}

/// The state now, in full, for a report that this process makes. It carries no time: the caller
/// knows it.
pub(crate) fn now(session: &Session) -> HeapMoment {
    let state = crate::engine::allocator::collect();
    HeapMoment {
        micros: 0,
        requested_bytes: live(session).max(0).cast_unsigned(),
        profiler_bytes: profiler_bytes(),
        state,
        process: state.map_or_else(process::process, |state| state.process),
    }
}

fn note_peak(session: &Session, live: i64) {
    let number = TAKEN.fetch_add(1, Ordering::Relaxed) + 1;
    let Some(place) = session.header.states.peaks.get(number as usize % 2) else { return };
    let process = process::now();
    let of_program = |bytes: u64| bytes.saturating_sub(work::bytes());
    let process = ProcessMemory { anonymous: process.anonymous.map(of_program), ..process };
    write(place, number, session.clock.now(), live, collect_quickly(), process);
}

/// Notes the state at the end of the process, unless that was done or the recording is another
/// process's.
pub(crate) fn note_end(session: &Session) {
    let place = &session.header.states.end;
    if !session.is_this_process() || place.number.load(Ordering::Relaxed) != 0 {
        return;
    }
    // SAFETY: the calling thread's bounds, or none.
    let is_safe = unsafe { is_outside_allocator(inside::bounds()) };
    let state = if is_safe { collect_quickly() } else { None };
    write(place, 1, session.clock.now(), live(session), state, process::process());
}

/// Bytes that the program has live.
fn live(session: &Session) -> i64 {
    let sole = session.heap().sole_thread();
    let front = sole.and_then(|index| session.slot(index)).map(|slot| &slot.front);
    session.heap().live(front)
}

/// Takes the moment down at `place`; `units` is the time.
pub(crate) fn write(
    place: &MomentWords,
    number: u64,
    units: u64,
    live: i64,
    state: Option<HeapState>,
    process: ProcessMemory,
) {
    place.number.store(0, Ordering::Relaxed);
    // Pairs with the reader's Acquire fence: new figures are not taken for old ones.
    fence(Ordering::Release);
    place.units.store(units, Ordering::Relaxed);
    place.requested.store(live.max(0).cast_unsigned(), Ordering::Relaxed);
    place.own.store(profiler_bytes(), Ordering::Relaxed);
    let allocator = state.map_or(0, |state| state.allocator.code());
    place.allocator.store(allocator, Ordering::Relaxed);
    let figures = figures(state, process);
    let mut known = 0;
    for (index, (word, figure)) in place.figures().zip(figures).enumerate() {
        word.store(figure.unwrap_or(0), Ordering::Relaxed);
        known |= u32::from(figure.is_some()) << index;
    }
    place.known.store(known, Ordering::Relaxed);
    // Release pairs with the Acquire of the reader: all of the moment is seen.
    place.number.store(number, Ordering::Release);
}

fn figures(state: Option<HeapState>, process: ProcessMemory) -> [Option<u64>; FIGURES] {
    let of = |figure: fn(HeapState) -> Option<u64>| state.and_then(figure);
    [
        of(|state| state.allocated),
        of(|state| state.active),
        of(|state| state.resident),
        of(|state| state.mapped),
        of(|state| state.retained),
        of(|state| state.arenas),
        process.resident,
        process.peak_resident,
        process.anonymous,
    ]
}

/// True if the calling thread, whose stack has these bounds, is in no signal handler, and so cannot
/// have interrupted the allocator.
///
/// # Safety
///
/// The bounds must be those of the calling thread's stack; both 0, where they are not known.
unsafe fn is_outside_allocator(bounds: (u64, u64)) -> bool {
    // SAFETY: the caller's bounds. The function adds the registers of this frame, which waits for
    // it.
    unsafe { walks_to_its_end(bounds.0, bounds.1, 0) }
}

with_callers_registers! {
    /// True if the walk of the stack between two addresses reaches the end and meets no signal's
    /// frame.
    ///
    /// # Safety
    ///
    /// The addresses must be the first of the calling thread's stack and one past the last, or both
    /// 0.
    walks_to_its_end(u64, u64, u64) -> bool => walk
}

/// # Safety
///
/// As for [`walks_to_its_end`]; the registers must be those of a frame that waits for this call.
unsafe extern "C" fn walk(low: u64, high: u64, _spare: u64, pc: u64, sp: u64, bp: u64) -> bool {
    let Some(session) = session::get() else { return false };
    if !(low..high).contains(&sp) {
        return false;
    }
    // SAFETY: the caller's promise, and the stack pointer is within the bounds: from there to
    // `high` lies this thread's stack, and the frame does not return before this function does. No
    // capture is remembered.
    let memory = unsafe { OwnStack::new(high) };
    let rules = session.rules();
    let mut at = Registers { pc, sp, bp };
    for _ in 0..MOST_FRAMES {
        // By the tables, whatever the setting: frame pointers may lead past a signal's frame.
        let rule = match session.settings.unwind {
            Unwind::FramePointers => rules.unpacked(at.pc).pack(),
            _ => rules.rule(at.pc),
        };
        let is_known = match rule.unpack() {
            Some(Rule::Signal) => return false,
            Some(Rule::Unknown) => false,
            _ => true,
        };
        match step(&at, rule, &memory, &rules) {
            Step::Outward(outer, _) if is_known || is_small(at.sp, outer.sp, &memory, &rules) => {
                at = outer;
            }
            Step::End(..) => return true,
            _ => return false,
        }
    }
    false
}

/// True if no signal's frame lies between two frames that only the frame pointer connects.
/// Functions that call libraries' destructors have such frames.
fn is_small(from: u64, to: u64, memory: &OwnStack, rules: &impl Rules) -> bool {
    /// Less than a signal's frame has.
    const MOST_BYTES: u64 = 256;
    to.wrapping_sub(from) <= MOST_BYTES
        && (from..to).step_by(8).all(|address| {
            let word = memory.word(address, from);
            word.is_some_and(|word| rules.unpacked(word) != Rule::Signal)
        })
}
