//! Groups in the mapping: room for one, and the frames that stand for it.

use crate::base::sync::Ordering;
use crate::store::frames::{
    Frames, NO_ROOM, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TABLE_FULL, ROOT_TRUNCATED, ROOTS,
};
use crate::store::group::{GROUP_MARK, Group, NO_GROUP};
use crate::store::ids::{FrameId, GroupId};
use crate::store::layout::Process;
use crate::store::space::{Part, SPACE};

/// Makes a group; [`NO_GROUP`] if there is no room for one, which is counted.
pub(crate) fn make(
    process: &Process,
    groups: &[Group],
    thread_name: &[u8],
    name: &[u8],
) -> GroupId {
    let count = &process.groups;
    let capacity = groups.len() as u32;
    let id = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
        let id = n.max(1);
        let has_room = id < capacity && SPACE.has(Part::Groups, id + 1);
        has_room.then_some(id + 1)
    });
    let Ok(id) = id.map(|before| GroupId::new(before.max(1))) else {
        process.groups_overflowed.fetch_add(1, Ordering::Relaxed);
        return NO_GROUP;
    };
    if let Some(group) = groups.get(id.index()) {
        group.describe(thread_name, name);
    }
    id
}

/// A frame for each root, at the root's number.
pub(crate) type Roots = [FrameId; ROOTS.index()];

/// The frames that stand for a group outward of its stacks: one for each root, at the root's
/// number. Where there is no room for them, there is none for the group's stacks: they must not be
/// taken for those of no group.
pub(crate) fn roots(frames: &Frames, group: GroupId) -> Roots {
    let mut roots = [ROOT_COMPLETE, ROOT_TRUNCATED, ROOT_BROKEN, ROOT_TABLE_FULL];
    if group != NO_GROUP {
        for root in roots.iter_mut().take(3) {
            let address = GROUP_MARK | u64::from(group.number());
            *root = match frames.find_in(&frames.level(), *root, address) {
                Some(known) => known,
                None => frames.insert(*root, address).unwrap_or(NO_ROOM),
            };
        }
    }
    roots
}
