//! The stack a thread had at its last capture, and how the next one is made from it.
//!
//! A stack is kept as entries, outermost first. A new capture walks outward only until it
//! meets an entry with the same pc and stack pointer; then it checks that every word that
//! the earlier walk read further out still holds the same value. The earlier walk from
//! there was a function of those registers and those words alone, so it would be the same
//! walk again: exact, not a guess. The frame pointer has to match only where a step
//! further out reads it before some frame restores it ([`Entry::pointer_matters`]).
//!
//! ```text
//!   outermost                                        innermost
//!   entries[0]  …  entries[kept-1] | entries[kept] … entries[len-1]
//!   ──── met, words checked ─────▶ | ◀──── walked anew ────────────
//! ```
//!
//! A stack deeper than the frame limit N keeps its innermost N frames (its *window*). Up to
//! 2 N entries are remembered, so that a recursion that returns frame by frame does not
//! have to be walked anew at each step.

use crate::capture::registers::Registers;
use crate::capture::walk::{FramePointer, Memory, Reads, Rules, Step, step};

/// The largest frame limit.
pub(crate) const MAX_FRAMES: usize = 256;
const CAPACITY: usize = 2 * MAX_FRAMES;

/// An entry that has no [`Entry::node`] yet.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// One frame of the remembered stack.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    /// Return address into the frame (one past the interrupted instruction above a signal frame).
    pub(crate) pc: u64,
    /// Stack pointer of the frame while it waits for its callee: the callee's CFA.
    sp: u64,
    bp: u64,
    /// What the step out of this frame read.
    reads: Reads,
    /// Whether some step from here outward reads `bp` before a frame restores it.
    pointer_matters: bool,
    /// The frame's node in the call-site table; the caller's to fill in, [`NO_NODE`] after a capture.
    pub(crate) node: u32,
}

/// What lies outward of the outermost entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Base {
    /// Nothing: the outermost entry is `_start` or a thread's entry.
    Complete,
    /// More frames, not walked.
    Unwalked,
    /// The walk could not go on.
    #[default]
    Broken,
}

/// See the module's description. All zero is an empty stack.
#[derive(Debug)]
pub(crate) struct Stack {
    len: usize,
    base: Base,
    limit: usize,
    entries: [Entry; CAPACITY],
    /// The entries walked anew, innermost first, until they are turned over.
    fresh: [Entry; CAPACITY],
}

impl Stack {
    /// Makes zeroed memory an empty stack that keeps `limit` frames.
    ///
    /// # Safety
    ///
    /// `stack` must be valid for writes and its memory zeroed.
    pub(crate) unsafe fn initialize(stack: *mut Stack, limit: usize) {
        // SAFETY: the caller vouches for the pointer; all fields are valid when zeroed
        // (`Base` has a variant 0), so a reference may be made.
        let stack = unsafe { &mut *stack };
        stack.limit = limit.clamp(1, MAX_FRAMES);
        stack.clear();
    }

    /// Forgets the last stack: the next capture walks all of it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.base = Base::Broken;
    }

    /// The remembered frames, outermost first.
    #[inline(always)]
    pub(crate) fn entries(&mut self) -> &mut [Entry] {
        // SAFETY: `len` never exceeds the capacity (`settle` and `keep_window` see to it).
        unsafe { self.entries.get_unchecked_mut(..self.len) }
    }

    pub(crate) fn base(&self) -> Base {
        self.base
    }

    /// How many frames a stack keeps.
    #[inline(always)]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the stack has more frames than are kept.
    #[inline(always)]
    pub(crate) fn is_truncated(&self) -> bool {
        self.len > self.limit || self.base == Base::Unwalked
    }

    /// Captures the stack outward of the frame whose registers are `own`; that frame itself is
    /// left out. Returns the index of the first entry that was walked anew.
    #[inline(always)]
    pub(crate) fn capture<M: Memory, R: Rules>(
        &mut self,
        own: Registers,
        memory: &M,
        rules: &R,
    ) -> usize {
        let mut at = match step(&own, rules.rule(own.pc), memory, rules) {
            Step::Outward(caller, _) => caller,
            Step::End | Step::Broken(_) => return self.settle(0, 0, Base::Broken),
        };
        let mut candidates = self.len;
        let mut fresh = 0;
        loop {
            candidates = self.outward_of(candidates, at.sp);
            if candidates > 0 && self.meets(candidates - 1, &at) {
                match self.verify(candidates, fresh, memory) {
                    Ok(()) => return self.settle(candidates, fresh, self.base),
                    Err(unchanged) => candidates = unchanged,
                }
            }
            if fresh == 2 * self.limit {
                return self.settle(0, fresh, Base::Unwalked);
            }
            let next = step(&at, rules.rule(at.pc), memory, rules);
            let (reads, base) = match next {
                Step::Outward(_, reads) => (reads, None),
                Step::End => (Reads::default(), Some(Base::Complete)),
                Step::Broken(reads) => (reads, Some(Base::Broken)),
            };
            self.push_fresh(fresh, &at, reads);
            fresh += 1;
            match (next, base) {
                (Step::Outward(caller, _), _) => at = caller,
                (_, base) => return self.settle(0, fresh, base.unwrap_or(Base::Broken)),
            }
        }
    }

    #[inline(always)]
    fn push_fresh(&mut self, index: usize, at: &Registers, reads: Reads) {
        let entry = Entry {
            pc: at.pc,
            sp: at.sp,
            bp: at.bp,
            reads,
            pointer_matters: reads.frame_pointer == FramePointer::Used,
            node: NO_NODE,
        };
        // The index is below 2 * limit <= CAPACITY, which the caller has checked.
        if let Some(slot) = self.fresh.get_mut(index) {
            *slot = entry;
        }
    }

    /// How many of the first `candidates` entries are not inward of `sp`.
    #[inline(always)]
    fn outward_of(&self, mut candidates: usize, sp: u64) -> usize {
        while candidates > 0 && self.entries[candidates - 1].sp < sp {
            candidates -= 1;
        }
        candidates
    }

    #[inline(always)]
    fn meets(&self, index: usize, at: &Registers) -> bool {
        let entry = &self.entries[index];
        entry.sp == at.sp && entry.pc == at.pc && (entry.bp == at.bp || !entry.pointer_matters)
    }

    /// Checks that the words read outward of entry `met - 1` (itself included) are the same,
    /// as far as the window of `met + fresh` frames reaches. `Err(n)`: only the first `n`
    /// entries may still be met further out.
    #[inline(always)]
    fn verify<M: Memory>(&self, met: usize, fresh: usize, memory: &M) -> Result<(), usize> {
        let total = met + fresh;
        if self.base == Base::Unwalked && total < self.limit {
            return Err(0); // the window reaches beyond what was walked
        }
        let first = total.saturating_sub(self.limit);
        if first >= met {
            return Ok(()); // all of the window was walked anew
        }
        let entries = &self.entries[first..met];
        let mut changed = self.base_changed(first, memory);
        for pair in entries.windows(2) {
            let (outer, entry) = (&pair[0], &pair[1]);
            changed |= memory.again(entry.reads.link) ^ outer.pc;
            changed |= memory.again(entry.reads.saved) ^ entry.reads.saved_value;
            changed |= u64::from(entry.reads.unverifiable);
        }
        if changed == 0 { Ok(()) } else { Err(self.first_changed(first, met, memory)) }
    }

    /// Non-zero if the outermost entry's step would not be broken in the same way again.
    #[inline(always)]
    fn base_changed<M: Memory>(&self, first: usize, memory: &M) -> u64 {
        let reads = &self.entries[0].reads;
        if first > 0 || self.base != Base::Broken || reads.saved == 0 {
            return 0;
        }
        memory.again(reads.saved) ^ reads.saved_value
    }

    /// The smallest index from `first` on whose step has changed: entries outward of it may still be met.
    #[cold]
    fn first_changed<M: Memory>(&self, first: usize, met: usize, memory: &M) -> usize {
        // From the innermost outward: the first change met there ends what can be kept.
        for index in (first + 1..met).rev() {
            let (outer, entry) = (&self.entries[index - 1], &self.entries[index]);
            if memory.again(entry.reads.link) != outer.pc
                || memory.again(entry.reads.saved) != entry.reads.saved_value
                || entry.reads.unverifiable
            {
                return index;
            }
        }
        0
    }

    /// Joins the first `kept` entries and the `fresh` new ones; the index of the first new one.
    #[inline(always)]
    fn settle(&mut self, kept: usize, fresh: usize, base: Base) -> usize {
        self.base = base;
        let mut kept = kept;
        if kept + fresh > 2 * self.limit {
            kept = self.keep_window(kept, fresh);
        }
        let mut matters = kept > 0 && self.entries[kept - 1].pointer_matters;
        for index in 0..fresh {
            let mut entry = self.fresh[fresh - 1 - index];
            matters = match entry.reads.frame_pointer {
                FramePointer::Used => true,
                FramePointer::Restored => false,
                FramePointer::Passed => matters,
            };
            entry.pointer_matters = matters;
            self.entries[kept + index] = entry;
        }
        self.len = kept + fresh;
        kept
    }

    /// Makes room by dropping the outermost entries; returns how many of the kept ones stay.
    #[cold]
    fn keep_window(&mut self, kept: usize, fresh: usize) -> usize {
        let stay = self.limit.saturating_sub(fresh).min(kept);
        self.entries.copy_within(kept - stay..kept, 0);
        self.base = Base::Unwalked;
        stay
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
