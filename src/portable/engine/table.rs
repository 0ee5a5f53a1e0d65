//! All that is recorded, behind one lock.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::vec::Vec;

use super::peak::Heap;
#[cfg(feature = "backtraces")]
use super::sites::Sites;
use super::stretches::Most;
use super::threads::{Numbers, Threads};
use crate::base::current::Guarded;
#[cfg(feature = "backtraces")]
use crate::store::ids::GroupId;

/// A map that asks the system for no random numbers.
pub(crate) type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// See the module's description.
pub(crate) static TABLE: Guarded<Table> = Guarded::new(Table::new());

/// A live block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) size: u64,
    #[cfg(feature = "backtraces")]
    pub(crate) site: u32,
    /// Nanoseconds of the clock.
    #[cfg(feature = "backtraces")]
    pub(crate) born: u64,
    #[cfg(feature = "backtraces")]
    pub(crate) group: GroupId,
    /// A tracker was told of it.
    #[cfg(feature = "groups")]
    pub(crate) is_reported: bool,
}

/// Numbers of what could not be recorded in full.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lost {
    /// Blocks that there was no memory for in the table.
    pub(crate) no_room: u64,
    /// Events whose stack there was no memory for.
    #[cfg(feature = "backtraces")]
    pub(crate) table_full: u64,
    #[cfg(feature = "backtraces")]
    pub(crate) truncated_stacks: u64,
    #[cfg(feature = "backtraces")]
    pub(crate) groups_overflowed: u64,
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Table {
    /// By address.
    pub(crate) blocks: Map<usize, Block>,
    #[cfg(feature = "backtraces")]
    pub(crate) sites: Sites,
    pub(crate) heap: Heap,
    /// The process's numbers, which no window sets back.
    pub(crate) process: Numbers,
    pub(crate) threads: Threads,
    /// Measurements of the process that have begun and not ended.
    pub(crate) stretches: Vec<Option<Most>>,
    /// Of the clock, when the recording or the present window began.
    #[cfg(feature = "backtraces")]
    pub(crate) started_nanos: u64,
    pub(crate) lost: Lost,
}

impl Table {
    const fn new() -> Self {
        const HEAP: Heap = Heap::new();
        Table {
            blocks: HashMap::with_hasher(BuildHasherDefault::new()),
            #[cfg(feature = "backtraces")]
            sites: Sites::new(),
            heap: HEAP,
            process: Numbers::NONE,
            threads: Threads::new(),
            stretches: Vec::new(),
            #[cfg(feature = "backtraces")]
            started_nanos: 0,
            lost: Lost {
                no_room: 0,
                #[cfg(feature = "backtraces")]
                table_full: 0,
                #[cfg(feature = "backtraces")]
                truncated_stacks: 0,
                #[cfg(feature = "backtraces")]
                groups_overflowed: 0,
            },
        }
    }

    /// Enters an event in the sums that need no site.
    pub(crate) fn count(&mut self, event: impl Fn(&mut Numbers)) {
        event(&mut self.process);
        self.threads.count(event);
    }

    /// The heap has as much as before, or more.
    pub(crate) fn has_grown(&mut self, now: impl FnOnce() -> u64) {
        self.heap.has_grown(now);
        self.note_most();
    }

    /// Tells the stretches of the heap's present amount.
    pub(crate) fn note_most(&mut self) {
        let live = self.heap.live;
        self.stretches.iter_mut().flatten().for_each(|most| most.raise(live));
    }
}
