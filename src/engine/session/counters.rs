//! The session's part in a build without stacks: the thread slots alone.

use core::ptr::NonNull;

use crate::base::os;
use crate::base::os::clock::Clock;
use crate::base::settings::Settings;
use crate::engine::session::{Calls, Session};
use crate::store::layout::{Geometry, Header, Region};
use crate::store::mapping::Mapping;
use crate::store::thread_slot::{SLOTS, ThreadSlot};

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Parts;

pub(super) fn prepare(_settings: &Settings) {}

pub(super) fn room_for_threads() -> u32 {
    u32::MAX
}

pub(super) fn describe(_header: &Header) {}

/// True if there is room for so many thread slots: all have it from the start.
pub(crate) fn has_room_for_threads(_slots: u32) -> bool {
    true
}

/// Forked children go on with the memory of their parent.
pub(crate) fn keep_from_children(_memory: NonNull<u8>, _len: usize) {}

/// A forked child records what its parent does.
pub(crate) fn is_muted() -> bool {
    false
}

/// No reader of this recording asks for the time.
pub(crate) fn note_moment(_session: &Session) {}

/// No stack is walked.
pub(crate) fn stack_bounds() -> Option<(u64, u64)> {
    None
}

/// The session of a described mapping.
pub(super) fn open(
    mapping: Mapping,
    _settings: Settings,
    clock: Clock,
    calls: Calls,
) -> Option<Session> {
    // SAFETY: the region holds this type, of atomics, valid when zeroed.
    let slots = unsafe { mapping.region::<ThreadSlot>(Region::Threads) };
    let thread_end = os::ThreadEnd::new(calls.thread_ends);
    Some(Session { header: mapping.header(), slots, thread_end, clock, parts: Parts })
}

pub(super) fn map(settings: &Settings) -> Option<(Mapping, Settings)> {
    let geometry = Geometry([SLOTS, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let base = os::reserve(geometry.offsets().1)?;
    // SAFETY: zeroed, page-aligned, of that size, never given back.
    Some((unsafe { Mapping::initialize(base, &geometry) }, *settings))
}
