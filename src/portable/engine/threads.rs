//! The numbers of each thread, from its first event to its end.

use core::ffi::c_void;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;

use super::peak::Amount;
use super::table::{Map, TABLE};
use crate::base::os;
#[cfg(feature = "backtraces")]
use crate::store::group::Member;

/// A thread's events.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) total: Amount,
    /// Of resized blocks only their growth.
    pub(crate) grown_bytes: u64,
    /// Whichever thread allocated them.
    pub(crate) freed: Amount,
}

impl Numbers {
    pub(crate) const NONE: Self =
        Numbers { total: Amount::NONE, grown_bytes: 0, freed: Amount::NONE };

    /// May be negative: threads free what others have allocated.
    pub(crate) fn live_bytes(&self) -> i64 {
        self.total.bytes.wrapping_sub(self.freed.bytes).cast_signed()
    }

    /// A block is resized: one more is allocated, and the old one freed.
    pub(crate) fn resized(&mut self, old: u64, new: u64) {
        self.total.add(new, 1);
        self.grown_bytes += new.saturating_sub(old);
        self.freed.add(old, 1);
    }

    pub(crate) fn allocated(&mut self, size: u64) {
        self.total.add(size, 1);
        self.grown_bytes += size;
    }

    fn add(&mut self, more: &Numbers) {
        self.total.add(more.total.bytes, more.total.blocks);
        self.grown_bytes += more.grown_bytes;
        self.freed.add(more.freed.bytes, more.freed.blocks);
    }
}

/// A thread that has had an event, and has not ended.
#[derive(Debug)]
pub(crate) struct Thread {
    /// The system's number of it.
    pub(crate) id: u32,
    /// Its name, as far as the system tells it.
    pub(crate) name: [u8; 16],
    pub(crate) numbers: Numbers,
    /// The most live bytes.
    pub(crate) peak: i64,
    #[cfg(feature = "backtraces")]
    pub(crate) member: Member,
    events: u32,
}

/// All threads.
#[derive(Debug)]
pub(crate) struct Threads {
    running: Map<usize, Thread>,
    /// Of threads that have ended, and of those that there was no memory for.
    pub(crate) elsewhere: Numbers,
    /// How many have ended.
    pub(crate) ended: u64,
}

impl Threads {
    pub(crate) const fn new() -> Self {
        let running = HashMap::with_hasher(BuildHasherDefault::new());
        Threads { running, elsewhere: Numbers::NONE, ended: 0 }
    }

    /// The calling thread; `None` if there is no memory for it.
    pub(crate) fn current(&mut self) -> Option<&mut Thread> {
        let key = os::thread_key();
        if !self.running.contains_key(&key) {
            self.running.try_reserve(1).ok()?;
            self.running.insert(
                key,
                Thread {
                    id: os::thread_id(),
                    name: [0; 16],
                    numbers: Numbers::default(),
                    peak: 0,
                    #[cfg(feature = "backtraces")]
                    member: Member::NONE,
                    events: 0,
                },
            );
            announce_end();
        }
        self.running.get_mut(&key)
    }

    /// Enters an event of the calling thread.
    pub(crate) fn count(&mut self, event: impl FnOnce(&mut Numbers)) {
        let Some(thread) = self.current() else { return event(&mut self.elsewhere) };
        event(&mut thread.numbers);
        thread.peak = thread.peak.max(thread.numbers.live_bytes());
        thread.events = thread.events.wrapping_add(1);
        // A thread gets its name after its first events; and it may get another one later.
        if thread.events.is_power_of_two() {
            thread.name = os::thread_name();
        }
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = &Thread> {
        self.running.values()
    }

    /// The calling thread's part in a group.
    #[cfg(feature = "backtraces")]
    pub(crate) fn member(&self) -> Member {
        self.running.get(&os::thread_key()).map_or(Member::NONE, |thread| thread.member)
    }

    /// The calling thread ends.
    fn end(&mut self) {
        if let Some(thread) = self.running.remove(&os::thread_key()) {
            self.elsewhere.add(&thread.numbers);
            self.ended += 1;
        }
    }

    /// In a forked child: the calling thread alone is there.
    pub(crate) fn keep_current(&mut self) {
        let key = os::thread_key();
        let (elsewhere, ended) = (&mut self.elsewhere, &mut self.ended);
        self.running.retain(|other, thread| {
            if *other != key {
                elsewhere.add(&thread.numbers);
                *ended += 1;
            }
            *other == key
        });
        if let Some(thread) = self.running.get_mut(&key) {
            thread.id = os::thread_id();
        }
    }
}

/// Has [`Threads::end`] called when the calling thread ends. Without it, as where the process has
/// no key left, another thread that gets this one's number later goes on with its numbers.
fn announce_end() {
    static KEY: OnceLock<Option<os::ThreadEnd>> = OnceLock::new();
    if let Some(key) = KEY.get_or_init(|| os::ThreadEnd::new(ends)) {
        key.set(core::ptr::without_provenance_mut(1));
    }
}

unsafe extern "C" fn ends(_: *mut c_void) {
    TABLE.with(|table| table.threads.end());
}
