//! Calls of the system that the program makes itself: what it maps, and what it forbids itself.

use core::ops::Range;

use super::{Forbids, Kind, Prepared, Recorder};
use crate::base::current;
use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::inside::Inside;
use crate::engine::session::Session;
use crate::engine::{inside, mappings, sandbox, stack_site};
use crate::store::group::NO_GROUP;
use crate::store::ids::GroupId;

impl Recorder {
    /// True if the program's own mappings are recorded.
    #[must_use]
    pub fn records_mappings(self) -> bool {
        !self.0.mappings.is_empty()
    }

    /// Records that memory was mapped. Its call's stack begins with the caller.
    #[inline(never)]
    pub fn mapped(self, range: Range<usize>, kind: Kind) {
        let mapping = Mapping { range, kind };
        // SAFETY: the mapping outlives the call.
        unsafe { note_mapped(self.0, &mapping, 0) };
    }

    /// Records that a range is not mapped any more, if `call` unmaps it.
    pub fn unmapped(self, range: Range<usize>, call: impl FnOnce() -> bool) {
        mappings::unmapped(self.0, range, call);
    }

    /// Records that what was mapped at a range is at another, which `call` gives, if it was moved
    /// or resized. `is_copy`: it stays where it was, too.
    pub fn moved(
        self,
        from: Range<usize>,
        is_copy: bool,
        call: impl FnOnce() -> Option<Range<usize>>,
    ) {
        mappings::moved(self.0, from, is_copy, call);
    }

    /// The group of a thread that the caller is about to start: the caller's, unless the call's
    /// stack is apart from it.
    #[inline(never)]
    #[must_use]
    pub fn group_of_new_thread(self) -> NewThread {
        let mut group = inside::member().group;
        if group == NO_GROUP {
            return NewThread::Free;
        }
        // SAFETY: the number outlives the call.
        unsafe { find_group(self.0, &mut group, 0) };
        if group == NO_GROUP { NewThread::Apart } else { NewThread::InGroup(group.number()) }
    }

    /// Makes ready for a process that is about to forbid itself something.
    pub fn will_forbid(self, forbids: Forbids) -> Prepared {
        let interrupted = inside::interrupted();
        current::as_profiler(|| sandbox::prepare(self.0, forbids, interrupted))
    }

    /// The kernel has refused it: all is as before.
    pub fn take_back(self, prepared: Prepared) {
        sandbox::take_back(self.0, prepared);
    }
}

/// The part of a new thread in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewThread {
    /// Its creator is in no group.
    Free,
    InGroup(u32),
    /// It is in no group, and begins none: it serves all.
    Apart,
}

struct Mapping {
    range: Range<usize>,
    kind: Kind,
}

with_callers_registers! {
    /// Records a mapping, whose call's stack begins with the caller.
    note_mapped(&'static Session, &Mapping, usize) => record_mapped
}

unsafe extern "C" fn record_mapped(
    session: &'static Session,
    mapping: &Mapping,
    _spare: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    mappings::mapped(session, mapping.range.clone(), mapping.kind, Registers { pc, sp, bp });
}

with_callers_registers! {
    /// Sets the group of a thread that is about to be started, by a stack that begins with the
    /// caller.
    find_group(&'static Session, &mut GroupId, usize) => group_by_stack
}

unsafe extern "C" fn group_by_stack(
    session: &'static Session,
    group: &mut GroupId,
    _spare: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let Ok(mut inside) = Inside::enter(session) else { return };
    if let Some(found) = stack_site::group_of(inside.thread(), session, Registers { pc, sp, bp }) {
        *group = found;
    }
}
