//! The words that a thread reads of its own state while its `Thread` is borrowed: under Miri, a
//! reference to the whole state would end that borrow.

use super::*;
use crate::base::testing::Zeroed;
use crate::engine::heap_tests::world::World;
use crate::store::group::Member;
use crate::store::ids::{GroupId, ThreadIndex};

/// Zeroed memory of a cell, for good.
fn zeroed_cell() -> core::ptr::NonNull<ThreadCell> {
    let memory = Zeroed::new(size_of::<ThreadCell>(), align_of::<ThreadCell>());
    core::mem::ManuallyDrop::new(memory).base.cast()
}

/// A thread of a world, which this test's thread becomes.
fn become_thread(world: &mut World) -> &'static ThreadCell {
    let index = world.join();
    // SAFETY: zeroed memory of that size, leaked, of this test alone.
    let cell = unsafe { ThreadCell::initialize(zeroed_cell(), world.session, index) };
    let cell = cell.expect("the world has that slot");
    cell.set_current();
    cell
}

#[test]
fn a_thread_reads_its_words_while_it_is_inside() {
    let mut world = World::new(1, 1, false, 1);
    let cell = become_thread(&mut world);
    let group = Member { group: GroupId::new(3), whole: true, passes_on: true, ..Member::NONE };
    cell.set_member(group);
    let mut inside = Inside::enter_fast(world.session).expect("it is outside");
    let thread = inside.thread();
    assert_eq!((member(), bounds(), current_index()), (group, (0, 0), Some(ThreadIndex::new(0))));
    thread.generation = 7; // the borrow has not ended
    assert!(Inside::enter_fast(world.session).is_none(), "once at a time");
    assert_eq!(Inside::enter_slowly(world.session).err(), Some(Outside::Reentrant));
    assert_eq!(inside.thread().generation, 7);
    drop(inside);
    assert!(Inside::enter_fast(world.session).is_some());
    set_number(NEW);
}

#[test]
fn a_wiped_cell_is_the_profilers() {
    let mut world = World::new(1, 1, false, 1);
    become_thread(&mut world);
    current::set_state(zeroed_cell());
    assert!(Inside::enter_fast(world.session).is_none());
    assert_eq!(Inside::enter_slowly(world.session).err(), Some(Outside::Profiler));
    assert_eq!(current::number(), PROFILER);
    set_number(NEW);
}

#[test]
fn members_are_words() {
    for bits in 0..16 {
        let flag = |n: u32| bits >> n & 1 != 0;
        let [whole, leads, passes_on, is_counted] = [0, 1, 2, 3].map(flag);
        let member = Member { group: GroupId::new(77 + bits), whole, leads, passes_on, is_counted };
        assert_eq!(Member::of_word(member.word()), member);
    }
    assert_eq!(Member::of_word(0), Member::NONE, "zeroed memory");
}
