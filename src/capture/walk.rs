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

/// A word of the stack and what it held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) address: u64,
    pub(crate) value: u64,
}

/// What the step out of a frame read, so that it can be checked later that the same step
/// would be taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reads {
    /// The return address.
    pub(crate) link: Word,
    /// One more word, if its address is not 0.
    pub(crate) saved: Word,
    /// What the step needs of the frame pointer it was given.
    pub(crate) frame_pointer: FramePointer,
}

impl Reads {
    /// A step that read more than is noted: two values for one word are never found, so the
    /// step is taken anew each time.
    fn unverifiable(link: Word) -> Self {
        let never = Word { address: link.address, value: !link.value };
        Reads { link, saved: never, frame_pointer: FramePointer::Used }
    }

    /// A step that broke on the frame pointer, or on the word it led to.
    fn of_broken(saved: Word) -> Self {
        Reads { link: Word::default(), saved, frame_pointer: FramePointer::Used }
    }
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
    /// The registers are the caller's now.
    Outward,
    /// This was the outermost frame.
    End,
    /// The caller cannot be found: no unwind information, or memory that is not the stack.
    Broken,
}

/// Leaves the frame `at` by `rule`, noting in `reads` what was read.
#[inline(always)]
pub(crate) fn step<M: Memory, R: Rules>(
    at: &mut Registers,
    reads: &mut Reads,
    rule: Rule,
    memory: &M,
    rules: &R,
) -> Step {
    let (cfa, saved, frame_pointer) = match rule {
        Rule::Sp { cfa } => (offset(at.sp, cfa), None, FramePointer::Passed),
        Rule::SpSaved { cfa, fp } => {
            let cfa = offset(at.sp, cfa);
            (cfa, Some(offset(cfa, fp)), FramePointer::Restored)
        }
        Rule::FpSaved { cfa, fp } => {
            let cfa = offset(at.bp, cfa);
            (cfa, Some(offset(cfa, fp)), FramePointer::Used)
        }
        Rule::Fp { cfa } => (offset(at.bp, cfa), None, FramePointer::Used),
        other => return unusual(at, reads, other, memory, rules),
    };
    leave(at, reads, cfa, saved, frame_pointer, memory)
}

#[inline(always)]
fn offset(base: u64, by: i32) -> u64 {
    base.wrapping_add_signed(i64::from(by))
}

/// The ordinary step: return address beside the CFA, perhaps a saved frame pointer.
#[inline(always)]
fn leave<M: Memory>(
    at: &mut Registers,
    reads: &mut Reads,
    cfa: u64,
    saved: Option<u64>,
    frame_pointer: FramePointer,
    memory: &M,
) -> Step {
    // Words below the frame could be overwritten by calls that this frame makes, which a
    // later check could not tell from a changed frame.
    let (Some(link), false) = (link_address(cfa, saved), cfa <= at.sp) else {
        return broken(reads, Word::default());
    };
    let Some(pc) = memory.word(link).filter(|_| link >= at.sp) else {
        return broken(reads, Word::default());
    };
    reads.link = Word { address: link, value: pc };
    reads.saved = Word::default();
    reads.frame_pointer = frame_pointer;
    if let Some(saved) = saved {
        let Some(bp) = memory.word(saved).filter(|_| saved >= at.sp) else {
            return broken(reads, Word::default());
        };
        reads.saved = Word { address: saved, value: bp };
        at.bp = bp;
    }
    if pc == 0 {
        return Step::End;
    }
    at.pc = pc;
    at.sp = cfa;
    Step::Outward
}

/// Where a frame's return address is: just below the CFA.
#[cfg(not(target_arch = "aarch64"))]
#[inline(always)]
fn link_address(cfa: u64, _saved: Option<u64>) -> Option<u64> {
    Some(cfa.wrapping_sub(8))
}

/// Where a frame's return address is: beside the frame pointer, as the pair x29, x30 is
/// stored together.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn link_address(_cfa: u64, saved: Option<u64>) -> Option<u64> {
    saved.map(|fp| fp.wrapping_add(8))
}

#[cold]
fn broken(reads: &mut Reads, saved: Word) -> Step {
    *reads = Reads::of_broken(saved);
    Step::Broken
}

/// The steps that are seldom taken.
#[cold]
#[inline(never)]
fn unusual<M: Memory, R: Rules>(
    at: &mut Registers,
    reads: &mut Reads,
    rule: Rule,
    memory: &M,
    rules: &R,
) -> Step {
    match rule {
        Rule::Realigned { cfa, fp } => realigned(at, reads, cfa, fp, memory),
        Rule::Signal => signal(at, reads, memory),
        Rule::End => {
            *reads = Reads::default();
            Step::End
        }
        _ => by_plausible_frame_pointer(at, reads, memory, rules),
    }
}

/// A frame whose CFA was itself saved on the stack, because the stack was realigned.
fn realigned<M: Memory>(
    at: &mut Registers,
    reads: &mut Reads,
    cfa: i32,
    fp: i32,
    memory: &M,
) -> Step {
    let Some(cfa) = memory.word(offset(at.bp, cfa)) else {
        return broken(reads, Word::default());
    };
    let saved = Some(offset(at.bp, fp));
    let step = leave(at, reads, cfa, saved, FramePointer::Used, memory);
    if step == Step::Outward {
        *reads = Reads::unverifiable(reads.link);
    }
    step
}

/// Byte offsets of pc, sp and frame pointer from a signal frame's sp (Linux, `struct
/// ucontext` of the kernel's ABI).
#[cfg(target_arch = "x86_64")]
const SIGNAL_FRAME: [u64; 3] = [168, 160, 120];
/// Byte offsets of pc, sp and frame pointer from a signal frame's sp (Linux, `struct
/// rt_sigframe` of the kernel's ABI: 128 bytes of siginfo, then the ucontext).
#[cfg(not(target_arch = "x86_64"))]
const SIGNAL_FRAME: [u64; 3] = [568, 560, 544];

/// A frame that a signal interrupted: all registers are in memory.
fn signal<M: Memory>(at: &mut Registers, reads: &mut Reads, memory: &M) -> Step {
    let [pc, sp, bp] = SIGNAL_FRAME.map(|offset| memory.word(at.sp.wrapping_add(offset)));
    let (Some(pc), Some(sp), Some(bp)) = (pc, sp, bp) else {
        return broken(reads, Word::default());
    };
    if sp <= at.sp || pc == 0 {
        return broken(reads, Word::default());
    }
    let link = Word { address: at.sp.wrapping_add(SIGNAL_FRAME[0]), value: pc };
    *reads = Reads::unverifiable(link);
    // One is added because a pc is looked up as a return address, one byte earlier.
    *at = Registers { pc: pc + 1, sp, bp };
    Step::Outward
}

/// A frame without unwind information: hand-written assembly, generated code.
fn by_plausible_frame_pointer<M: Memory, R: Rules>(
    at: &mut Registers,
    reads: &mut Reads,
    memory: &M,
    rules: &R,
) -> Step {
    if at.bp < at.sp || at.bp & 7 != 0 {
        return broken(reads, Word::default());
    }
    let address = at.bp.wrapping_add(8);
    let Some(value) = memory.word(address) else { return broken(reads, Word::default()) };
    if !rules.plausible(value) {
        return broken(reads, Word { address, value });
    }
    let (cfa, saved) = (at.bp.wrapping_add(16), Some(at.bp));
    leave(at, reads, cfa, saved, FramePointer::Used, memory)
}
