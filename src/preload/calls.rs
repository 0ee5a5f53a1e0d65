//! Calls of the system that the program makes itself: what it maps, and what it forbids itself.

use core::ops::Range;

use super::{Forbids, Kind, Prepared, Recorder};
use crate::base::current;
use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::session::Session;
use crate::engine::{inside, mappings, sandbox};

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
