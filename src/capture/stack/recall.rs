//! Stacks that were captured before, found by the words that their walks have read.
//!
//! A walk is a function of its registers and of the words that it reads. So words that hold what
//! they held at an earlier walk from the same registers lead to the same stack. Where a walk has
//! read is its *shape*; loops that allocate at many places have few shapes.
//!
//! ```text
//!  pc, sp ──▶ shape: places ──▶ the words there now ──▶ their sum ──▶ entry: the site
//! ```
//!
//! The sum is that of products of two words each, to which random keys were added: the hash NH of
//! UMAC (J. Black, S. Halevi, H. Krawczyk, T. Krovetz, P. Rogaway, 1999). Words that differ from
//! those of a stack that is remembered have the same sum with a probability of 2^-62 at most,
//! whatever they are. The lower 96 of its 128 bits are compared: the probability is that for all
//! words that differ by less than multiples of 2^33, as return addresses of one program do. The
//! keys are a secret, so no input can be made to fit.
//!
//! To remember a stack costs as much as a few frames of a walk, so stacks are remembered as long as
//! enough of them are found again ([`Credit`]).

#![expect(
    clippy::indexing_slicing,
    reason = "indices are parts of a hash that are as long as the array"
)]

use crate::capture::registers::Registers;
use crate::capture::stack::Stack;
use crate::capture::walk::Memory;

mod entries;

use entries::Entries;

/// Shapes that are remembered at a time, at most: few at first, so that few pages are used.
const SHAPES: usize = 2048;
const FIRST_SHAPES: usize = 64;
/// Words of a stack that can be remembered.
const MOST_WORDS: usize = 320;
/// Words of all shapes.
const ALL_WORDS: usize = 1 << 16;
/// Words that one round of the sum takes.
const ROUND: usize = 4;
/// Sites of which it is known if their stacks were offered before.
const SEEN: usize = 1 << 20;

/// Keys besides those of words: for the shape and the group, for the frame pointer.
const OTHER_KEYS: usize = 2;

/// See the module's description. Zeroed memory remembers nothing.
///
/// Fields are in the order of their use: a thread that remembers few stacks uses few pages.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Recall {
    credit: Credit,
    /// The number of the latest shape.
    serial: u32,
    /// The last shape, as far as shapes are in use.
    last_shape: usize,
    /// Shapes that gave way since then.
    shapes_evicted: usize,
    /// Places in use.
    used: usize,
    /// Not 0, once they are drawn.
    keys: [u64; MOST_WORDS + OTHER_KEYS],
    shapes: [Shape; SHAPES],
    /// A bit for each site: its stack was offered once.
    seen: [u64; SEEN / 64],
    entries: Entries,
    /// The words' places, shape by shape: words from the stack pointer on.
    places: [u16; ALL_WORDS],
}

/// The words that a walk from certain registers has read.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The registers of the innermost frame; a stack pointer of 0: none.
    sp: u64,
    pc: u64,
    /// The bits of the frame pointer that matter: all, or none.
    bp_mask: u64,
    /// See [`Naming::era`].
    era: u64,
    serial: u32,
    /// The places: a whole number of rounds.
    start: u32,
    len: u32,
}

/// The state that a stack's site depends on besides the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    /// The generation of the module list, and the window: shapes are of one.
    pub(crate) era: u64,
    /// The group that the stack counts for.
    pub(crate) group: u32,
}

/// The sum of the words.
#[derive(Debug, Clone, Copy, Default)]
struct Sum(u128);

impl Sum {
    #[inline(always)]
    fn add(&mut self, one: u64, other: u64) {
        self.0 = self.0.wrapping_add(u128::from(one) * u128::from(other));
    }
}

/// Writes words' places, and sums the words.
struct Writer<'a> {
    sp: u64,
    places: &'a mut [u16],
    keys: &'a [u64],
    sum: Sum,
    /// The first factor of a product, where the second is to come.
    factor: u64,
    len: usize,
}

impl Writer<'_> {
    /// Adds a word; `false` if there is no room, or it is too far away.
    fn add(&mut self, address: u64, word: u64) -> bool {
        let offset = address.wrapping_sub(self.sp);
        let own = self.places.get_mut(self.len).zip(self.keys.get(self.len));
        let (Some((place, key)), Ok(words)) = (own, u16::try_from(offset / 8)) else {
            return false;
        };
        if !offset.is_multiple_of(8) {
            return false;
        }
        *place = words;
        let factor = word.wrapping_add(*key);
        if self.len.is_multiple_of(2) {
            self.factor = factor;
        } else {
            self.sum.add(self.factor, factor);
        }
        self.len += 1;
        true
    }
}

/// A balance of stacks that were found and remembered: a thread that seldom has a stack again soon
/// stops to remember them, and tries again from time to time.
#[derive(Debug)]
struct Credit {
    left: u32,
    refused: u32,
}

impl Credit {
    /// The cost of remembering a stack, in stacks that are found.
    const COST: u32 = 4;
    const MOST: u32 = (1 << 20) * Self::COST;
    /// At first so many stacks are remembered without any that was found: each came twice.
    const FIRST: u32 = Self::MOST;
    /// In a later trial it is so many.
    const TRIAL: u32 = 4096 * Self::COST;
    /// Captures after which there is another trial.
    const PAUSE: u32 = 32768;

    #[inline(always)]
    fn earn(&mut self) {
        self.left = self.left.wrapping_add(1);
    }

    #[inline(always)]
    fn is_used_up(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self) -> bool {
        if self.left < Self::COST {
            let is_trial = self.refused.is_multiple_of(Self::PAUSE);
            self.refused = self.refused.wrapping_add(1);
            if !is_trial {
                self.left = 0;
                return false;
            }
            let is_first = self.refused == 1;
            self.left = if is_first { Self::FIRST } else { Self::TRIAL };
        }
        self.left = self.left.min(Self::MOST) - Self::COST;
        true
    }
}

impl Recall {
    /// The place of the shape of walks from these registers.
    #[inline(always)]
    fn shape_place(&self, at: &Registers) -> usize {
        const K: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
        let mixed = (at.pc ^ at.sp << 20).wrapping_mul(K);
        (mixed >> (u64::BITS - SHAPES.ilog2())) as usize & self.last_shape
    }

    /// The site of the stack whose innermost frame has the registers `at`, if it is remembered.
    ///
    /// # Safety
    ///
    /// The memory must be that of the stacks that were [remembered](Self::remember), and `at` a
    /// frame whose stack pointer is the present one or outward of it.
    #[inline(always)]
    pub(crate) unsafe fn find<M: Memory>(
        &mut self,
        at: &Registers,
        naming: Naming,
        memory: &M,
    ) -> Option<u32> {
        let shape = &self.shapes[self.shape_place(at)];
        let is_it = shape.sp == at.sp
            && shape.pc == at.pc
            && shape.era == naming.era
            && !self.credit.is_used_up();
        if !is_it {
            return None;
        }
        let (start, len) = (shape.start as usize, shape.len as usize);
        // SAFETY: `remember` has put the shape's words there, at most as many as there are keys.
        let places = unsafe { self.places.get_unchecked(start..start + len) };
        // SAFETY: as above.
        let keys = unsafe { self.keys.get_unchecked(..len) };
        // SAFETY: granted to the walk that was remembered, which began at this stack pointer: no
        // address is below it. They are whole rounds, and one at least.
        let words = unsafe { memory.sum(at.sp, places, keys) };
        let sum = self.complete(Sum(words), shape, at, naming);
        let site = self.entries.find(sum)?;
        self.credit.earn();
        Some(site)
    }

    /// The sum with all that is no word.
    #[inline(always)]
    fn complete(&self, words: Sum, shape: &Shape, at: &Registers, naming: Naming) -> Sum {
        let [.., for_shape, for_bp] = self.keys;
        let mut sum = words;
        sum.add(u64::from(naming.group) << 32 | u64::from(shape.serial), for_shape);
        if shape.bp_mask != 0 {
            sum.add(at.bp, for_bp);
        }
        sum
    }

    /// Remembers the stack captured last, whose capture began with the registers `at`, and its
    /// site, if it is worth it. `memory` is that stack's; `secret` may be anything that no input
    /// knows.
    #[inline(never)]
    pub(crate) fn remember<M: Memory>(
        &mut self,
        (stack, memory): (&Stack, &M),
        at: &Registers,
        naming: Naming,
        site: u32,
        secret: u64,
    ) {
        // Many stacks never come again.
        if !self.is_second(site) || !self.credit.spend() || !stack.is_checkable() {
            return;
        }
        if self.last_shape == 0 {
            self.draw_keys(secret);
            self.last_shape = FIRST_SHAPES - 1;
        }
        let is_crowded = self.shapes_evicted > self.last_shape / 4;
        if is_crowded && self.last_shape < SHAPES - 1 {
            self.forget();
            self.last_shape = 2 * self.last_shape + 1;
        }
        if self.used + MOST_WORDS > ALL_WORDS {
            self.forget();
        }
        if self.serial == u32::MAX {
            return; // entries of a shape that is gone would be taken for another's
        }
        let place = self.shape_place(at);
        let Some((words, len)) = self.put_words(stack, memory, at.sp) else { return };
        let shape = Shape {
            sp: at.sp,
            pc: at.pc,
            bp_mask: stack.pointer_mask(),
            era: naming.era,
            serial: self.serial + 1,
            start: self.used as u32,
            len: len as u32,
        };
        if !self.is_same(&self.shapes[place], &shape) {
            (self.used, self.serial) = (self.used + len, shape.serial);
            self.shapes_evicted += usize::from(self.shapes[place].sp != 0);
            self.shapes[place] = shape;
        }
        let sum = self.complete(words, &self.shapes[place], at, naming);
        self.entries.put(sum, site);
    }

    /// True if the site was offered before.
    fn is_second(&mut self, site: u32) -> bool {
        let index = site as usize % SEEN;
        let (word, bit) = (&mut self.seen[index / 64], 1 << (index % 64));
        let is_second = *word & bit != 0;
        *word |= bit;
        is_second
    }

    /// Writes the places of the stack's words behind those in use; the sum of the words, and their
    /// number. `None`: they are none, too many, or too far away.
    fn put_words<M: Memory>(&mut self, stack: &Stack, memory: &M, sp: u64) -> Option<(Sum, usize)> {
        let places = self.places.get_mut(self.used..self.used + MOST_WORDS)?;
        let mut writer =
            Writer { sp, places, keys: &self.keys, sum: Sum::default(), factor: 0, len: 0 };
        let mut first = None;
        let is_whole = stack.each_word(sp, memory, |address, word| {
            first.get_or_insert((address, word));
            writer.add(address, word)
        });
        // The last round is filled with a word that is among them already.
        let (address, word) = first.filter(|_| is_whole)?;
        while !writer.len.is_multiple_of(ROUND) && writer.add(address, word) {}
        Some((writer.sum, writer.len))
    }

    /// True if both shapes have the same words.
    fn is_same(&self, one: &Shape, other: &Shape) -> bool {
        let places = |shape: &Shape| {
            let start = shape.start as usize;
            self.places.get(start..start + shape.len as usize)
        };
        one.sp == other.sp
            && one.pc == other.pc
            && one.bp_mask == other.bp_mask
            && one.era == other.era
            && places(one) == places(other)
    }

    /// Forgets all that was a thread's, before another one uses it.
    pub(crate) fn begin(&mut self) {
        self.forget();
        self.entries.make_small();
    }

    /// Forgets all shapes, and so all stacks.
    #[cold]
    pub(crate) fn forget(&mut self) {
        // Pages that were never used stay so.
        if self.used == 0 {
            return;
        }
        (self.used, self.shapes_evicted) = (0, 0);
        for shape in self.shapes.iter_mut().filter(|shape| shape.sp != 0) {
            shape.sp = 0;
        }
    }

    #[cold]
    fn draw_keys(&mut self, secret: u64) {
        let mut state = secret;
        for key in &mut self.keys {
            // The generator SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            // Odd: what is no word is multiplied by its key, and loses no bit in the low half.
            *key = (mixed ^ mixed >> 31) | 1;
        }
    }
}

#[cfg(test)]
#[path = "recall_tests.rs"]
mod tests;
