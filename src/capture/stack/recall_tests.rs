//! Stacks that are found again, and stacks that are not.

use std::boxed::Box;
use std::vec::Vec;

use super::*;
use crate::capture::own_stack::CopiedStack;
use crate::capture::stack::{About, Base, Mark, Pointer};

const NAMING: Naming = Naming { era: 3, group: 9 };
const LOW: u64 = 0x1000;

fn zeroed<T>() -> Box<T> {
    // SAFETY: a stack and a memory of stacks are valid when zeroed.
    unsafe { Box::new_zeroed().assume_init() }
}

/// A stack as it was captured whose frames have these pcs, innermost first, a word of memory each.
struct Captured {
    stack: Box<Stack>,
    words: Vec<u64>,
    at: Registers,
}

impl Captured {
    fn new(pcs: &[u64]) -> Self {
        Captured::with_room(pcs, 1)
    }

    /// With so many words of memory between one return address and the next, from the second on.
    fn with_room(pcs: &[u64], room: usize) -> Self {
        let mut stack = zeroed::<Stack>();
        stack.set_limit(64);
        let len = pcs.len();
        let place = |index: usize| if index < 2 { index } else { 1 + (index - 1) * room };
        let sp_of = |index: usize| LOW + 8 * place(index - 1) as u64 + 8;
        for (index, pc) in pcs.iter().enumerate() {
            stack.marks[len - index] = Mark { pc: *pc, sp: sp_of(index + 1) };
            stack.abouts[len - index] = About::default();
            // On aarch64 a return address is above a saved frame pointer.
            let saved = sp_of(index + 2).wrapping_sub(16);
            stack.pointers[len - index] = Pointer { bp: 0, saved };
        }
        (stack.len, stack.first, stack.base) = (len, 1, Base::Complete);
        // The word below a frame's stack pointer is the return address into it.
        let mut words = std::vec![0; place(len)];
        for (index, pc) in pcs.iter().enumerate() {
            words[place(index)] = *pc;
        }
        Captured { stack, words, at: Registers { pc: pcs[0], sp: sp_of(1), bp: 0 } }
    }

    fn find(&self, recall: &mut Recall, naming: Naming) -> Option<u32> {
        let memory = CopiedStack { low: LOW, words: &self.words };
        // SAFETY: a copy may be read anywhere.
        unsafe { recall.find(&self.at, naming, &memory) }
    }

    fn remember(&self, recall: &mut Recall, site: u32) {
        let memory = CopiedStack { low: LOW, words: &self.words };
        // A stack is remembered from the second time on.
        recall.remember((&self.stack, &memory), &self.at, NAMING, site, 4711);
        recall.remember((&self.stack, &memory), &self.at, NAMING, site, 4711);
    }
}

/// The stack number N of many that have one shape.
fn numbered(number: u64) -> Captured {
    Captured::new(&[0x40_1000, 0x40_2000 + number % 7, 0x40_3000 + number / 7, 0x40_4000])
}

#[test]
fn a_stack_is_found_by_its_words_registers_and_names() {
    let mut recall = zeroed::<Recall>();
    let stack = numbered(0);
    assert_eq!(stack.find(&mut recall, NAMING), None, "nothing is remembered");
    let memory = CopiedStack { low: LOW, words: &stack.words };
    recall.remember((&stack.stack, &memory), &stack.at, NAMING, 12, 4711);
    assert_eq!(stack.find(&mut recall, NAMING), None, "it may never come again");
    stack.remember(&mut recall, 12);
    assert_eq!(stack.find(&mut recall, NAMING), Some(12));
    assert_eq!(stack.find(&mut recall, Naming { group: 8, ..NAMING }), None);
    assert_eq!(stack.find(&mut recall, Naming { era: 4, ..NAMING }), None);
    for index in 1..4 {
        for bit in [0, 17, 31, 32, 47] {
            let mut other = numbered(0);
            other.words[index] ^= 1 << bit;
            assert_eq!(other.find(&mut recall, NAMING), None, "word {index}, bit {bit}");
        }
    }
    let mut other = numbered(0);
    other.at.pc += 1;
    assert_eq!(other.find(&mut recall, NAMING), None, "another pc");
    recall.forget();
    assert_eq!(stack.find(&mut recall, NAMING), None);
    stack.remember(&mut recall, 13);
    assert_eq!(stack.find(&mut recall, NAMING), Some(13));
}

#[test]
fn words_that_changed_places_are_another_stack() {
    let mut recall = zeroed::<Recall>();
    Captured::new(&[0x40_1000, 0x40_2000, 0x40_3000]).remember(&mut recall, 12);
    let swapped = Captured::new(&[0x40_1000, 0x40_3000, 0x40_2000]);
    assert_eq!(swapped.find(&mut recall, NAMING), None);
}

#[test]
fn the_latest_shape_of_walks_from_the_same_registers_is_remembered() {
    let mut recall = zeroed::<Recall>();
    let pcs = [0x40_1000, 0x40_2000, 0x40_3000, 0x40_4000];
    let (near, far) = (Captured::new(&pcs), Captured::with_room(&pcs, 3));
    near.remember(&mut recall, 12);
    assert_eq!((near.find(&mut recall, NAMING)), Some(12));
    far.remember(&mut recall, 13);
    assert_eq!(far.find(&mut recall, NAMING), Some(13));
}

#[test]
fn entries_become_more_and_none_is_lost_by_that() {
    let mut recall = zeroed::<Recall>();
    // Enough for memory of their own.
    let many = if cfg!(miri) { 600 } else { 8 * entries::FEW as u64 };
    // Twice: those that gave way while entries were few come again.
    for _ in 0..2 {
        for number in 0..many {
            let stack = numbered(number);
            let site = number as u32 + 2;
            match stack.find(&mut recall, NAMING) {
                None => stack.remember(&mut recall, site),
                found => assert_eq!(found, Some(site)),
            }
        }
    }
    let found = (0..many).filter(|number| numbered(*number).find(&mut recall, NAMING).is_some());
    let found = found.count();
    assert!(found as u64 * 10 > many * 8, "{found} of {many}");
    // Another thread begins anew, with few.
    recall.begin();
    assert_eq!(numbered(0).find(&mut recall, NAMING), None);
    numbered(0).remember(&mut recall, 7);
    assert_eq!(numbered(0).find(&mut recall, NAMING), Some(7));
}

#[test]
#[cfg_attr(miri, ignore = "a million rounds take too long")]
fn a_thread_whose_stacks_never_come_again_stops_to_remember_them() {
    let mut credit = Credit { left: 0, refused: 0 };
    let (first, trial) = (Credit::FIRST / Credit::COST, Credit::TRIAL / Credit::COST);
    let spent = (0..first + Credit::PAUSE * 3).filter(|_| credit.spend()).count() as u32;
    assert!((first + trial..first + 4 * trial).contains(&spent), "{spent}");
    assert!(credit.is_used_up() || credit.left >= Credit::COST);
    (0..Credit::COST).for_each(|_| credit.earn());
    assert!(credit.spend());
}
