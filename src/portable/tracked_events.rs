//! The events of blocks, as a tracker is told of them: by the portable engine, which adds nothing
//! to blocks.

use super::{active, call};
use crate::api::groups::token::AllocationGroupId;
use crate::base::current::{as_profiler, is_profiler};
use crate::engine::member;
use crate::engine::session;
use crate::engine::table::{Block, TABLE};
use crate::store::group::{Group, named};
use crate::store::ids::GroupId;

/// Calls the tracker, if there is one that wants to know. Its allocations are the profiler's, and
/// so is what a thread-local variable needs where the system has none.
fn tell(told: impl FnOnce(&super::Tracker)) -> bool {
    if super::TRACKER.load(crate::base::sync::Ordering::Relaxed).is_null() || is_profiler() {
        return false;
    }
    as_profiler(|| {
        let tracker = active();
        if let Some(tracker) = tracker {
            call(|| told(tracker));
        }
        tracker.is_some()
    })
}

fn groups() -> &'static [Group] {
    session::get().map_or(&[], |session| session.groups)
}

fn id_of(group: GroupId) -> AllocationGroupId {
    AllocationGroupId::of(named(groups(), group))
}

/// A block was recorded.
pub(crate) fn new(address: usize, size: usize) {
    let Some(group) = TABLE.with(|table| table.blocks.get(&address).map(|block| block.group))
    else {
        return;
    };
    let group = id_of(group.unwrap_or_default());
    if tell(|tracker| tracker.allocated(address, size, size, group)) {
        TABLE.with(|table| table.blocks.get_mut(&address).map(|block| block.is_reported = true));
    }
}

/// A block is about to be freed, or resized.
pub(crate) fn gone(address: usize, block: &Block) {
    if block.is_reported {
        let size = usize::try_from(block.size).unwrap_or(usize::MAX);
        let source = id_of(block.group);
        tell(|tracker| {
            let current = id_of(member::entered().group);
            tracker.deallocated(address, size, size, source, current);
        });
    }
}

/// A block that was [gone](gone) has that size and address now.
pub(crate) fn again(address: usize, size: usize, block: Block) -> Block {
    let group = id_of(block.group);
    let is_reported = tell(|tracker| tracker.allocated(address, size, size, group));
    Block { is_reported, ..block }
}
