//! The remembered frames that were met, and the fresh ones inward of them, made one stack.
//!
//! ```text
//!  marks   [sentinel] outermost … met │ … forgotten
//!  fresh                              │ last walked … innermost     in the order of the walk
//!  joined  [sentinel] outermost … met, last walked, … innermost
//! ```
//!
//! Each joined frame gets its node: the name of the stack that it ends. Ways to it, the cheapest
//! first:
//!
//! 1. The trail, a hash of the fresh frames' addresses, led from the met frame to a node before.
//!    That node's parents are compared with the fresh frames one by one, so a wrong guess is found.
//! 2. Each frame is looked up from its outer neighbour's node, and added if it is new.
//! 3. A truncated stack has no nodes of its own: the window's are looked up by its caller.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are of frames up to `len`, which the walk keeps within the arrays"
)]

use crate::capture::stack::about::About;
use crate::capture::stack::outward::Walked;
use crate::capture::stack::{Base, Mark, NO_NODE, Names, NoNames, Pointer, Stack};
use crate::capture::walk::Word;

impl Stack {
    /// Joins the kept frames and the fresh ones.
    #[inline(always)]
    pub(super) fn settle<N: Names>(&mut self, walked: Walked, names: &mut N) -> Option<u32> {
        let Walked { kept, fresh, base, differs, trail } = walked;
        (self.base, self.walked) = (base, fresh);
        if kept + fresh > self.limit || base == Base::Unwalked {
            self.settle_truncated(kept, fresh);
            return None;
        }
        self.len = kept + fresh;
        self.first = 1;
        let about = *self.abouts.get(kept)?;
        if differs || about.matters() || about.node() == NO_NODE || kept == 0 {
            return self.settle_slowly(kept, fresh, names);
        }
        if let Some(node) = names.recall(about.node(), trail)
            && self.turn_over_known(kept, fresh, about, node, names)
        {
            return Some(node);
        }
        let node = self.turn_over_new(kept, fresh, about, names);
        names.remember(about.node(), trail, node);
        Some(node)
    }

    /// Joins frames if the fresh ones differ in their facts, or the kept ones have no names yet.
    #[inline(never)]
    fn settle_slowly<N: Names>(&mut self, kept: usize, fresh: usize, names: &mut N) -> Option<u32> {
        let about = match self.abouts[kept] {
            _ if kept == 0 => About::default().with_node(names.root(self.base)),
            about if about.node() == NO_NODE => self.name_kept(kept, names),
            about => about,
        };
        let node = self.turn_over(kept, fresh, about, names);
        (self.len > 0).then_some(node)
    }

    /// Joins frames of which more are remembered than kept, or more exist.
    #[cold]
    #[inline(never)]
    fn settle_truncated(&mut self, kept: usize, fresh: usize) {
        let kept = if kept + fresh > 2 * self.limit { self.keep_window(kept, fresh) } else { kept };
        if self.base == Base::Unwalked {
            self.last_word = Word::default();
        }
        let about = if kept == 0 { About::default() } else { self.abouts[kept] };
        self.turn_over(kept, fresh, about.with_node(NO_NODE), &mut NoNames);
        self.len = kept + fresh;
        self.first = self.first_of(self.len);
    }

    /// Names the first `kept` frames, which have no names if the stack was truncated when they were
    /// captured.
    #[cold]
    #[inline(never)]
    fn name_kept<N: Names>(&mut self, kept: usize, names: &mut N) -> About {
        let mut outer = names.root(self.base);
        for (mark, about) in self.marks.iter().zip(&mut self.abouts).take(kept + 1).skip(1) {
            outer = names.inward(outer, mark.pc);
            *about = about.with_node(outer);
        }
        self.abouts[kept].with_node(outer)
    }

    /// Puts the fresh frames behind the kept ones, if the innermost of them all is `node`.
    ///
    /// No step has read a frame pointer that was not restored by a later one; so the facts of the
    /// innermost kept frame, `about`, hold for the fresh ones.
    #[inline(always)]
    fn turn_over_known<N: Names>(
        &mut self,
        kept: usize,
        fresh: usize,
        about: About,
        node: u32,
        names: &N,
    ) -> bool {
        let mut node = node;
        let len = kept + fresh;
        let (Some(marks), Some(abouts), Some(frames)) =
            (self.marks.get_mut(..=len), self.abouts.get_mut(..=len), self.fresh.get(..fresh))
        else {
            return false;
        };
        // One after the other: together they need more registers than the processor has.
        for (frame, inner) in frames.iter().zip(abouts.iter_mut().rev()) {
            let Some(outer) = names.outward(node, frame.pc) else { return false };
            *inner = about.with_node(node);
            node = outer;
        }
        if node != about.node() {
            return false;
        }
        for (frame, mark) in frames.iter().zip(marks.iter_mut().rev()) {
            (mark.pc, mark.sp) = (frame.pc, frame.sp);
        }
        true
    }

    /// Puts fresh frames behind the kept ones if each has to be looked up; returns the innermost
    /// one's node.
    #[inline(never)]
    fn turn_over_new<N: Names>(
        &mut self,
        kept: usize,
        fresh: usize,
        about: About,
        names: &mut N,
    ) -> u32 {
        let (marks, abouts) =
            (self.marks[kept + 1..].iter_mut(), self.abouts[kept + 1..].iter_mut());
        let frames = self.fresh[..fresh].iter().rev();
        let mut outer = about.node();
        for (frame, (mark, inner)) in frames.zip(marks.zip(abouts)) {
            outer = names.inward(outer, frame.pc);
            (mark.pc, mark.sp) = (frame.pc, frame.sp);
            *inner = about.with_node(outer);
        }
        outer
    }

    /// Puts fresh frames behind the kept ones, whatever the steps have read.
    #[inline(never)]
    fn turn_over<N: Names>(
        &mut self,
        kept: usize,
        fresh: usize,
        about: About,
        names: &mut N,
    ) -> u32 {
        let (mut outer, mut about) = (about.node(), about);
        for (index, frame) in (kept + 1..).zip(self.fresh[..fresh].iter().rev()) {
            outer = names.inward(outer, frame.pc);
            about = about.inward(index, frame.pointer, frame.saved != 0);
            self.marks[index] = Mark { pc: frame.pc, sp: frame.sp };
            self.abouts[index] = about.with_node(outer);
            self.pointers[index] = Pointer { bp: frame.bp, saved: frame.saved };
        }
        outer
    }

    /// Makes room by dropping the outermost frames; returns how many of the kept ones stay.
    #[cold]
    fn keep_window(&mut self, kept: usize, fresh: usize) -> usize {
        // One more than the window, by which it is known to be one.
        let stay = (self.limit + 1).saturating_sub(fresh).min(kept);
        let dropped = kept - stay;
        self.marks.copy_within(dropped + 1..=kept, 1);
        self.abouts.copy_within(dropped + 1..=kept, 1);
        self.pointers.copy_within(dropped + 1..=kept, 1);
        for about in &mut self.abouts[1..=stay] {
            *about = about.without_outermost(dropped);
        }
        self.base = Base::Unwalked;
        stay
    }
}
