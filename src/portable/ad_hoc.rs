//! The stack of an ad hoc event, by the portable engine.

use std::vec::Vec;

use crate::api::own_recording;
use crate::base::current::as_profiler;
use crate::engine::capture::Marker;
use crate::engine::sites::NO_STACK;
use crate::engine::table::TABLE;
use crate::recording::model::ROOT_BROKEN;
use crate::start;

/// Counts an event of that weight, of a stack whose innermost frame is the caller's.
///
/// # Safety
///
/// Always safe to call.
#[inline(never)]
pub(in super::super) unsafe fn happened(weight: usize, _: usize, _: usize) -> u32 {
    let local = 0_u8;
    let marker = Marker::at(&local);
    super::enter(weight, || as_profiler(|| site_of(marker)))
}

/// The site of the stack outward of the mark.
fn site_of(marker: Marker) -> u32 {
    let Some(session) = start::session() else { return NO_STACK };
    let site = TABLE.with(|table| {
        let group = table.threads.member().group;
        table.site(session, marker, group)
    });
    site.unwrap_or(NO_STACK)
}

/// The innermost frames of stacks, by their sites.
#[derive(Debug)]
pub(super) struct InnermostFrames(Vec<u32>);

impl InnermostFrames {
    /// Those of the present recording.
    pub(super) fn read() -> Self {
        let sites = own_recording::recording(start::session()).sites;
        InnermostFrames(sites.iter().map(|site| site.frame).collect())
    }

    /// That of the site that [`happened`] gave.
    pub(super) fn of(&self, site: u32) -> u32 {
        self.0.get(site as usize).copied().unwrap_or(ROOT_BROKEN)
    }
}
