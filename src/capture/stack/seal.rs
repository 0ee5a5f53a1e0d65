//! The words by which a stack that repeats is known to be the same, in the order of a single loop.
//!
//! A stack is unchanged if its innermost frame has the same registers, and all words that the walk
//! has read hold the same values (see the module [`stack`](super)). The seal is a copy of those
//! words' addresses and values without anything else between them. It is made of a stack that was
//! captured several times in a row, and is void as soon as another one is.
//!
//! A frame with a frame pointer has two words side by side, the saved pointer and the return
//! address: they are one pair, which is compared at once.

use crate::capture::registers::Registers;
use crate::capture::stack::Stack;
use crate::capture::walk::{Memory, link_address};

/// Words of a stack that can be sealed.
pub(crate) const MOST_WORDS: usize = 320;
/// Words, or pairs, that one round of the comparison looks at.
const ROUND: usize = 4;
/// Pairs that are not worth a loop of their own.
const FEW_PAIRS: usize = 3;

/// See the module's description. Zeroed memory is void.
#[derive(Debug)]
pub(crate) struct Seal {
    /// The registers of the innermost frame; a stack pointer of 0: void.
    sp: u64,
    pc: u64,
    bp: u64,
    /// The bits of the frame pointer that matter: all, or none.
    bp_mask: u64,
    /// True if there is more to compare than single words: the frame pointer, or pairs.
    has_more: bool,
    words: Words,
}

/// Addresses of words, and the values that they had.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct Words {
    pub(crate) addresses: [u64; MOST_WORDS],
    pub(crate) values: [u64; MOST_WORDS],
    /// The pairs' first words.
    pub(crate) pair_addresses: [u64; MOST_WORDS / 2],
    pub(crate) pair_values: [[u64; 2]; MOST_WORDS / 2],
    /// The single words in use: a whole number of rounds, and not none where the seal is not void.
    pub(crate) len: usize,
    /// The words of pairs in use: a whole number of rounds.
    pub(crate) paired: usize,
}

impl Words {
    fn clear(&mut self) {
        (self.len, self.paired) = (0, 0);
    }

    /// Adds a word, and makes a pair of it and of the one before, if that lies right above;
    /// `false` if there is no room.
    fn add(&mut self, address: u64, value: u64) -> bool {
        // The first word stays single: rounds are filled with it.
        if let Some(last) = self.len.checked_sub(1).filter(|last| *last > 0)
            && let (Some(above), Some(second)) = (self.addresses.get(last), self.values.get(last))
            && *above == address.wrapping_add(8)
        {
            let pair = [value, *second];
            self.len = last;
            return self.add_pair(address, pair);
        }
        self.add_single(address, value)
    }

    fn add_single(&mut self, address: u64, value: u64) -> bool {
        let place = self.addresses.get_mut(self.len).zip(self.values.get_mut(self.len));
        let Some((own_address, own_value)) = place else { return false };
        (*own_address, *own_value) = (address, value);
        self.len += 1;
        true
    }

    fn add_pair(&mut self, address: u64, values: [u64; 2]) -> bool {
        let index = self.paired / 2;
        let place = self.pair_addresses.get_mut(index).zip(self.pair_values.get_mut(index));
        let Some((own_address, own_values)) = place else { return false };
        (*own_address, *own_values) = (address, values);
        self.paired += 2;
        true
    }

    /// Makes few pairs single words, and fills the last rounds with what is compared already;
    /// `false` if there is nothing, or no room.
    fn fill_rounds(&mut self) -> bool {
        while self.paired <= 2 * FEW_PAIRS
            && let Some(last) = self.paired.checked_sub(2)
        {
            let index = last / 2;
            let pair = self.pair_addresses.get(index).zip(self.pair_values.get(index));
            let Some((&address, &[first, second])) = pair else { return false };
            self.paired = last;
            if !self.add_single(address.wrapping_add(8), second) || !self.add_single(address, first)
            {
                return false;
            }
        }
        while self.len > 0 && !self.len.is_multiple_of(ROUND) {
            if !self.add_single(self.addresses[0], self.values[0]) {
                return false;
            }
        }
        while !self.paired.is_multiple_of(2 * ROUND) {
            if !self.add_pair(self.pair_addresses[0], self.pair_values[0]) {
                return false;
            }
        }
        self.len > 0
    }
}

impl Seal {
    /// The place of the sealed stack's stack pointer; 0: void.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(crate) const SP: usize = core::mem::offset_of!(Seal, sp);

    /// Knows no stack from now on.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.sp = 0;
    }

    /// The registers of the innermost frame, where the frame pointer is `bp`. They are read anew:
    /// who has compared them need not keep them, which takes registers of the processor.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn registers(&self, bp: u64) -> Registers {
        // Volatile, or the compiler knows that they are those that were compared.
        // SAFETY: a field of this seal.
        let anew = |word: &u64| unsafe { core::ptr::from_ref(word).read_volatile() };
        Registers { pc: anew(&self.pc), sp: anew(&self.sp), bp }
    }

    #[cfg(test)]
    pub(super) fn is_void(&self) -> bool {
        self.sp == 0
    }

    /// True if the sealed stack's innermost frame has this stack pointer and pc.
    #[inline(always)]
    pub(crate) fn is_at(&self, at: &Registers) -> bool {
        self.sp == at.sp && self.pc == at.pc
    }

    /// True if all words of the sealed stack hold the same values, and `bp`, the innermost frame's
    /// frame pointer, is as it was if it matters.
    ///
    /// # Safety
    ///
    /// The seal must [be at](Self::is_at) the present registers of a frame that calls us, and the
    /// stack that was sealed one of this memory.
    #[inline(always)]
    pub(crate) unsafe fn holds<M: Memory>(&self, bp: u64, memory: &M) -> bool {
        let words = &self.words;
        // SAFETY: granted when the sealed stack was walked, whose innermost frame had this stack
        // pointer; see the module `check`.
        let singles_hold = unsafe { memory.hold(words) };
        // SAFETY: as above.
        let pairs_hold = || words.paired == 0 || unsafe { memory.hold_pairs(words) };
        let rest_holds = || (self.bp ^ bp) & self.bp_mask == 0 && pairs_hold();
        singles_hold && (!self.has_more || rest_holds())
    }
}

impl Stack {
    /// Seals the stack that is remembered, whose capture begins with the registers `at`; leaves the
    /// seal void if it has too many words, or some step of it cannot be checked.
    #[cold]
    pub(crate) fn seal<M: Memory>(&self, at: &Registers, memory: &M, seal: &mut Seal) {
        seal.clear();
        seal.words.clear();
        let Some(pointer) = self.pointers.get(self.len) else { return };
        let words = &mut seal.words;
        let add = |address, value| words.add(address, value);
        let all = self.is_checkable() && self.each_word(at.sp, memory, add);
        if all && words.fill_rounds() {
            (seal.pc, seal.bp) = (at.pc, pointer.bp);
            seal.bp_mask = self.pointer_mask();
            seal.has_more = seal.bp_mask != 0 || seal.words.paired != 0;
            seal.sp = at.sp;
        }
    }

    /// True if each step of the stack captured last can be checked by words alone.
    pub(super) fn is_checkable(&self) -> bool {
        let about = self.abouts.get(self.len);
        about.is_some_and(|about| about.unverifiable() < self.first && about.late() == 0)
    }

    /// The bits of the innermost frame's frame pointer that the walk depends on: all, or none.
    pub(super) fn pointer_mask(&self) -> u64 {
        let matters = self.abouts.get(self.len).is_some_and(|about| about.matters());
        if matters { u64::MAX } else { 0 }
    }

    /// Calls `add` with the address and value of each word that the walk has read, until it says
    /// `false`; `false` then, or if the address of a word is not known. A frame's saved frame
    /// pointer comes right after its return address. Words are as they are in memory: a return
    /// address may be signed. `sp`: the present stack pointer of a capture of this memory.
    pub(super) fn each_word<M: Memory>(
        &self,
        sp: u64,
        memory: &M,
        mut add: impl FnMut(u64, u64) -> bool,
    ) -> bool {
        let (first, len) = (self.first, self.len);
        let outward = self.marks.get(first..len).unwrap_or(&[]);
        let outward = outward.iter().zip(self.pointers.get(first..len).unwrap_or(&[]));
        let inward = self.pointers.get(first + 1..=len).unwrap_or(&[]);
        let checked = |index: usize| self.abouts.get(index).map_or(0, |about| about.checked());
        let mut next = checked(len);
        let mut steps = (first + 1..len + 1).zip(outward.zip(inward)).rev();
        let all_steps = steps.all(|(index, ((mark, pointer), inner))| {
            let address = link_address(mark.sp, inner.saved);
            let is_link = address != 0 && add(address, link_word(address, mark.pc, sp, memory));
            if index != next {
                return is_link;
            }
            next = checked(index - 1);
            is_link && add(inner.saved, pointer.bp)
        });
        let end = self.last_word;
        let has_end = first <= 1 && end.address != 0;
        all_steps && (!has_end || add(end.address, end.value))
    }
}

/// The word at `address` that is the return address `pc`.
#[cfg(not(target_arch = "aarch64"))]
fn link_word<M: Memory>(_address: u64, pc: u64, _sp: u64, _memory: &M) -> u64 {
    pc
}

/// The word at `address` that is the return address `pc`, with its signature. If it is another one
/// by now, `pc` itself.
#[cfg(target_arch = "aarch64")]
fn link_word<M: Memory>(address: u64, pc: u64, sp: u64, memory: &M) -> u64 {
    use crate::capture::registers::return_address;
    if address < sp {
        return pc;
    }
    // SAFETY: granted when the stack was walked, and not below the present stack pointer.
    let word = unsafe { memory.again(address) };
    if return_address(word) == pc { word } else { pc }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;
    use crate::base::sync::{AtomicU64, Ordering};
    use crate::capture::own_stack::OwnStack;

    /// Words of this thread's real memory, which is compared two words at a time: each word counts.
    fn each_counts(words: &[AtomicU64], addresses: &[usize]) {
        // SAFETY: a seal's words are valid when zeroed.
        let mut words_of: Box<Words> = unsafe { Box::new_zeroed().assume_init() };
        for &index in addresses {
            let address = words.as_ptr().wrapping_add(index).expose_provenance() as u64;
            assert!(words_of.add(address, words[index].load(Ordering::Relaxed)));
        }
        assert!(words_of.fill_rounds());
        // SAFETY: no word is read but those of the slice.
        let memory = unsafe { OwnStack::as_remembered() };
        // SAFETY: as above.
        let pairs_hold = || words_of.paired == 0 || unsafe { memory.hold_pairs(&words_of) };
        // SAFETY: as above.
        let hold = || unsafe { memory.hold(&words_of) } && pairs_hold();
        assert!(hold(), "{addresses:?}");
        for &index in addresses {
            for bit in [0, 31, 32, 63] {
                words[index].fetch_xor(1 << bit, Ordering::Relaxed);
                assert!(!hold(), "word {index} of {addresses:?}, bit {bit}");
                words[index].fetch_xor(1 << bit, Ordering::Relaxed);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "an address has no provenance, in its strict form")]
    fn each_word_of_a_seal_counts() {
        let words: Vec<AtomicU64> = (100..200).map(AtomicU64::new).collect();
        for len in 1..=13 {
            // From the innermost frame outward: single words, then pairs whose upper word comes
            // first, then both.
            let singles: Vec<usize> = (0..len).map(|index| 3 * index).collect();
            let pairs: Vec<usize> = (0..len).flat_map(|index| [3 * index + 1, 3 * index]).collect();
            let both =
                [&singles[..], &[50], &pairs.iter().map(|index| 52 + index).collect::<Vec<_>>()];
            each_counts(&words, &singles);
            each_counts(&words, &pairs);
            each_counts(&words, &both.concat());
        }
    }

    #[test]
    fn a_return_address_and_the_pointer_below_it_are_a_pair() {
        // SAFETY: as above.
        let mut words: Box<Words> = unsafe { Box::new_zeroed().assume_init() };
        // The first stays single, as rounds are filled with it; a word above one is no pair.
        for address in [8, 0, 40, 32, 56, 64] {
            assert!(words.add(address, address + 1));
        }
        assert_eq!((words.len, words.addresses[..4].as_ref()), (4, [8, 0, 56, 64].as_ref()));
        assert_eq!(
            (words.paired, words.pair_addresses[0], words.pair_values[0]),
            (2, 32, [33, 41])
        );
    }
}
