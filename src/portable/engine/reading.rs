//! The table as a [`Recording`], which reports are made of.

use std::vec::Vec;

use super::session::Session;
use super::sites::{NO_STACK, Numbers, Site};
use super::table::{Map, TABLE, Table};
use crate::base::current;
use crate::base::os;
use crate::recording::model::{
    Counters, Frame, Group, ROOT_COMPLETE, ROOT_TABLE_FULL, ROOT_TRUNCATED, ROOTS, Recording,
    Settings, Site as PlainSite, Thread,
};
use crate::store::group::Group as GroupWords;
use crate::store::ids::{GroupId, NO_GROUP};

/// The recording of this process, or of its present window or its latest one.
pub(crate) fn recording(session: &'static Session) -> Recording {
    current::as_profiler(|| {
        let mut recording = TABLE.with(|table| table.read(session)).unwrap_or_default();
        recording.pid = std::process::id();
        recording.command = std::env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ");
        recording.executable = std::env::current_exe().unwrap_or_default();
        recording
    })
}

/// The sums over all call sites, at one moment. The maxima are those of the sites, added up.
#[cfg(feature = "dhat-compat")]
pub(crate) fn totals() -> Counters {
    let mut sum = Counters::default();
    TABLE.with(|table| {
        let now = os::monotonic_nanos();
        for site in table.sites.iter() {
            crate::report::add(&mut sum, &table.counters(&site.numbers, now));
        }
    });
    sum
}

/// The live numbers and the totals of each site of a group, with the site's number.
#[cfg(feature = "dhat-compat")]
pub(crate) fn of_group(group: GroupId) -> Vec<(u32, Numbers)> {
    let numbers = TABLE.with(|table| {
        let numbered = (0..).zip(table.sites.iter());
        let of_group = numbered.filter(|(_, site)| site.group == group);
        of_group.map(|(number, site)| (number, site.numbers)).collect()
    });
    numbers.unwrap_or_default()
}

impl Table {
    fn read(&self, session: &Session) -> Recording {
        let now = os::monotonic_nanos();
        let since = |nanos: u64| nanos.saturating_sub(self.started_nanos) / 1000;
        let mut recording = Recording {
            end_micros: since(now).max(1),
            peak_micros: since(self.heap.peak_nanos),
            settings: Settings {
                frames: session.frames,
                unwind: "auto",
                peak_is_exact: true,
                ..Settings::default()
            },
            threads: self.plain_threads(),
            groups: session.used_groups().iter().skip(1).map(plain_group).collect(),
            ..Recording::default()
        };
        let losses = &mut recording.losses;
        losses.table_full = self.lost.table_full;
        losses.no_room = self.lost.no_room;
        losses.truncated_stacks = self.lost.truncated_stacks;
        losses.groups_overflowed = self.lost.groups_overflowed;
        let mut nodes = Nodes::new(session.groups);
        for (number, site) in (0..).zip(self.sites.iter()) {
            let counters = self.counters(&site.numbers, now);
            // The first is there for what may come.
            if number == NO_STACK && counters == Counters::default() {
                recording.sites.push(PlainSite { frame: ROOT_TABLE_FULL, counters });
                continue;
            }
            let frame = if number == NO_STACK { ROOT_TABLE_FULL } else { nodes.innermost(site) };
            recording.sites.push(PlainSite { frame, counters });
        }
        recording.frames = nodes.frames;
        recording
    }

    fn counters(&self, numbers: &Numbers, now: u64) -> Counters {
        let at_peak = numbers.at_peak.get(numbers.live, &self.heap);
        let live = u128::from(now) * u128::from(numbers.live.blocks);
        let nanos = numbers.lifetimes + live.saturating_sub(numbers.births);
        Counters {
            total_bytes: numbers.total.bytes,
            total_blocks: numbers.total.blocks,
            lifetimes_micros: u64::try_from(nanos / 1000).unwrap_or(u64::MAX),
            max_bytes: numbers.most.bytes,
            max_blocks: numbers.most.blocks,
            peak_bytes: at_peak.bytes,
            peak_blocks: at_peak.blocks,
            end_bytes: numbers.live.bytes,
            end_blocks: numbers.live.blocks,
        }
    }

    fn plain_threads(&self) -> Vec<Thread> {
        let plain = |numbers: &super::threads::Numbers| Thread {
            total_bytes: numbers.total.bytes,
            total_blocks: numbers.total.blocks,
            freed_bytes: numbers.freed.bytes,
            freed_blocks: numbers.freed.blocks,
            ..Thread::default()
        };
        let mut threads: Vec<Thread> = Vec::new();
        for thread in self.threads.running() {
            let name = thread.name.split(|byte| *byte == 0).next().unwrap_or_default();
            threads.push(Thread {
                id: thread.id,
                name: std::string::String::from_utf8_lossy(name).into_owned(),
                running: true,
                threads: 1,
                ..plain(&thread.numbers)
            });
        }
        threads.sort_by_key(|thread| thread.id);
        if self.threads.ended > 0 {
            let threads_of_it = self.threads.ended;
            threads.push(Thread { threads: threads_of_it, ..plain(&self.threads.elsewhere) });
        }
        threads
    }
}

fn plain_group(group: &GroupWords) -> Group {
    use crate::base::sync::Ordering;
    let number = |word: &crate::base::sync::AtomicU64| word.load(Ordering::Relaxed);
    Group {
        #[cfg(feature = "groups")]
        name: group.name(),
        total_blocks: number(&group.total_blocks),
        total_bytes: number(&group.total_bytes),
        peak_bytes: number(&group.peak_bytes),
        end_blocks: number(&group.live_blocks),
        end_bytes: number(&group.live_bytes),
        ..Group::default()
    }
}

/// Frames as parent-linked nodes, each of which is there once.
struct Nodes {
    frames: Vec<Frame>,
    known: Map<(u32, u64, u32), u32>,
    groups: &'static [GroupWords],
}

impl Nodes {
    fn new(groups: &'static [GroupWords]) -> Self {
        Nodes { frames: std::vec![Frame::default(); ROOTS], known: Map::default(), groups }
    }

    /// The innermost node of the site's stack.
    fn innermost(&mut self, site: &Site) -> u32 {
        let mut at = if site.is_truncated { ROOT_TRUNCATED } else { ROOT_COMPLETE };
        let group = self.named(site.group);
        if group != NO_GROUP {
            at = self.node(at, 0, group.number());
        }
        site.frames.iter().rev().fold(at, |at, address| self.node(at, *address as u64, 0))
    }

    /// The group, or the next one around it that has a name.
    fn named(&self, group: GroupId) -> GroupId {
        #[cfg(feature = "groups")]
        return crate::store::group::named(self.groups, group);
        #[cfg(not(feature = "groups"))]
        {
            let _ = (self.groups, group);
            NO_GROUP
        }
    }

    fn node(&mut self, parent: u32, address: u64, group: u32) -> u32 {
        let next = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        let node = *self.known.entry((parent, address, group)).or_insert(next);
        if node == next {
            self.frames.push(Frame { parent, address, group, ..Frame::default() });
        }
        node
    }
}
