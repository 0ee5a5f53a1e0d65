//! New blocks that have births, or are sampled.

use super::Recorder;
use crate::base::current;
use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::events;
use crate::engine::sampling;
use crate::engine::session::Session;
use crate::store::ids::SiteId;
use crate::store::trailer::at_end;

impl Recorder {
    /// As [`allocated`](Self::allocated), where blocks have births or are sampled.
    ///
    /// # Safety
    ///
    /// As for [`allocated`](Self::allocated).
    #[inline(always)]
    pub(super) unsafe fn allocated_specially(self, block: *mut u8, usable: usize, size: usize) {
        if self.0.is_timed() {
            let born = self.0.clock.now();
            // SAFETY: no preconditions.
            let site = unsafe { site_of_timed(self.0, born as usize, size) };
            // SAFETY: the caller's promise.
            return unsafe { at_end::write_timed(block, usable, size, site, born) };
        }
        // SAFETY: the word is this thread's.
        let number = match unsafe { sampling::passed(current::word(), size) } {
            Some(base) => base.number(),
            // SAFETY: no preconditions.
            None => unsafe { number_of_sampled(self.0, 0, size) },
        };
        // SAFETY: the caller's promise.
        unsafe { at_end::write(block, usable, size, number) };
    }
}

with_callers_registers! {
    /// The site of a block that was allocated at a time in clock units (the second argument).
    site_of_timed(&'static Session, usize, usize) -> SiteId => record_timed
}

unsafe extern "C" fn record_timed(
    session: &'static Session,
    now: usize,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) -> SiteId {
    events::allocated_at(session, size, Registers { pc, sp, bp }, now as u64)
}

with_callers_registers! {
    /// The number of a block of N bytes (the last argument) that the countdown did not pass.
    number_of_sampled(&'static Session, usize, usize) -> SiteId => record_sampled
}

unsafe extern "C" fn record_sampled(
    session: &'static Session,
    _spare: usize,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) -> SiteId {
    sampling::allocated(session, size, Registers { pc, sp, bp })
}

with_callers_registers! {
    /// The number of a resized block, by its number before, and its sizes before and after.
    pub(super) number_of_resized(usize, usize, usize) -> SiteId => sampling::resize
}
