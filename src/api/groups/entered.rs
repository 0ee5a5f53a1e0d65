//! The groups that a thread has entered and not left.

use core::cell::{Cell, RefCell};
use core::mem::ManuallyDrop;
use std::vec::Vec;

use crate::base::current::as_profiler;
use crate::engine::inside;
use crate::engine::member::set_entered;
use crate::engine::session;
use crate::store::group::Member;

/// Entries that need no memory of the allocator.
const NEAR: usize = 8;

/// The key by which an entry is left: unique among the thread's entries, or equal for one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u64);

impl Key {
    /// An entry by a guard.
    fn of_guard(number: u64) -> Self {
        Key(number << 1)
    }

    /// An entry by a span. Its id may be used again when it is closed, and then it was left.
    #[cfg(feature = "tracing")]
    pub(super) fn of_span(id: u64) -> Self {
        Key(id << 1 | 1)
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Key,
    member: Member,
}

/// Oldest first. The first few lie in an array, so that ordinary nesting never asks for memory.
#[derive(Debug)]
struct Entries {
    near: [Entry; NEAR],
    far: Vec<Entry>,
    len: usize,
}

impl Entries {
    const fn new() -> Self {
        let none = Entry { key: Key(0), member: Member::NONE };
        Entries { near: [none; NEAR], far: Vec::new(), len: 0 }
    }

    /// The latest entry's.
    fn latest(&self) -> Member {
        let latest = self.far.last().or_else(|| self.near.get(self.len.checked_sub(1)?));
        latest.map_or(Member::NONE, |entry| entry.member)
    }

    /// Adds an entry; `false` if there is no memory for it.
    fn push(&mut self, entry: Entry) -> bool {
        match self.near.get_mut(self.len) {
            Some(place) => *place = entry,
            None if self.far.try_reserve(1).is_ok() => self.far.push(entry),
            None => return false,
        }
        self.len += 1;
        true
    }

    /// Takes the latest entry with that key out.
    fn remove(&mut self, key: Key) {
        if let Some(index) = self.far.iter().rposition(|entry| entry.key == key) {
            self.far.remove(index);
        } else {
            let near = self.near.get_mut(..self.len.min(NEAR)).unwrap_or_default();
            let Some(index) = near.iter().rposition(|entry| entry.key == key) else { return };
            near.copy_within(index + 1.., index);
            if !self.far.is_empty() {
                near[NEAR - 1] = self.far.remove(0);
            }
        }
        self.len -= 1;
        if self.far.is_empty() {
            self.far = Vec::new();
        }
    }
}

/// A thread's.
#[derive(Debug)]
struct Entered {
    /// Guards made so far.
    guards: Cell<u64>,
    /// Without a destructor, so that it is there as long as the thread.
    entries: RefCell<ManuallyDrop<Entries>>,
}

std::thread_local! {
    static ENTERED: Entered = const {
        Entered {
            guards: Cell::new(0),
            entries: RefCell::new(ManuallyDrop::new(Entries::new())),
        }
    };
}

const _: () = assert!(!core::mem::needs_drop::<Entered>());

/// The calling thread enters a group by a guard, which leaves it by the key.
pub(super) fn enter(member: Member) -> Key {
    let number = ENTERED.with(|entered| {
        let number = entered.guards.get().wrapping_add(1);
        entered.guards.set(number);
        number
    });
    let key = Key::of_guard(number);
    enter_as(key, member);
    key
}

/// The calling thread enters a group.
pub(super) fn enter_as(key: Key, member: Member) {
    change(|entries| {
        entries.push(Entry { key, member });
    });
}

/// The calling thread leaves the group that it has entered by that key, if any.
pub(super) fn leave(key: Key) {
    change(|entries| entries.remove(key));
}

/// Changes the entries and what follows from them. In a signal handler that came in the middle of
/// this, it does nothing.
fn change(change: impl FnOnce(&mut Entries)) {
    ENTERED.with(|entered| {
        let Ok(mut entries) = entered.entries.try_borrow_mut() else { return };
        if entries.len < NEAR {
            change(&mut entries);
        } else {
            as_profiler(|| change(&mut entries));
        }
        let latest = entries.latest();
        if set_entered(latest) != latest
            && let Some(session) = session::decided().ok().flatten()
        {
            inside::join_group(session, latest);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ids::GroupId;

    fn entries(groups: core::ops::Range<u32>) -> Entries {
        let mut entries = Entries::new();
        for group in groups {
            let member = Member::of(GroupId::new(group));
            assert!(entries.push(Entry { key: Key::of_guard(group.into()), member }));
        }
        entries
    }

    fn left(entries: &Entries) -> Vec<u32> {
        let all = entries.near.iter().take(entries.len).chain(&entries.far);
        all.map(|entry| entry.member.group.number()).collect()
    }

    #[test]
    fn the_latest_that_is_left_is_current_however_deep() {
        let mut entries = entries(1..31);
        for group in (1..31).rev() {
            assert_eq!(entries.latest(), Member::of(GroupId::new(group)));
            entries.remove(Key::of_guard(group.into()));
        }
        assert_eq!((entries.latest(), entries.len), (Member::NONE, 0));
    }

    #[test]
    fn any_may_go_first() {
        // A model: a plain list.
        let mut random = 1_u64;
        for _ in 0..1000 {
            let (mut entries, mut model) = (entries(1..20), (1..20).collect::<Vec<u32>>());
            while !model.is_empty() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let gone = model.remove((random >> 33) as usize % model.len());
                entries.remove(Key::of_guard(gone.into()));
                assert_eq!(left(&entries), model);
                let latest = model
                    .last()
                    .copied()
                    .map_or(Member::NONE, |group| Member::of(GroupId::new(group)));
                assert_eq!(entries.latest(), latest);
            }
            assert_eq!(entries.far.capacity(), 0);
        }
    }

    #[test]
    fn of_equal_keys_the_latest_goes_and_unknown_ones_do_nothing() {
        let mut entries = entries(1..4);
        for group in [7, 8] {
            entries.push(Entry { key: Key::of_guard(2), member: Member::of(GroupId::new(group)) });
        }
        entries.remove(Key::of_guard(2));
        entries.remove(Key::of_guard(99));
        assert_eq!(left(&entries), [1, 2, 3, 7]);
    }
}
