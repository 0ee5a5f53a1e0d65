//! Slots, and the frame table that is made of them.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use loom::cell::UnsafeCell;

use crate::sync::{Ordering, wait_turn};
use crate::table::frames::{
    Frame, Frames, FramesHead, Full, ROOT_COMPLETE, ROOT_TRUNCATED, ROOTS, slots_up_to,
};
use crate::table::ids::FrameId;
use crate::table::slot::{Look, Slot};
use crate::{Part, model, together};

/// A slot and two frames, of which it holds one; loom reports accesses that are not ordered.
struct OneSlot {
    slot: Slot,
    words: [UnsafeCell<u32>; 2],
}

// SAFETY: loom checks in every execution that accesses to the words are ordered.
unsafe impl Sync for OneSlot {}

impl OneSlot {
    fn new() -> Arc<Self> {
        let words = [0, 1].map(|_| UnsafeCell::new(0));
        Arc::new(OneSlot { slot: Slot::default(), words })
    }

    /// Publishes frame `id` (1 or 2), whose word is 10 times that, or finds one published before.
    fn insert(&self, hash: u32, id: u32) -> u32 {
        let mut turn = 0;
        loop {
            match self.slot.look(hash) {
                Look::Empty => {
                    let Some(claim) = self.slot.claim(hash) else { continue };
                    let word = &self.words[id as usize - 1];
                    // SAFETY: loom fails the model if another thread has access at the same time.
                    word.with_mut(|word| unsafe { *word = id * 10 });
                    claim.publish(FrameId::new(id), hash);
                    return id;
                }
                Look::Candidate(found) => {
                    let found = found.number();
                    let word = &self.words[found as usize - 1];
                    // SAFETY: as above.
                    assert_eq!(word.with(|word| unsafe { *word }), found * 10, "all is seen");
                    return found;
                }
                Look::Busy => wait_turn(&mut turn),
                Look::Other => panic!("one hash"),
            }
        }
    }
}

#[test]
fn of_two_who_add_a_frame_one_publishes_and_the_other_sees_its_words() {
    model(|| {
        let shared = OneSlot::new();
        let add = |id| -> Part<u32> {
            let shared = shared.clone();
            Box::new(move || shared.insert(7, id))
        };
        let [one, two] = together([add(1), add(2)]);
        assert_eq!(one, two);
        assert_eq!(shared.slot.look(7), Look::Candidate(FrameId::new(one)));
    });
}

#[test]
fn an_abandoned_claim_is_taken_by_who_waited_for_it() {
    model(|| {
        let shared = OneSlot::new();
        let (one, two) = (shared.clone(), shared.clone());
        let abandon = Box::new(move || drop(one.slot.claim(7)));
        let insert = Box::new(move || assert_eq!(two.insert(7, 2), 2));
        together([abandon as Part<()>, insert]);
        assert_eq!(shared.slot.look(7), Look::Candidate(FrameId::new(2)));
    });
}

/// A table of the levels up to `level` for `frames` frames. Each execution leaks its own.
fn table(level: u32, frames: usize) -> Frames {
    fn leak<T: Default>(len: usize) -> &'static [T] {
        Box::leak((0..len).map(|_| T::default()).collect())
    }
    let table = Frames {
        head: Box::leak(Box::<FramesHead>::default()),
        frames: leak::<Frame>(ROOTS.index() + frames),
        slots: leak::<Slot>(slots_up_to(level)),
        discard: |slots| slots.iter().for_each(Slot::clear),
        room: |_| true,
    };
    table.initialize();
    table
}

/// The first slot that a lookup of `address` in the first level visits.
fn first_slot(address: u64) -> usize {
    let found = Arc::new(AtomicUsize::new(0));
    let result = found.clone();
    loom::model(move || {
        let table = table(0, 1);
        table.insert(ROOT_COMPLETE, address).expect("room");
        let at = table.slots.iter().position(|slot| slot.look(0) != Look::Empty);
        found.store(at.expect("inserted"), Ordering::Relaxed);
    });
    result.load(Ordering::Relaxed)
}

/// Two addresses whose lookups begin at the same slot.
fn colliding() -> (u64, u64) {
    static FOUND: OnceLock<(u64, u64)> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let (one, at) = (0x1000, first_slot(0x1000));
        let two = (0x1001..).find(|address| first_slot(*address) == at);
        (one, two.expect("one in eight"))
    })
}

/// Adds a frame and looks whether it is found. (A plain look may be into a level that is being left.)
fn add(table: Frames, parent: FrameId, address: u64) -> Part<Result<FrameId, Full>> {
    Box::new(move || {
        let id = table.insert(parent, address);
        if id.is_ok() {
            assert_eq!(table.insert(parent, address), id, "found by who has added it");
        }
        id
    })
}

#[test]
fn two_threads_that_add_the_same_frame_get_one_id() {
    model(|| {
        let table = table(1, 4);
        let [one, two] =
            together([add(table, ROOT_COMPLETE, 0x1000), add(table, ROOT_COMPLETE, 0x1000)]);
        assert_eq!(one, two);
        assert_eq!(table.find(ROOT_COMPLETE, 0x1000), one.ok());
    });
}

#[test]
fn frames_that_collide_are_both_found() {
    let (one, two) = colliding();
    model(move || {
        let table = table(1, 4);
        let [first, second] =
            together([add(table, ROOT_COMPLETE, one), add(table, ROOT_COMPLETE, two)]);
        assert!(first.is_ok() && second.is_ok() && first != second);
        assert_eq!(
            (table.find(ROOT_COMPLETE, one), table.find(ROOT_COMPLETE, two)),
            (first.ok(), second.ok())
        );
    });
}

#[test]
fn nothing_is_lost_while_the_table_moves_to_another_level() {
    model(|| {
        let table = table(1, 8);
        let first = table.insert(ROOT_COMPLETE, 0x3000);
        let ids = together([add(table, ROOT_COMPLETE, 0x1000), add(table, ROOT_COMPLETE, 0x2000)]);
        assert_eq!(table.head.level.load(Ordering::Relaxed), 1, "the first level is crowded");
        assert_eq!(table.find(ROOT_COMPLETE, 0x3000), first.ok());
        assert_eq!(
            [0x1000, 0x2000].map(|address| table.find(ROOT_COMPLETE, address)),
            ids.map(Result::ok)
        );
    });
}

#[test]
fn who_looks_again_finds_what_was_there_before_the_table_moved() {
    model(|| {
        let table = table(2, 12);
        // The table moves after the third frame, and again after the ninth.
        let ids =
            [1, 2, 3, 4, 5, 6, 7, 8].map(|n| table.insert(ROOT_COMPLETE, n << 12).expect("room"));
        let insert = Box::new(move || {
            table.insert(ROOT_TRUNCATED, 1 << 12).expect("room");
        });
        let look = Box::new(move || {
            // In a level that was given back nothing is found; what is found is right.
            let level = table.level();
            let found = table.find_in(&level, ROOT_COMPLETE, 2 << 12);
            assert!(found.is_none() || found == Some(ids[1]));
            assert_eq!(table.insert(ROOT_COMPLETE, 2 << 12), Ok(ids[1]));
            assert_eq!(table.insert(ROOT_COMPLETE, 3 << 12), Ok(ids[2]));
        });
        together([insert as Part<()>, look]);
        assert_eq!(table.head.level.load(Ordering::Relaxed), 2);
        let found = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| table.find(ROOT_COMPLETE, n << 12));
        assert_eq!(found, ids.map(Some));
    });
}

#[test]
fn a_frame_stays_findable_when_its_neighbour_finds_the_table_full() {
    let (one, two) = colliding();
    model(move || {
        let table = table(0, 1);
        let ids = together([add(table, ROOT_COMPLETE, one), add(table, ROOT_COMPLETE, two)]);
        assert!(ids[0].is_err() != ids[1].is_err(), "room for one");
        let (address, id) = if ids[0].is_ok() { (one, ids[0]) } else { (two, ids[1]) };
        assert_eq!(table.find(ROOT_COMPLETE, address), id.ok());
        assert_eq!(table.insert(ROOT_COMPLETE, address), id);
        assert_eq!(table.insert(ROOT_COMPLETE, 0x9000), Err(Full));
    });
}
