//! The groups' numbers, at any moment.

use std::string::String;
use std::vec::Vec;

use crate::api::groups::session;
use crate::base::current::as_profiler;
use crate::base::sync::Ordering;
use crate::engine::session::Session;
use crate::store::group::Group;

/// A group's numbers so far; see [`group_stats`]. Bytes are those that the program asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStats {
    /// The name it was registered by.
    pub name: String,
    /// Blocks ever allocated; a reallocation counts as one.
    pub total_blocks: u64,
    /// Bytes ever allocated; a reallocation adds its whole new size.
    pub total_bytes: u64,
    /// Blocks allocated and not freed, on any thread.
    pub live_blocks: u64,
    /// Bytes allocated and not freed, on any thread.
    pub live_bytes: u64,
    /// The most bytes live at once.
    pub peak_bytes: u64,
}

/// The numbers of all groups, in the order in which they were registered. None with
/// `MOD_ALLOC=off`, or if the global allocator is no `ModAlloc`.
///
/// The list is the profiler's own memory: asking changes no number.
///
/// Each number is that of the moment at which it is read. While threads go on allocating, the
/// numbers of a group may be one event apart.
///
/// ```
/// for group in mod_alloc::groups::group_stats() {
///     println!("{}: {} bytes live", group.name, group.live_bytes);
///     println!("{group}"); // all of it: "parsing: total 1.20 MiB in 2,000 blocks; peak …"
/// }
/// ```
#[must_use]
pub fn group_stats() -> Vec<GroupStats> {
    let Some(session) = session() else { return Vec::new() };
    // The first stands for none.
    let groups = session.used_groups().get(1..).unwrap_or_default();
    as_profiler(|| {
        groups
            .iter()
            .map(|group| of(session, group))
            .filter(|group| !group.name.is_empty())
            .collect()
    })
}

fn of(session: &Session, group: &Group) -> GroupStats {
    GroupStats {
        name: group.name(),
        total_blocks: session.whole_blocks(group.total_blocks.load(Ordering::Relaxed)),
        total_bytes: group.total_bytes.load(Ordering::Relaxed),
        live_blocks: session.whole_blocks(group.live_blocks.load(Ordering::Relaxed)),
        live_bytes: group.live_bytes.load(Ordering::Relaxed),
        peak_bytes: group.peak_bytes.load(Ordering::Relaxed),
    }
}
