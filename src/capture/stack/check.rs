//! The check that a repeated walk would give the remembered stack.
//!
//! All words that are read here were granted by [`Memory::word`] when the remembered frames were
//! walked; each lies at its frame's stack pointer or outward of it. A check begins at a remembered
//! frame whose stack pointer is the present walk's, and reads words of that frame and of frames
//! outward of it only. The memory's maker has promised that it is of the remembered stack
//! ([`OwnStack`](crate::capture::own_stack::OwnStack)); other memories are safe to read anywhere.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are of frames up to `len`, which the walk keeps within the arrays"
)]

use crate::capture::registers::Registers;
#[cfg(target_arch = "aarch64")]
use crate::capture::registers::return_address;
#[cfg(target_arch = "aarch64")]
use crate::capture::stack::Pointer;
use crate::capture::stack::{Base, Mark, Stack};
use crate::capture::walk::{Memory, link_address};

impl Stack {
    /// True if a capture would find the very stack that is remembered.
    #[inline(always)]
    pub(crate) fn is_unchanged<M: Memory>(&self, at: &Registers, memory: &M) -> bool {
        let Some(mark) = self.marks.get(self.len) else { return false };
        // The sentinel's stack pointer is no thread's.
        mark.sp == at.sp
            && mark.pc == at.pc
            && self.takes(self.len, at.bp)
            && self.holds(self.first, self.len, memory)
    }

    /// True if the walk goes on from a remembered frame in the same way if its frame pointer is
    /// `bp`.
    #[inline(always)]
    fn takes(&self, met: usize, bp: u64) -> bool {
        self.abouts.get(met).is_some_and(|about| !about.matters() || self.pointers[met].bp == bp)
    }

    /// True if the steps from frame `met` outward as far as frame `first` would be the same again.
    #[inline(always)]
    pub(super) fn holds<M: Memory>(&self, first: usize, met: usize, memory: &M) -> bool {
        self.changed_link(first, met, memory).is_none() && self.holds_the_rest(first, met, memory)
    }

    /// The innermost frame, from frame `met` outward, that returns to another address than it did.
    #[cfg(not(target_arch = "aarch64"))]
    #[inline(always)]
    fn changed_link<M: Memory>(&self, first: usize, met: usize, memory: &M) -> Option<usize> {
        // SAFETY: where the frame's return address was granted; see the module's description.
        let link = |mark: &Mark| unsafe { memory.again(link_address(mark.sp, 0)) };
        let differs = |mark: &Mark| link(mark) ^ mark.pc;
        let marks = self.marks.get(first..met).unwrap_or(&[]);
        let (rest, fours) = marks.as_rchunks::<4>();
        let mut index = met;
        for [a, b, c, d] in fours.iter().rev() {
            if differs(a) | differs(b) | (differs(c) | differs(d)) != 0 {
                break;
            }
            index -= 4;
        }
        let rest = if index - first < 4 { rest } else { &marks[..index - first] };
        let changed = rest.iter().rposition(|mark| differs(mark) != 0)?;
        Some(first + changed + 1)
    }

    /// The innermost frame, from frame `met` outward, that returns to another address than it did.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn changed_link<M: Memory>(&self, first: usize, met: usize, memory: &M) -> Option<usize> {
        let marks = self.marks.get(first..met).unwrap_or(&[]);
        let pointers = self.pointers.get(first + 1..=met).unwrap_or(&[]);
        let differs = |(mark, pointer): (&Mark, &Pointer)| {
            // Out of a signal's frame it was not read there, and is not to be relied on.
            if pointer.saved == 0 {
                return true;
            }
            // SAFETY: where the frame's return address was granted; see the module's description.
            let word = unsafe { memory.again(link_address(mark.sp, pointer.saved)) };
            return_address(word) != mark.pc
        };
        let changed = marks.iter().zip(pointers).rposition(differs)?;
        Some(first + changed + 1)
    }

    /// True if the words that the steps read besides return addresses are unchanged.
    #[inline(always)]
    fn holds_the_rest<M: Memory>(&self, first: usize, met: usize, memory: &M) -> bool {
        let about = self.abouts[met];
        let word = self.last_word;
        about.unverifiable() < first
            && (about.checked() <= first || self.changed_pointer(first, met, memory).is_none())
            && (first > 1 || word.address == 0 || {
                // SAFETY: granted to the walk that ended there; see the module's description.
                unsafe { memory.again(word.address) == word.value }
            })
    }

    /// The innermost frame, from frame `met` outward, that restores another frame pointer than it
    /// did though it matters.
    #[inline(never)]
    fn changed_pointer<M: Memory>(&self, first: usize, met: usize, memory: &M) -> Option<usize> {
        let mut index = self.abouts[met].checked();
        while index > first {
            // SAFETY: where the frame's saved pointer was granted; see the module's description.
            let saved = unsafe { memory.again(self.pointers[index].saved) };
            if saved != self.pointers[index - 1].bp {
                return Some(index);
            }
            index = self.abouts[index - 1].checked();
        }
        None
    }

    /// Called at a frame of the same pc and stack pointer as frame `met`. `Ok` if the walk would go
    /// on from there as it did, as far as the window of `met` frames and `fresh` more reaches.
    /// `Err(n)`: only the outermost `n` frames may still be met further out.
    #[inline(never)]
    pub(super) fn meet<M: Memory>(
        &self,
        met: usize,
        bp: u64,
        fresh: usize,
        memory: &M,
    ) -> Result<(), usize> {
        let total = met + fresh;
        let unwalked = self.base == Base::Unwalked && total <= self.limit;
        if met == 0 || unwalked {
            return Err(0); // the sentinel, or the window reaches beyond what was walked
        }
        if !self.takes(met, bp) {
            return Err(met - 1);
        }
        let first = self.first_of(total).min(met);
        match self.changed_link(first, met, memory) {
            None if self.holds_the_rest(first, met, memory) => Ok(()),
            None => Err(self.unchanged(first, met, memory)),
            // Something else further in may have changed, too: then the next that is met is
            // refused.
            Some(index) => Err(index - 1),
        }
    }

    /// The number of outermost frames that lie outward of the changed word, which is no return
    /// address.
    #[cold]
    fn unchanged<M: Memory>(&self, first: usize, met: usize, memory: &M) -> usize {
        let unverifiable = self.abouts[met].unverifiable();
        self.changed_pointer(first, met, memory).unwrap_or(1).max(unverifiable) - 1
    }

    /// The first frame whose return address a window of the innermost of `total` frames depends on:
    /// the one outward of the window, by which it is known to be one.
    #[inline(always)]
    pub(super) fn first_of(&self, total: usize) -> usize {
        total.saturating_sub(self.limit).max(1)
    }
}
