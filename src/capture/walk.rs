//! One step outward: from a frame's registers and its rule to the caller's registers.
//!
//! A step is a total function of (registers, rule, memory): it reads only what the memory
//! grants and always moves outward, so a walk ends whatever the stack holds.

use crate::capture::registers::Registers;
use crate::capture::rule::Rule;

/// Where a walk reads from: the thread's own stack, or an array of numbers in a test.
pub(crate) trait Memory {
    /// The aligned word at `address`, or `None` if it is no part of the stack being walked.
    fn word(&self, address: u64) -> Option<u64>;

    /// The word at an address that [`word`](Self::word) has granted during this or an earlier
    /// capture of the same stack and that is not below the present stack pointer.
    fn again(&self, address: u64) -> u64;
}

/// Where a walk gets its rules from.
pub(crate) trait Rules {
    /// How to leave the frame whose pc is `pc`: a return address, or one past an interrupted instruction.
    fn rule(&self, pc: u64) -> Rule;

    /// Whether a frame without a rule may be left through a plausible frame pointer, given
    /// the return address found there.
    fn plausible(&self, return_address: u64) -> bool;
}

/// What the step out of a frame read, so that it can be checked later that the same step
/// would be taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reads {
    /// Where the return address was read.
    pub(crate) link: u64,
    /// Where one more word was read; the same as `link` if there was none.
    pub(crate) saved: u64,
    /// What that word was.
    pub(crate) saved_value: u64,
    /// What the step needs of the frame pointer it was given.
    pub(crate) frame_pointer: FramePointer,
    /// More was read than is noted here: the step has to be taken anew each time.
    pub(crate) unverifiable: bool,
}

/// What a step does with the frame pointer it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum FramePointer {
    /// Hands it on unread.
    #[default]
    Passed,
    /// Computes from it.
    Used,
    /// Replaces it without having read it.
    Restored,
}

/// The outcome of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The caller's registers and what was read to get them.
    Outward(Registers, Reads),
    /// This was the outermost frame.
    End,
    /// The caller cannot be found: no unwind information, or memory that is not the stack.
    Broken(Reads),
}

/// Bytes between a call frame's return address and its CFA.
#[cfg(not(target_arch = "aarch64"))]
const LINK_BELOW_CFA: u64 = 8;

/// Leaves the frame `at` by `rule`.
#[inline(always)]
pub(crate) fn step<M: Memory, R: Rules>(at: &Registers, rule: Rule, memory: &M, rules: &R) -> Step {
    match rule {
        Rule::Sp { cfa } => leave(at, offset(at.sp, cfa), None, FramePointer::Passed, memory),
        Rule::SpSaved { cfa, fp } => {
            let cfa = offset(at.sp, cfa);
            leave(at, cfa, Some(offset(cfa, fp)), FramePointer::Restored, memory)
        }
        Rule::FpSaved { cfa, fp } => {
            let cfa = offset(at.bp, cfa);
            leave(at, cfa, Some(offset(cfa, fp)), FramePointer::Used, memory)
        }
        Rule::Fp { cfa } => leave(at, offset(at.bp, cfa), None, FramePointer::Used, memory),
        Rule::Realigned { cfa, fp } => realigned(at, cfa, fp, memory),
        Rule::Signal => signal(at, memory),
        Rule::End => Step::End,
        Rule::Unknown => by_plausible_frame_pointer(at, memory, rules),
    }
}

#[inline(always)]
fn offset(base: u64, by: i32) -> u64 {
    base.wrapping_add_signed(i64::from(by))
}

/// A frame pointer that a broken step looked at, without a word of memory.
const LOOKED_AT: Reads = Reads {
    link: 0,
    saved: 0,
    saved_value: 0,
    frame_pointer: FramePointer::Used,
    unverifiable: false,
};

/// The ordinary step: return address beside the CFA, perhaps a saved frame pointer.
#[inline(always)]
fn leave<M: Memory>(
    at: &Registers,
    cfa: u64,
    saved: Option<u64>,
    frame_pointer: FramePointer,
    memory: &M,
) -> Step {
    let broken = Step::Broken(Reads { frame_pointer: FramePointer::Used, ..LOOKED_AT });
    if cfa <= at.sp {
        return broken; // would not move outward
    }
    #[cfg(not(target_arch = "aarch64"))]
    let link = cfa - LINK_BELOW_CFA;
    #[cfg(target_arch = "aarch64")]
    let link = match saved {
        Some(fp) => fp.wrapping_add(8), // the pair x29, x30 is stored together
        None => return broken,
    };
    // Words below the frame could be overwritten by calls that this frame makes, which a
    // later check could not tell from a changed frame.
    if link < at.sp || saved.is_some_and(|saved| saved < at.sp) {
        return broken;
    }
    let Some(pc) = memory.word(link) else { return broken };
    if pc == 0 {
        return Step::End;
    }
    let (saved, bp) = match saved {
        None => (link, at.bp),
        Some(saved) => match memory.word(saved) {
            Some(bp) => (saved, bp),
            None => return broken,
        },
    };
    let saved_value = if saved == link { pc } else { bp };
    let reads = Reads { link, saved, saved_value, frame_pointer, unverifiable: false };
    Step::Outward(Registers { pc, sp: cfa, bp }, reads)
}

/// A frame whose CFA was itself saved on the stack, because the stack was realigned.
#[cold]
fn realigned<M: Memory>(at: &Registers, cfa: i32, fp: i32, memory: &M) -> Step {
    let Some(cfa) = memory.word(offset(at.bp, cfa)) else { return Step::Broken(LOOKED_AT) };
    match leave(at, cfa, Some(offset(at.bp, fp)), FramePointer::Used, memory) {
        Step::Outward(caller, reads) => {
            Step::Outward(caller, Reads { unverifiable: true, ..reads })
        }
        other => other,
    }
}

/// Byte offsets of registers in the `ucontext` that a signal frame's sp points to
/// (Linux, `struct ucontext` of the architecture's kernel ABI).
#[cfg(target_arch = "x86_64")]
const UCONTEXT: [u64; 3] = [168, 160, 120];
#[cfg(not(target_arch = "x86_64"))]
const UCONTEXT: [u64; 3] = [
    // siginfo (128) + uc_flags, uc_link, uc_stack (40) + uc_sigmask (128) + padding (8) + fault_address (8)
    312 + 256,
    312 + 248,
    312 + 232,
];

/// A frame that a signal interrupted: all registers are in memory.
#[cold]
fn signal<M: Memory>(at: &Registers, memory: &M) -> Step {
    let [pc, sp, bp] = UCONTEXT.map(|offset| memory.word(at.sp.wrapping_add(offset)));
    let (Some(pc), Some(sp), Some(bp)) = (pc, sp, bp) else { return Step::Broken(LOOKED_AT) };
    if sp <= at.sp || pc == 0 {
        return Step::Broken(LOOKED_AT);
    }
    // One is added because a pc is looked up as a return address, one byte earlier.
    let reads = Reads {
        link: at.sp,
        saved: at.sp,
        saved_value: 0,
        frame_pointer: FramePointer::Restored,
        unverifiable: true,
    };
    Step::Outward(Registers { pc: pc + 1, sp, bp }, reads)
}

/// A frame without unwind information: hand-written assembly, generated code.
#[cold]
fn by_plausible_frame_pointer<M: Memory, R: Rules>(at: &Registers, memory: &M, rules: &R) -> Step {
    if at.bp < at.sp || at.bp & 7 != 0 {
        return Step::Broken(LOOKED_AT);
    }
    let link = at.bp.wrapping_add(8);
    let Some(pc) = memory.word(link) else { return Step::Broken(LOOKED_AT) };
    if !rules.plausible(pc) {
        return Step::Broken(Reads { saved: link, saved_value: pc, ..LOOKED_AT });
    }
    let Rule::FpSaved { cfa, fp } = Rule::FRAME_POINTER else { return Step::End };
    let cfa = offset(at.bp, cfa);
    leave(at, cfa, Some(offset(cfa, fp)), FramePointer::Used, memory)
}
