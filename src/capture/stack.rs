//! The stack a thread had at its last capture, and how the next one is made from it.
//!
//! A stack is kept as frames, outermost first. A new capture walks outward only until it
//! meets a frame with the same pc and stack pointer; then it checks that every word that
//! the earlier walk read further out still holds the same value. The earlier walk from
//! there was a function of those registers and those words alone, so it would be the same
//! walk again: exact, not a guess.
//!
//! ```text
//!   outermost                                  innermost
//!   0  …  met-1         met | kept … len-1
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

use core::ptr::NonNull;

use crate::capture::registers::Registers;
use crate::capture::walk::{
    LINK_IS_BELOW_CFA, Memory, PointerUse, Rules, Step, Word, link_address, plain_step, step,
    step_by_sp,
};

/// The largest frame limit: 256 frames of the program, and the allocator's own.
pub(crate) const MAX_FRAMES: usize = 257;
const CAPACITY: usize = 2 * MAX_FRAMES;

/// A frame that has no [`node`](Stack::node) yet.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// Gives frames their nodes in the call-site table.
pub(crate) trait Names {
    /// The node of the frame with the return address `pc` inward of the node `outer`.
    fn inward(&mut self, outer: u32, pc: u64) -> u32;

    /// The node outward of all frames.
    fn root(&self, base: Base) -> u32;

    /// A node that may be the one that was [remembered](Self::remember) for this trail inward of
    /// `outer`.
    fn recall(&self, outer: u32, trail: u64) -> Option<u32>;

    /// The node outward of `node`, if that is one of a frame with the return address `pc`.
    fn outward(&self, node: u32, pc: u64) -> Option<u32>;

    /// `node` was reached by this trail inward of `outer`.
    fn remember(&mut self, outer: u32, trail: u64, node: u32);
}

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

/// What is known of a remembered frame besides its mark, in one word.
///
/// ```text
///  63      62     52 51          42 41     32 31           0
/// +-------+---------+--------------+---------+--------------+
/// |matters|    0    | unverifiable | checked |     node     |
/// +-------+---------+--------------+---------+--------------+
/// ```
///
/// * `node`: the frame's node in the call-site table, or [`NO_NODE`].
/// * `checked`: the innermost frame, from here outward, whose step has restored a frame pointer that
///   matters further out, so that the word it was read from is to be checked; 0: none.
/// * `unverifiable`: the innermost frame, from here outward, whose step cannot be checked; 0: none.
/// * `matters`: some step from here outward reads this frame's frame pointer before it is restored.
#[derive(Debug, Clone, Copy, Default)]
#[repr(transparent)]
struct About(u64);

impl About {
    const MATTERS: u64 = 1 << 63;
    const NUMBER: u64 = 0x3ff;
    const CHECKED: u32 = 32;
    const UNVERIFIABLE: u32 = 42;

    #[inline(always)]
    fn node(self) -> u32 {
        self.0 as u32
    }

    #[inline(always)]
    fn with_node(self, node: u32) -> Self {
        About(self.0 >> 32 << 32 | u64::from(node))
    }

    #[inline(always)]
    fn matters(self) -> bool {
        self.0 & Self::MATTERS != 0
    }

    #[inline(always)]
    fn checked(self) -> usize {
        (self.0 >> Self::CHECKED & Self::NUMBER) as usize
    }

    #[inline(always)]
    fn unverifiable(self) -> usize {
        (self.0 >> Self::UNVERIFIABLE & Self::NUMBER) as usize
    }

    /// The same of frame `index`, inward of this one, whose step uses the frame pointer like that and
    /// has `restored` it.
    fn inward(self, index: usize, pointer: PointerUse, restored: bool) -> Self {
        let is_checked = self.matters() && restored;
        let is_unverifiable = pointer.is_unverifiable();
        About::new(
            pointer.is_used() || self.matters() && !pointer.is_restored(),
            if is_checked { index } else { self.checked() },
            if is_unverifiable { index } else { self.unverifiable() },
        )
    }

    fn new(matters: bool, checked: usize, unverifiable: usize) -> Self {
        let matters = if matters { Self::MATTERS } else { 0 };
        let number = |number: usize| number as u64 & Self::NUMBER;
        About(
            matters | number(checked) << Self::CHECKED | number(unverifiable) << Self::UNVERIFIABLE,
        )
        .with_node(NO_NODE)
    }

    /// The same after the outermost `dropped` frames were dropped.
    fn without_outermost(self, dropped: usize) -> Self {
        let sunk = |number: usize| number.saturating_sub(dropped);
        About::new(self.matters(), sunk(self.checked()), sunk(self.unverifiable()))
            .with_node(self.node())
    }
}

/// The frame pointer of a remembered frame. Written where it matters.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Pointer {
    bp: u64,
    /// Where the step out of this frame read the next outer frame's `bp`; 0 if it did not.
    saved: u64,
}

/// A frame that was walked anew. The order of its fields is not that of a [`Mark`] or [`Pointer`]: two
/// words written one by one and soon copied as one vector would stall the processor.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Fresh {
    sp: u64,
    pc: u64,
    saved: u64,
    bp: u64,
    pointer: PointerUse,
}

/// What lies outward of the outermost frame.
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

/// How a walk ended: what it has met, and what lies outward of all.
#[derive(Debug, Clone, Copy)]
struct Walked {
    kept: usize,
    fresh: usize,
    base: Base,
    /// Some fresh frame's step has read the frame pointer.
    uses_pointer: bool,
    /// A hash of the fresh frames' pcs.
    trail: u64,
}

impl Walked {
    /// A walk that has met nothing. How it was done is of no more use.
    fn whole(fresh: usize, base: Base) -> Self {
        Walked { kept: 0, fresh, base, uses_pointer: true, trail: 0 }
    }
}

/// See the module's description. Frames are numbered from 1, outermost first; 0 is the [`SENTINEL`].
#[derive(Debug)]
pub(crate) struct Stack {
    len: usize,
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

    /// The remembered frames, outermost first.
    #[inline(always)]
    pub(crate) fn marks(&self) -> &[Mark] {
        self.marks.get(1..=self.len).unwrap_or(&[])
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
        let Some(mark) = self.marks.get(self.len) else { return false };
        // The sentinel's stack pointer is no thread's.
        mark.sp == at.sp
            && mark.pc == at.pc
            && self.takes(self.len, at.bp)
            && self.holds(self.first, self.len, memory)
    }

    /// Whether another capture of the same moment has kept the same frames.
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

    /// Whether the walk goes on from a remembered frame in the same way if its frame pointer is `bp`.
    #[inline(always)]
    fn takes(&self, met: usize, bp: u64) -> bool {
        self.abouts.get(met).is_some_and(|about| !about.matters() || self.pointers[met].bp == bp)
    }

    /// Whether the steps from frame `met` outward as far as frame `first` would be the same again.
    #[inline(always)]
    fn holds<M: Memory>(&self, first: usize, met: usize, memory: &M) -> bool {
        self.changed_link(first, met, memory).is_none() && self.holds_the_rest(first, met, memory)
    }

    /// The innermost frame, from frame `met` outward, that returns to another address than it did.
    #[cfg(not(target_arch = "aarch64"))]
    #[inline(always)]
    fn changed_link<M: Memory>(&self, first: usize, met: usize, memory: &M) -> Option<usize> {
        let differs = |mark: &Mark| memory.again(link_address(mark.sp, 0)) ^ mark.pc;
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
        let differs = |(mark, pointer): (&Mark, &Pointer)| match pointer.saved {
            0 => true, // out of a signal's frame: it was not read there, and is not to be relied on
            saved => memory.again(link_address(mark.sp, saved)) != mark.pc,
        };
        let changed = marks.iter().zip(pointers).rposition(differs)?;
        Some(first + changed + 1)
    }

    /// Whether what the steps read besides return addresses is the same.
    #[inline(always)]
    fn holds_the_rest<M: Memory>(&self, first: usize, met: usize, memory: &M) -> bool {
        let about = self.abouts[met];
        let word = self.last_word;
        about.unverifiable() < first
            && (about.checked() <= first || self.changed_pointer(first, met, memory).is_none())
            && (first > 1 || word.address == 0 || memory.again(word.address) == word.value)
    }

    /// The innermost frame, from frame `met` outward, that restores another frame pointer than it did
    /// though it matters.
    #[inline(never)]
    fn changed_pointer<M: Memory>(&self, first: usize, met: usize, memory: &M) -> Option<usize> {
        let mut index = self.abouts[met].checked();
        while index > first {
            if memory.again(self.pointers[index].saved) != self.pointers[index - 1].bp {
                return Some(index);
            }
            index = self.abouts[index - 1].checked();
        }
        None
    }

    /// Captures the stack whose innermost frame has the registers `at`. Returns what `names` calls the
    /// innermost frame, unless the stack [is truncated](Self::is_truncated) or empty.
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

    /// Walks outward until the rest is known, as long as each frame is left by its stack pointer: then
    /// frame pointers need not be followed, because only steps by frame pointer read them. The first
    /// frame that is otherwise has all walked again with everything.
    ///
    /// The registers come one by one, and what is seldom is out of line, so that the loop's state stays
    /// in the processor's registers.
    #[inline(never)]
    fn walk<M: Memory, R: Rules>(
        &mut self,
        pc: u64,
        sp: u64,
        bp: u64,
        memory: &M,
        rules: &R,
    ) -> Walked {
        let (mut at_pc, mut at_sp) = (pc, sp);
        let mut candidate = self.mark_at(self.len);
        let most = (2 * self.limit).min(CAPACITY);
        let mut fresh = 0;
        let mut trail = 0_u64;
        while LINK_IS_BELOW_CFA {
            // SAFETY: `candidate` points into the array.
            candidate = unsafe { first_from(candidate, at_sp) };
            // SAFETY: as above.
            let mark = unsafe { candidate.as_ref() };
            if mark.sp == at_sp && mark.pc == at_pc {
                let met = self.index_of(mark);
                if self.abouts[met].matters() {
                    break;
                }
                match self.meet(met, bp, fresh, memory) {
                    Ok(()) => {
                        let (base, uses_pointer) = (self.base, false);
                        return Walked { kept: met, fresh, base, uses_pointer, trail };
                    }
                    Err(unchanged) => candidate = self.mark_at(unchanged.min(met)),
                }
            }
            let Some(slot) = self.fresh.get_mut(fresh).filter(|_| fresh < most) else { break };
            let Some(rule) = rules.by_sp(at_pc) else { break };
            (slot.pc, slot.sp) = (at_pc, at_sp);
            fresh += 1;
            trail = trail.rotate_left(5).wrapping_add(at_pc);
            let Some(caller) = step_by_sp(at_sp, rule, memory) else { break };
            (at_pc, at_sp) = caller;
        }
        self.walk_fully(pc, sp, bp, memory, rules)
    }

    /// Walks outward until the rest is known, whatever the frames are.
    #[inline(never)]
    fn walk_fully<M: Memory, R: Rules>(
        &mut self,
        pc: u64,
        sp: u64,
        bp: u64,
        memory: &M,
        rules: &R,
    ) -> Walked {
        let mut at = Registers { pc, sp, bp };
        let mut candidate = self.mark_at(self.len);
        let most = (2 * self.limit).min(CAPACITY);
        let mut fresh = 0;
        let mut uses_pointer = !LINK_IS_BELOW_CFA;
        let mut trail = 0_u64;
        loop {
            // SAFETY: `candidate` points into the array.
            candidate = unsafe { first_from(candidate, at.sp) };
            // SAFETY: as above.
            let mark = unsafe { candidate.as_ref() };
            if mark.sp == at.sp && mark.pc == at.pc {
                let met = self.index_of(mark);
                match self.meet(met, at.bp, fresh, memory) {
                    Ok(()) => {
                        return Walked { kept: met, fresh, base: self.base, uses_pointer, trail };
                    }
                    Err(unchanged) => candidate = self.mark_at(unchanged.min(met)),
                }
            }
            let Some(slot) = self.fresh.get_mut(fresh).filter(|_| fresh < most) else {
                return Walked::whole(fresh, Base::Unwalked);
            };
            (slot.pc, slot.sp, slot.bp) = (at.pc, at.sp, at.bp);
            fresh += 1;
            trail = trail.rotate_left(5).wrapping_add(at.pc);
            let needs;
            if let Some(rule) = rules.plain(at.pc)
                && let Some(step) = plain_step(&at, rule, memory)
            {
                (at, needs) = step;
            } else {
                let here = at; // so that `at` has no address
                match step(&here, memory, rules) {
                    Step::Outward(caller, caller_needs) => (at, needs) = (caller, caller_needs),
                    Step::End(word, pointer) => {
                        return self.ends(fresh, Base::Complete, word, pointer);
                    }
                    Step::Broken(word, pointer) => {
                        return self.ends(fresh, Base::Broken, word, pointer);
                    }
                }
            }
            (slot.saved, slot.pointer) = (needs.saved, needs.pointer);
            uses_pointer |= needs.pointer.is_used();
        }
    }

    /// A pointer into the array of marks, to go outward from.
    #[inline(always)]
    fn mark_at(&self, index: usize) -> NonNull<Mark> {
        let marks = NonNull::from(&self.marks).cast::<Mark>();
        // SAFETY: inside the array.
        unsafe { marks.add(index.min(CAPACITY)) }
    }

    fn index_of(&self, mark: &Mark) -> usize {
        (core::ptr::from_ref(mark).addr() - self.marks.as_ptr().addr()) / size_of::<Mark>()
    }

    /// The walk ends at the last of the fresh frames.
    #[cold]
    fn ends(&mut self, fresh: usize, base: Base, word: Word, pointer: PointerUse) -> Walked {
        if let Some(slot) = self.fresh.get_mut(fresh.wrapping_sub(1)) {
            (slot.saved, slot.pointer) = (0, pointer);
        }
        self.last_word = word;
        Walked::whole(fresh, base)
    }

    /// A frame of the same pc and stack pointer as frame `met` was reached: whether the walk would go
    /// on from there as it did, as far as the window of `met` frames and `fresh` more reaches.
    /// `Err(n)`: only the outermost `n` frames may still be met further out.
    #[inline(never)]
    fn meet<M: Memory>(&self, met: usize, bp: u64, fresh: usize, memory: &M) -> Result<(), usize> {
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
            // Something else further in may have changed, too: then the next that is met is refused.
            Some(index) => Err(index - 1),
        }
    }

    /// How many of the outermost frames lie outward of what has changed, which is no return address.
    #[cold]
    fn unchanged<M: Memory>(&self, first: usize, met: usize, memory: &M) -> usize {
        let unverifiable = self.abouts[met].unverifiable();
        self.changed_pointer(first, met, memory).unwrap_or(1).max(unverifiable) - 1
    }

    /// The first frame whose return address a window of the innermost of `total` frames depends on:
    /// the one outward of the window, by which it is known to be one.
    #[inline(always)]
    fn first_of(&self, total: usize) -> usize {
        total.saturating_sub(self.limit).max(1)
    }

    /// Joins the kept frames and the fresh ones.
    #[inline(always)]
    fn settle<N: Names>(&mut self, walked: Walked, names: &mut N) -> Option<u32> {
        let Walked { kept, fresh, base, uses_pointer, trail } = walked;
        self.base = base;
        if kept + fresh > self.limit || base == Base::Unwalked {
            self.settle_truncated(kept, fresh);
            return None;
        }
        self.len = kept + fresh;
        self.first = 1;
        let about = *self.abouts.get(kept)?;
        if uses_pointer || about.matters() || about.node() == NO_NODE || kept == 0 {
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

    /// The same, if steps have read frame pointers, or the kept frames have no names yet.
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
    /// No step has read a frame pointer that was not restored by a later one; so all is known of the
    /// fresh frames that is of the innermost kept one, of which it is `about`.
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
        let slots = marks.iter_mut().rev().zip(abouts.iter_mut().rev());
        for (frame, (mark, inner)) in frames.iter().zip(slots) {
            let Some(outer) = names.outward(node, frame.pc) else { return false };
            (mark.pc, mark.sp) = (frame.pc, frame.sp);
            *inner = about.with_node(node);
            node = outer;
        }
        node == about.node()
    }

    /// The same for frames that have to be looked up one by one; returns the innermost one's node.
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

    /// The same whatever the steps have read.
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

/// The first of the marks from `mark` outward that is not further in than `sp`.
///
/// # Safety
///
/// `mark` must be one of a stack's.
#[inline(always)]
unsafe fn first_from(mark: NonNull<Mark>, sp: u64) -> NonNull<Mark> {
    let mut mark = mark;
    // SAFETY: it sinks to the sentinel at most, which has the largest of all stack pointers.
    while unsafe { mark.as_ref() }.sp < sp {
        // SAFETY: as above.
        mark = unsafe { mark.sub(1) };
    }
    mark
}

/// Names nothing.
#[derive(Debug)]
pub(crate) struct NoNames;

impl Names for NoNames {
    #[inline(always)]
    fn inward(&mut self, _outer: u32, _pc: u64) -> u32 {
        NO_NODE
    }

    fn root(&self, _base: Base) -> u32 {
        NO_NODE
    }

    fn recall(&self, _outer: u32, _trail: u64) -> Option<u32> {
        None
    }

    fn outward(&self, _node: u32, _pc: u64) -> Option<u32> {
        None
    }

    fn remember(&mut self, _outer: u32, _trail: u64, _node: u32) {}
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
