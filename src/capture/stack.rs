//! A thread's stack at its last capture, from which the next one is made.
//!
//! A stack is kept as frames, outermost first. A new capture walks outward only until it
//! meets a frame with the same pc and stack pointer; then it checks that every word that
//! the earlier walk read further out still holds the same value. The earlier walk from
//! there was a function of those registers and those words alone, so it would be the same
//! walk again: exact, not a guess.
//!
//! ```text
//!   outermost                                  innermost
//!   1  …  met           met | met + 1 … len
//!   ──── words checked ───▶ | ◀──── walked anew ────────
//! ```
//!
//! The words are the return addresses, each of them the pc of the next outer frame, and the saved
//! frame pointers. A frame pointer has to be the same only where a step further out reads it before
//! some frame restores it ([`About`]); code without frame pointers has hardly a frame
//! where it does, so there a check is one load and one comparison per frame.
//!
//! A stack deeper than the frame limit N keeps its innermost N frames (its *window*). Up to
//! 2 N frames are remembered, so that a recursion that returns frame by frame does not
//! have to be walked anew at each step.

mod about;
mod check;
mod join;
mod names;
mod outward;
mod recall;
mod seal;

pub(crate) use names::{NO_NODE, Names, NoNames};
pub(crate) use recall::{Naming, Recall};
pub(crate) use seal::{Seal, Words};

use crate::capture::registers::Registers;
use crate::capture::walk::{Memory, PointerUse, Rules, Word};
use about::About;

/// The largest frame limit: 256 frames of the program, and the allocator's own.
pub(crate) const MAX_FRAMES: usize = 257;
const CAPACITY: usize = 2 * MAX_FRAMES;

/// One frame of the remembered stack, as far as each check looks at it.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Mark {
    /// Return address into the frame (one past the interrupted instruction above a signal frame).
    pub(crate) pc: u64,
    /// Stack pointer of the frame while it waits for its callee: the callee's CFA.
    sp: u64,
}

/// Lies outward of all frames. No walk gets past it.
const SENTINEL: Mark = Mark { pc: 0, sp: u64::MAX };

/// The frame pointer of a remembered frame. Written where it matters.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Pointer {
    bp: u64,
    /// The address at which the step out of this frame read the next outer frame's `bp`; 0 if it
    /// did not.
    saved: u64,
}

/// A frame that was walked anew. The order of its fields is not that of a [`Mark`] or [`Pointer`]:
/// two words written one by one and soon copied as one vector would stall the processor.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Fresh {
    sp: u64,
    pc: u64,
    saved: u64,
    bp: u64,
    pointer: PointerUse,
}

/// The end outward of the outermost frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Base {
    /// Nothing: the outermost frame is `_start` or a thread's entry.
    Complete,
    /// More frames, not walked.
    Unwalked,
    /// The walk could not go on.
    #[default]
    Broken,
}

/// See the module's description. Frames are numbered from 1, outermost first; 0 is the
/// [`SENTINEL`].
#[derive(Debug)]
pub(crate) struct Stack {
    len: usize,
    /// Frames that the last capture has walked.
    walked: usize,
    limit: usize,
    /// The first frame whose return address the present window depends on.
    first: usize,
    base: Base,
    /// The word that said that the walk ends.
    last_word: Word,
    marks: [Mark; CAPACITY + 1],
    abouts: [About; CAPACITY + 1],
    pointers: [Pointer; CAPACITY + 1],
    /// The frames walked anew, innermost first, until they are turned over.
    fresh: [Fresh; CAPACITY],
}

impl Stack {
    /// Keeps `limit` frames of a stack from now on. Zeroed memory is a stack that needs this.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.clamp(1, MAX_FRAMES);
        self.marks[0] = SENTINEL;
        self.clear();
    }

    /// Forgets the last stack: the next capture walks all of it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.base = Base::Broken;
        self.last_word = Word::default();
    }

    /// Drops the names of the remembered frames: the next capture asks for them.
    pub(crate) fn forget_names(&mut self) {
        for about in self.abouts.iter_mut().take(self.len + 1).skip(1) {
            *about = about.with_node(NO_NODE);
        }
    }

    /// The number of frames that the last capture has walked.
    #[inline(always)]
    pub(crate) fn walked(&self) -> usize {
        self.walked
    }

    /// The remembered frames, outermost first.
    #[inline(always)]
    pub(crate) fn marks(&self) -> &[Mark] {
        self.marks.get(1..=self.len).unwrap_or(&[])
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> Base {
        self.base
    }

    /// The number of frames that a stack keeps.
    #[inline(always)]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// True if the stack has more frames than are kept.
    #[inline(always)]
    pub(crate) fn is_truncated(&self) -> bool {
        self.len > self.limit || self.base == Base::Unwalked
    }

    /// The pcs of the frames whose modules were loaded late, innermost first.
    pub(crate) fn late(&self) -> impl Iterator<Item = u64> {
        let next = |index: usize| Some(self.abouts.get(index)?.late()).filter(|late| *late > 0);
        core::iter::successors(next(self.len), move |late| next(late - 1))
            .filter_map(|late| Some(self.marks.get(late)?.pc))
    }

    /// True if some frame's module was loaded late.
    #[inline(always)]
    pub(crate) fn has_late(&self) -> bool {
        self.abouts.get(self.len).is_some_and(|about| about.late() > 0)
    }

    /// True if another capture of the same moment has kept the same frames.
    pub(crate) fn window_equals(&self, other: &Stack) -> bool {
        let window = |stack: &Stack| {
            let outside = stack.len.saturating_sub(stack.limit);
            outside + 1..stack.len + 1
        };
        let (own, others) = (self.marks.get(window(self)), other.marks.get(window(other)));
        let (Some(own), Some(others)) = (own, others) else { return false };
        let same = |(a, b): (&Mark, &Mark)| a.pc == b.pc && a.sp == b.sp;
        own.len() == others.len()
            && own.iter().zip(others).all(same)
            && self.is_truncated() == other.is_truncated()
            && (self.is_truncated() || self.base == other.base)
    }

    /// Captures the stack whose innermost frame has the registers `at`. Returns the innermost
    /// frame's name by `names`, unless the stack [is truncated](Self::is_truncated) or empty.
    #[inline(always)]
    pub(crate) fn capture<M: Memory, R: Rules, N: Names>(
        &mut self,
        at: Registers,
        memory: &M,
        rules: &R,
        names: &mut N,
    ) -> Option<u32> {
        let walked = self.walk(at.pc, at.sp, at.bp, memory, rules);
        self.settle(walked, names)
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
