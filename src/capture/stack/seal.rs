//! The words by which a stack that repeats is known to be the same, in the order of a single loop.
//!
//! A stack is unchanged if its innermost frame has the same registers, and all words that the walk
//! has read hold the same values (see the module [`stack`](super)). The seal is a copy of those
//! words' addresses and values without anything else between them. It is made of a stack that was
//! captured several times in a row, and is void as soon as another one is.

use crate::capture::registers::Registers;
use crate::capture::stack::Stack;
use crate::capture::walk::{Memory, link_address};

/// Words of a stack that can be sealed.
pub(crate) const MOST_WORDS: usize = 320;
/// Words that one round of the comparison looks at.
const ROUND: usize = 4;

/// See the module's description. Zeroed memory is void.
#[derive(Debug)]
pub(crate) struct Seal {
    /// The registers of the innermost frame; a stack pointer of 0: void.
    sp: u64,
    pc: u64,
    bp: u64,
    /// The bits of the frame pointer that matter: all, or none.
    bp_mask: u64,
    words: Words,
}

/// Addresses of words, and the values that they had.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct Words {
    pub(crate) addresses: [u64; MOST_WORDS],
    pub(crate) values: [u64; MOST_WORDS],
    /// The words in use: a whole number of rounds, and not none where the seal is not void.
    pub(crate) len: usize,
}

impl Words {
    /// Adds a word; `false` if there is no room.
    fn add(&mut self, address: u64, value: u64) -> bool {
        let place = self.addresses.get_mut(self.len).zip(self.values.get_mut(self.len));
        let Some((own_address, own_value)) = place else { return false };
        (*own_address, *own_value) = (address, value);
        self.len += 1;
        true
    }

    /// Fills the last round with a word that is compared already; `false` if there is none.
    fn fill_round(&mut self) -> bool {
        let [address, ..] = self.addresses;
        let [value, ..] = self.values;
        while self.len > 0 && !self.len.is_multiple_of(ROUND) {
            if !self.add(address, value) {
                return false;
            }
        }
        self.len > 0
    }
}

impl Seal {
    /// The place of the sealed stack's stack pointer; 0: void.
    pub(crate) const SP: usize = core::mem::offset_of!(Seal, sp);

    /// Knows no stack from now on.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.sp = 0;
    }

    /// The registers of the innermost frame, where the frame pointer is `bp`. They are read anew:
    /// who has compared them need not keep them, which takes registers of the processor.
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

    /// True if the sealed stack's innermost frame has these registers.
    #[inline(always)]
    pub(crate) fn is_at(&self, at: &Registers) -> bool {
        self.sp == at.sp && self.pc == at.pc && (self.bp ^ at.bp) & self.bp_mask == 0
    }

    /// True if all words of the sealed stack hold the same values.
    ///
    /// # Safety
    ///
    /// The seal must [be at](Self::is_at) the present registers of a frame that calls us, and the
    /// stack that was sealed one of this memory.
    #[inline(always)]
    pub(crate) unsafe fn holds<M: Memory>(&self, memory: &M) -> bool {
        // SAFETY: granted when the sealed stack was walked, whose innermost frame had this stack
        // pointer; see the module `check`.
        unsafe { memory.hold(&self.words) }
    }
}

impl Stack {
    /// Seals the stack that is remembered, whose capture begins with the registers `at`; leaves the
    /// seal void if it has too many words, or some step of it cannot be checked.
    #[cold]
    pub(crate) fn seal(&self, at: &Registers, seal: &mut Seal) {
        seal.clear();
        seal.words.len = 0;
        let Some(pointer) = self.pointers.get(self.len) else { return };
        let words = &mut seal.words;
        let all = self.is_checkable() && self.each_word(|address, value| words.add(address, value));
        if all && words.fill_round() {
            (seal.pc, seal.bp) = (at.pc, pointer.bp);
            seal.bp_mask = self.pointer_mask();
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
    /// `false`; `false` then, or if the address of a word is not known.
    pub(super) fn each_word(&self, mut add: impl FnMut(u64, u64) -> bool) -> bool {
        let (first, len) = (self.first, self.len);
        let links = self.marks.get(first..len).unwrap_or(&[]);
        let inward = self.pointers.get(first + 1..=len).unwrap_or(&[]);
        let all_links = links.iter().zip(inward).all(|(mark, inner)| {
            let address = link_address(mark.sp, inner.saved);
            address != 0 && add(address, mark.pc)
        });
        let checked = |index: usize| self.abouts.get(index).map_or(0, |about| about.checked());
        let next = |index: usize| Some(checked(index)).filter(|index| *index > first);
        let mut pointers = core::iter::successors(next(len), |index| next(index - 1));
        let all_pointers = pointers.all(|index| {
            let both = self.pointers.get(index).zip(self.pointers.get(index - 1));
            both.is_some_and(|(inner, outer)| add(inner.saved, outer.bp))
        });
        let end = self.last_word;
        let has_end = first <= 1 && end.address != 0;
        all_links && all_pointers && (!has_end || add(end.address, end.value))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::base::sync::{AtomicU64, Ordering};
    use crate::capture::own_stack::OwnStack;

    /// A seal whose words are the real memory of this thread is compared two words at a time: each
    /// word counts.
    #[test]
    #[cfg_attr(miri, ignore = "an address has no provenance, in its strict form")]
    fn each_word_of_a_seal_counts() {
        for len in 1..=13 {
            let words: Vec<AtomicU64> = (100..100 + len).map(AtomicU64::new).collect();
            let address =
                |index: usize| words.as_ptr().wrapping_add(index).expose_provenance() as u64;
            let mut words_of =
                Words { addresses: [0; MOST_WORDS], values: [0; MOST_WORDS], len: 0 };
            for (index, value) in words.iter().enumerate() {
                assert!(words_of.add(address(index), value.load(Ordering::Relaxed)));
            }
            assert!(words_of.fill_round());
            // SAFETY: no word is read but those of the vector.
            let memory = unsafe { OwnStack::as_remembered() };
            // SAFETY: as above.
            let hold = || unsafe { memory.hold(&words_of) };
            assert!(hold(), "{len}");
            for (index, word) in words.iter().enumerate() {
                for bit in [0, 31, 32, 63] {
                    word.fetch_xor(1 << bit, Ordering::Relaxed);
                    assert!(!hold(), "word {index} of {len}, bit {bit}");
                    word.fetch_xor(1 << bit, Ordering::Relaxed);
                }
            }
        }
    }
}
