//! Groups for measurements. A group is used again when no block of it is live any more: its sites
//! are there already then, and a loop that measures does not fill the table.

use std::sync::{Mutex, PoisonError};
use std::vec::Vec;

use super::Measured;
use crate::base::current;
use crate::base::sync::Ordering;
use crate::engine::session::Session;
use crate::store::group::{Group, NO_GROUP, for_each_around};
use crate::store::ids::GroupId;

/// Groups that are not in use. Some of their blocks may still be live.
static IDLE: Mutex<Vec<GroupId>> = Mutex::new(Vec::new());

fn idle<R>(change: impl FnOnce(&mut Vec<GroupId>) -> R) -> R {
    current::as_profiler(|| {
        // A panic here leaves the list whole.
        change(&mut IDLE.lock().unwrap_or_else(PoisonError::into_inner))
    })
}

/// A group for one measurement, given back when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    number: GroupId,
    group: &'static Group,
    /// The group around it. While this one counts, neither that one nor those around it may be used
    /// again: their numbers would have this one's.
    around: GroupId,
    groups: &'static [Group],
}

impl Lease {
    /// A group without blocks, inside the group `around`.
    pub(super) fn new(session: &'static Session, around: GroupId) -> Option<Self> {
        let number = take(session)?;
        let group = session.groups.get(number.index())?;
        group.begin(around);
        let groups = session.groups;
        for_each_around(groups, around, |group| {
            group.members.fetch_add(1, Ordering::Relaxed);
        });
        Some(Lease { number, group, around, groups })
    }

    pub(super) fn group(&self) -> GroupId {
        self.number
    }

    pub(super) fn measured(&self) -> Measured {
        let number = |word: &crate::base::sync::AtomicU64| word.load(Ordering::Relaxed);
        let blocks = |word| super::session().whole_blocks(number(word));
        Measured {
            blocks: blocks(&self.group.total_blocks),
            bytes: number(&self.group.total_bytes),
            peak_bytes: number(&self.group.peak_bytes),
            end_blocks: blocks(&self.group.live_blocks),
            end_bytes: number(&self.group.live_bytes),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        for_each_around(self.groups, self.around, |group| {
            // Release pairs with the Acquire of the next user of the group.
            group.members.fetch_sub(1, Ordering::Release);
        });
        idle(|idle| idle.push(self.number));
    }
}

fn take(session: &'static Session) -> Option<GroupId> {
    let is_empty = |number: &GroupId| {
        let group = session.groups.get(number.index());
        let is_free = |group: &Group| {
            // Acquire pairs with the Release where a thread ends: all its events are counted.
            group.members.load(Ordering::Acquire) == 0
                && group.live_blocks.load(Ordering::Relaxed) == 0
        };
        group.is_some_and(is_free)
    };
    let known = idle(|idle| {
        let index = idle.iter().rposition(is_empty)?;
        Some(idle.swap_remove(index))
    });
    // Without a name: internal, and shown in no report.
    known.or_else(|| Some(session.make_group(b"", b"")).filter(|number| *number != NO_GROUP))
}
