//! The walk from the innermost frame outward, until it meets a remembered frame.
//!
//! A frame is met if its return address and its stack pointer are a remembered frame's, and all
//! words that the remembered walk has read outward of it still hold the same values: then the walk
//! would go on as it did. Words that changed say how far out a meeting may still be.
//!
//! There are two walks. The fast one knows frames that are left by their stack pointer, which most
//! optimized code has; it keeps two registers. At any other frame the full walk begins again from
//! the innermost frame, because the fast one has followed no frame pointer.

#![expect(
    clippy::indexing_slicing,
    reason = "indices are of frames up to `len`, which the walk keeps within the arrays"
)]

use core::ptr::NonNull;

use crate::capture::registers::Registers;
use crate::capture::stack::{Base, CAPACITY, Mark, Stack};
use crate::capture::walk::{
    LINK_IS_BELOW_CFA, Memory, Needs, PointerUse, Rules, Step, Word, plain_step, step, step_by_sp,
};

/// The end of a walk: the remembered frame that it met, and the end outward of all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walked {
    /// Remembered frames that stay, the outermost ones.
    pub(super) kept: usize,
    /// Frames that were walked, from the innermost one.
    pub(super) fresh: usize,
    /// The end of the stack, as far as the walk or the remembered one has found it.
    pub(super) base: Base,
    /// Some fresh frame's step has read the frame pointer, or its module was loaded late: each is
    /// to be looked at by itself.
    pub(super) differs: bool,
    /// A hash of the fresh frames' pcs.
    pub(super) trail: u64,
}

impl Walked {
    /// A walk that has met no remembered frame. Its other facts are of no more use.
    fn whole(fresh: usize, base: Base) -> Self {
        Walked { kept: 0, fresh, base, differs: true, trail: 0 }
    }
}

impl Stack {
    /// Walks outward until the rest is known, as long as each frame is left by its stack pointer:
    /// then frame pointers need not be followed, because only steps by frame pointer read them. The
    /// first frame that is otherwise has all walked again with everything.
    ///
    /// The registers come one by one, and what is seldom is out of line, so that the loop's state
    /// stays in the processor's registers.
    #[inline(never)]
    pub(super) fn walk<M: Memory, R: Rules>(
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
        let mut united = PointerUse::default();
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
                        let (base, differs) = (self.base, united.is_late());
                        return Walked { kept: met, fresh, base, differs, trail };
                    }
                    Err(unchanged) => candidate = self.mark_at(unchanged.min(met)),
                }
            }
            let Some(slot) = self.fresh.get_mut(fresh).filter(|_| fresh < most) else { break };
            let Some(rule) = rules.by_sp(at_pc) else { break };
            let pointer = PointerUse::of_plain(rule);
            (slot.pc, slot.sp, slot.pointer) = (at_pc, at_sp, pointer);
            united = united.or(pointer);
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
        let mut differs = !LINK_IS_BELOW_CFA;
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
                        return Walked { kept: met, fresh, base: self.base, differs, trail };
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
                let rule = rules.rule(here.pc);
                match step(&here, rule, memory, rules) {
                    Step::Outward(caller, Needs { saved, pointer }) => {
                        (at, needs) = (caller, Needs { saved, pointer: pointer.by(rule) });
                    }
                    Step::End(word, pointer) => {
                        return self.ends(fresh, Base::Complete, word, pointer.by(rule));
                    }
                    Step::Broken(word, pointer) => {
                        return self.ends(fresh, Base::Broken, word, pointer.by(rule));
                    }
                }
            }
            (slot.saved, slot.pointer) = (needs.saved, needs.pointer);
            differs |= needs.pointer.is_used() || needs.pointer.is_late();
        }
    }

    /// A pointer into the array of marks, to go outward from.
    #[inline(always)]
    fn mark_at(&self, index: usize) -> NonNull<Mark> {
        let marks = NonNull::from(&self.marks).cast::<Mark>();
        // SAFETY: inside the array.
        unsafe { marks.add(index.min(CAPACITY)) }
    }

    /// The index of a mark of this stack.
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
