//! The recording's groups: allocations that are counted together, with a peak of their own.
//!
//! A thread of a group names its stacks by a root frame of the group's, so no two groups share a
//! site, and a site says to which group its blocks belong, whichever thread frees them.
//!
//! A group without a name is internal: reports show neither a frame nor numbers of it.
//!
//! Where blocks are sampled, all numbers are [estimates](crate::store::sampling).

use crate::base::sync::bytes::store_bytes;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};
use crate::store::ids::GroupId;
pub(crate) use crate::store::ids::NO_GROUP;
use crate::store::sampling::Estimate;

/// Set in the address of a frame that stands for a group; user code never lies there.
pub(crate) const GROUP_MARK: u64 = 1 << 47;
/// Bytes kept of a group's name.
const NAME_SIZE: usize = 424;

/// One group, 512 bytes. Written by all its threads.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Group {
    pub(crate) total_bytes: AtomicU64,
    pub(crate) total_blocks: AtomicU64,
    pub(crate) live_bytes: AtomicU64,
    pub(crate) live_blocks: AtomicU64,
    pub(crate) peak_bytes: AtomicU64,
    /// Live when the group's first thread ended.
    pub(crate) end_bytes: AtomicU64,
    pub(crate) end_blocks: AtomicU64,
    /// 1: that thread has ended.
    pub(crate) ended: AtomicU32,
    pub(crate) name_len: AtomicU32,
    /// The first thread's name as the kernel keeps it.
    pub(crate) thread_name: [AtomicU64; 2],
    /// Its whole name, as far as it was found and fits.
    pub(crate) name: [AtomicU64; NAME_SIZE / 8],
    /// The group around this one, which counts this one's events, too; [`NO_GROUP`]: none.
    pub(crate) outer: AtomicU32,
    /// Threads that began as members and are still running.
    pub(crate) members: AtomicU32,
}

const _: () = assert!(size_of::<Group>() == 512, "the recording's format");

impl Group {
    /// Counts an allocated block of one of the group's sites.
    pub(crate) fn allocated(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.total_blocks.fetch_add(1, Ordering::Relaxed);
        self.live_blocks.fetch_add(1, Ordering::Relaxed);
        self.grow(bytes);
    }

    /// Counts a freed block, whichever thread freed it.
    pub(crate) fn freed(&self, bytes: u64) {
        self.live_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.live_blocks.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a resized block.
    pub(crate) fn resized(&self, old: u64, new: u64) {
        self.total_bytes.fetch_add(new, Ordering::Relaxed);
        self.total_blocks.fetch_add(1, Ordering::Relaxed);
        self.grow(new.wrapping_sub(old));
    }

    /// Counts an allocated block that stands for others.
    pub(crate) fn allocated_sample(&self, estimate: Estimate) {
        self.total_bytes.fetch_add(estimate.bytes, Ordering::Relaxed);
        self.total_blocks.fetch_add(estimate.blocks, Ordering::Relaxed);
        self.live_blocks.fetch_add(estimate.blocks, Ordering::Relaxed);
        self.grow(estimate.bytes);
    }

    /// Counts a freed block that stands for others.
    pub(crate) fn freed_sample(&self, estimate: Estimate) {
        self.live_bytes.fetch_sub(estimate.bytes, Ordering::Relaxed);
        self.live_blocks.fetch_sub(estimate.blocks, Ordering::Relaxed);
    }

    fn grow(&self, bytes: u64) {
        let live = self.live_bytes.fetch_add(bytes, Ordering::Relaxed).wrapping_add(bytes);
        self.peak_bytes.fetch_max(live, Ordering::Relaxed);
    }

    /// The group's first thread has had its last event.
    fn end(&self) {
        let (bytes, blocks) =
            (self.live_bytes.load(Ordering::Relaxed), self.live_blocks.load(Ordering::Relaxed));
        self.end_bytes.store(bytes, Ordering::Relaxed);
        self.end_blocks.store(blocks, Ordering::Relaxed);
        self.ended.store(1, Ordering::Relaxed);
    }

    /// Begins with nothing, as a part of the group `outer`. No block of it may be live.
    pub(crate) fn begin(&self, outer: GroupId) {
        let numbers = [&self.total_bytes, &self.total_blocks, &self.live_bytes, &self.live_blocks];
        for number in numbers.into_iter().chain([&self.peak_bytes]) {
            number.store(0, Ordering::Relaxed);
        }
        self.outer.store(outer.number(), Ordering::Relaxed);
    }

    /// Gives the group its name, cut to what fits.
    pub(crate) fn describe(&self, thread_name: &[u8], name: &[u8]) {
        store_bytes(&self.thread_name, thread_name);
        let len = store_bytes(&self.name, name.get(..NAME_SIZE).unwrap_or(name));
        self.name_len.store(len as u32, Ordering::Release); // pairs with the Acquire in `name`
    }

    /// The group's name; empty where the group is internal, or has none yet.
    #[cfg(feature = "groups")]
    pub(crate) fn name(&self) -> std::string::String {
        // Acquire pairs with the Release in `describe`: the name is seen.
        let len = self.name_len.load(Ordering::Acquire) as usize;
        let words = self.name.iter().take(len.div_ceil(8));
        let mut bytes: std::vec::Vec<u8> =
            words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        bytes.truncate(len);
        std::string::String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Calls `count` for a group and all that are around it.
pub(crate) fn for_each_around(groups: &[Group], group: GroupId, count: impl Fn(&Group)) {
    let mut at = group;
    while at != NO_GROUP
        && let Some(group) = groups.get(at.index())
    {
        count(group);
        // Relaxed: written before any block of the group was allocated.
        at = GroupId::new(group.outer.load(Ordering::Relaxed));
    }
}

/// The group, or the next one around it, that has a name.
#[cfg(feature = "groups")]
pub(crate) fn named(groups: &[Group], group: GroupId) -> GroupId {
    let mut at = group;
    while at != NO_GROUP
        && let Some(group) = groups.get(at.index())
        // Relaxed: the presence of a name matters, not its bytes.
        && group.name_len.load(Ordering::Relaxed) == 0
    {
        at = GroupId::new(group.outer.load(Ordering::Relaxed));
    }
    at
}

/// A thread's part in a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Member {
    /// [`NO_GROUP`], or the group's number.
    pub(crate) group: GroupId,
    /// True if blocks of the thread count that were not allocated below a test's start, too.
    pub(crate) whole: bool,
    /// True if the group ends with this thread.
    pub(crate) leads: bool,
    /// True if the threads that this thread starts are members, too.
    pub(crate) passes_on: bool,
    /// True if the thread is one of the group's [`members`](Group::members).
    pub(crate) is_counted: bool,
}

impl Member {
    /// Of a thread in no group.
    pub(crate) const NONE: Self =
        Member { group: NO_GROUP, whole: false, leads: false, passes_on: false, is_counted: false };

    /// Of a thread all of whose allocations count for a group.
    #[cfg(feature = "groups")]
    pub(crate) fn of(group: GroupId) -> Self {
        Member { group, whole: group != NO_GROUP, ..Member::NONE }
    }

    /// The member in one word.
    pub(crate) fn word(self) -> u64 {
        let flags = [self.whole, self.leads, self.passes_on, self.is_counted];
        flags.into_iter().rev().fold(0, |word, flag| word << 1 | u64::from(flag)) << 32
            | u64::from(self.group.number())
    }

    /// The member that [`word`](Self::word) gave that word for.
    pub(crate) fn of_word(word: u64) -> Self {
        let flag = |n: u32| word >> (32 + n) & 1 != 0;
        let [whole, leads, passes_on, is_counted] = [0, 1, 2, 3].map(flag);
        Member { group: GroupId::new(word as u32), whole, leads, passes_on, is_counted }
    }

    /// The thread has had its last event.
    pub(crate) fn end(self, groups: &[Group]) {
        let Some(group) = groups.get(self.group.index()) else { return };
        if self.leads {
            group.end();
        }
        if self.is_counted {
            // Release pairs with the Acquire where the group is used again.
            group.members.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Groups begin at zero again, for a new window, while nothing is recorded.
#[cfg(feature = "dhat-compat")]
pub(crate) fn restart(groups: &[Group]) {
    fn numbers(group: &Group) -> [&AtomicU64; 5] {
        let Group { total_bytes, total_blocks, live_bytes, live_blocks, peak_bytes, .. } = group;
        [total_bytes, total_blocks, live_bytes, live_blocks, peak_bytes]
    }
    groups.iter().flat_map(numbers).for_each(|number| number.store(0, Ordering::Relaxed));
}
