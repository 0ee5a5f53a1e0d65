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
//! The words lie in one array beside the entries, so that checking them is a run of loads that do
//! not depend on each other.
//!
//! A stack deeper than the frame limit N keeps its innermost N frames (its *window*). Up to
//! 2 N entries are remembered, so that a recursion that returns frame by frame does not
//! have to be walked anew at each step.

use crate::capture::registers::Registers;
use crate::capture::walk::{FramePointer, Memory, Reads, Rules, Step, step};

/// The largest frame limit: 256 frames of the program, and the allocator's own.
pub(crate) const MAX_FRAMES: usize = 257;
const CAPACITY: usize = 2 * MAX_FRAMES;
/// A step notes two words at the most.
const WORDS: usize = 2 * CAPACITY;

/// An entry that has no [`Entry::node`] yet.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// One frame of the remembered stack.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Entry {
    /// Return address into the frame (one past the interrupted instruction above a signal frame).
    pub(crate) pc: u64,
    /// Stack pointer of the frame while it waits for its callee: the callee's CFA.
    sp: u64,
    bp: u64,
    /// The frame's node in the call-site table; the caller's to fill in, [`NO_NODE`] after a capture.
    pub(crate) node: u32,
    /// Where this entry's words end in [`Stack::words`]; they begin where the next outer entry's end.
    words_end: u16,
    /// Whether some step from here outward reads `bp` before a frame restores it.
    pointer_matters: bool,
}

/// A word of the stack and what it held.
#[derive(Debug, Clone, Copy, Default)]
struct Word {
    address: u64,
    value: u64,
}

/// A frame that was walked anew. Its fields' order is not an entry's: see [`Reads`].
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Fresh {
    sp: u64,
    pc: u64,
    reads: Reads,
    bp: u64,
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
    limit: usize,
    base: Base,
    /// Where the words that the present window depends on begin.
    first_word: usize,
    entries: [Entry; CAPACITY],
    words: [Word; WORDS],
    /// The entries walked anew, innermost first, until they are turned over.
    fresh: [Fresh; CAPACITY],
}

impl Stack {
    /// Keeps `limit` frames of a stack from now on. Zeroed memory is a stack that needs this.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.clamp(1, MAX_FRAMES);
        self.clear();
    }

    /// Forgets the last stack: the next capture walks all of it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.base = Base::Broken;
    }

    /// The remembered frames, outermost first.
    #[inline(always)]
    pub(crate) fn entries(&mut self) -> &mut [Entry] {
        let len = self.len.min(CAPACITY);
        &mut self.entries[..len]
    }

    #[inline(always)]
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

    /// Whether a capture would find the very stack that is remembered.
    #[inline(always)]
    pub(crate) fn is_unchanged<M: Memory>(&self, at: &Registers, memory: &M) -> bool {
        let Some(innermost) = self.entries.get(self.len.wrapping_sub(1)) else { return false };
        let same = innermost.sp == at.sp
            && innermost.pc == at.pc
            && (innermost.bp == at.bp || !innermost.pointer_matters);
        same && self.holds(self.first_word..innermost.words_end.into(), memory)
    }

    /// Whether another capture of the same moment has kept the same frames.
    pub(crate) fn window_equals(&self, other: &Stack) -> bool {
        let window = |stack: &Stack| {
            let first = stack.len.saturating_sub(stack.limit);
            first..stack.len
        };
        let (own, others) = (self.entries.get(window(self)), other.entries.get(window(other)));
        let (Some(own), Some(others)) = (own, others) else { return false };
        let same = |(a, b): (&Entry, &Entry)| a.pc == b.pc && a.sp == b.sp;
        own.len() == others.len()
            && own.iter().zip(others).all(same)
            && self.is_truncated() == other.is_truncated()
            && (self.is_truncated() || self.base == other.base)
    }

    /// Whether some of the words still are what they were.
    #[inline(always)]
    fn holds<M: Memory>(&self, words: core::ops::Range<usize>, memory: &M) -> bool {
        let mut changed = 0;
        let (fours, rest) = self.words.get(words).unwrap_or(&[]).as_chunks::<4>();
        for [a, b, c, d] in fours {
            let first = memory.again(a.address) ^ a.value | memory.again(b.address) ^ b.value;
            let last = memory.again(c.address) ^ c.value | memory.again(d.address) ^ d.value;
            changed |= first | last;
        }
        for word in rest {
            changed |= memory.again(word.address) ^ word.value;
        }
        changed == 0
    }

    /// Captures the stack whose innermost frame has the registers `at`. Returns the index of the
    /// first entry that was walked anew.
    #[inline(always)]
    pub(crate) fn capture<M: Memory, R: Rules>(
        &mut self,
        mut at: Registers,
        memory: &M,
        rules: &R,
    ) -> usize {
        let mut candidates = self.len.min(CAPACITY);
        let mut fresh = 0;
        let most = (2 * self.limit).min(CAPACITY);
        loop {
            while let Some(entry) = self.entries[..candidates].last() {
                if entry.sp >= at.sp {
                    if entry.sp == at.sp
                        && entry.pc == at.pc
                        && (entry.bp == at.bp || !entry.pointer_matters)
                    {
                        match self.verify(candidates, fresh, memory) {
                            Ok(()) => return self.settle(candidates, fresh, self.base),
                            Err(unchanged) => candidates = unchanged,
                        }
                    }
                    break;
                }
                candidates -= 1;
            }
            if fresh >= most {
                return self.settle(0, fresh, Base::Unwalked);
            }
            // SAFETY: `fresh` is below `most`, which is at most the capacity.
            let slot = unsafe { self.fresh.get_unchecked_mut(fresh) };
            (slot.pc, slot.sp, slot.bp) = (at.pc, at.sp, at.bp);
            fresh += 1;
            let rule = rules.rule(at.pc);
            match step(&mut at, &mut slot.reads, rule, memory, rules) {
                Step::Outward => {}
                Step::End => return self.settle(0, fresh, Base::Complete),
                Step::Broken => return self.settle(0, fresh, Base::Broken),
            }
        }
    }

    /// Checks that the words read outward of entry `met - 1` (itself included) are the same,
    /// as far as the window of `met + fresh` frames reaches. `Err(n)`: only the first `n`
    /// entries may still be met further out.
    #[inline(always)]
    fn verify<M: Memory>(&self, met: usize, fresh: usize, memory: &M) -> Result<(), usize> {
        let total = met + fresh;
        let words = if total <= self.limit && self.base != Base::Unwalked {
            0..self.words_end(met)
        } else {
            self.window_words(met, total)?
        };
        if self.holds(words.clone(), memory) {
            Ok(())
        } else {
            Err(self.first_changed(words, met, memory))
        }
    }

    /// Where the words of the first `entries` entries end.
    #[inline(always)]
    fn words_end(&self, entries: usize) -> usize {
        self.entries[..entries].last().map_or(0, |entry| entry.words_end.into())
    }

    /// The words that the window of `total` frames depends on, of the first `met` entries.
    #[cold]
    fn window_words(&self, met: usize, total: usize) -> Result<core::ops::Range<usize>, usize> {
        if self.base == Base::Unwalked && total < self.limit {
            return Err(0); // the window reaches beyond what was walked
        }
        // The window's outermost frame is in it whatever lies outward: its own step is not.
        let outermost = (total.saturating_sub(self.limit) + 1).min(met);
        Ok(self.words_end(outermost)..self.words_end(met))
    }

    /// The index of the innermost entry whose step has changed: those outward of it may still be met.
    #[cold]
    fn first_changed<M: Memory>(
        &self,
        words: core::ops::Range<usize>,
        met: usize,
        memory: &M,
    ) -> usize {
        let first = words.start;
        let same = |word: &Word| memory.again(word.address) == word.value;
        let Some(changed) =
            self.words.get(words).and_then(|words| words.iter().rposition(|word| !same(word)))
        else {
            return 0;
        };
        let changed = first + changed;
        self.entries[..met].partition_point(|entry| usize::from(entry.words_end) <= changed)
    }

    /// Joins the first `kept` entries and the `fresh` new ones; the index of the first new one.
    #[inline(always)]
    fn settle(&mut self, kept: usize, fresh: usize, base: Base) -> usize {
        self.base = base;
        let mut kept = kept;
        if kept + fresh > 2 * self.limit {
            kept = self.keep_window(kept, fresh);
        }
        let (mut matters, mut words, mut outer) = match self.entries[..kept].last() {
            Some(entry) => (entry.pointer_matters, usize::from(entry.words_end), entry.pc),
            None => (false, 0, 0),
        };
        let entries = self.entries[kept..].iter_mut();
        for (entry, fresh) in entries.zip(self.fresh[..fresh].iter().rev()) {
            let reads = &fresh.reads;
            matters = match reads.frame_pointer {
                FramePointer::Used => true,
                FramePointer::Restored => false,
                FramePointer::Passed => matters,
            };
            // Both words are written, and those that are none are written over by the next. There is
            // room for two words of each entry.
            if let Some([link, saved]) = self.words[words..].first_chunk_mut() {
                let word = Word { address: reads.saved, value: reads.saved_value };
                *saved = word;
                *link =
                    if reads.link != 0 { Word { address: reads.link, value: outer } } else { word };
            }
            words += usize::from(reads.link != 0) + usize::from(reads.saved != 0);
            outer = fresh.pc;
            *entry = Entry {
                pc: outer,
                sp: fresh.sp,
                bp: fresh.bp,
                node: NO_NODE,
                words_end: words as u16,
                pointer_matters: matters,
            };
        }
        self.len = kept + fresh;
        self.first_word = self.window_start(self.len);
        kept
    }

    /// Where the words begin that the window of the first `total` entries depends on. The window's
    /// outermost frame is in it whatever lies outward: its own step is not.
    #[inline(always)]
    fn window_start(&self, total: usize) -> usize {
        match total.checked_sub(self.limit) {
            None | Some(0) if self.base != Base::Unwalked => 0,
            outward => self.words_end(outward.unwrap_or(0) + 1),
        }
    }

    /// Makes room by dropping the outermost entries; returns how many of the kept ones stay.
    #[cold]
    fn keep_window(&mut self, kept: usize, fresh: usize) -> usize {
        let stay = self.limit.saturating_sub(fresh).min(kept);
        let (first_word, end_word) = (self.words_end(kept - stay), self.words_end(kept));
        self.words.copy_within(first_word..end_word, 0);
        self.entries.copy_within(kept - stay..kept, 0);
        for entry in &mut self.entries[..stay] {
            entry.words_end -= first_word as u16;
        }
        self.base = Base::Unwalked;
        stay
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
