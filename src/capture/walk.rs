//! One step outward: from a frame's registers and its rule to the caller's registers.
//!
//! A step is a total function of (registers, rule, memory): it reads only what the memory
//! grants and always moves outward, so a walk ends whatever the stack holds.

use crate::capture::registers::Registers;
use crate::capture::rule::{PackedRule, Rule};

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
    fn rule(&self, pc: u64) -> PackedRule;

    /// The same for a rule that does not fit in 32 bits.
    fn unpacked(&self, pc: u64) -> Rule;

    /// Whether a frame without a rule may be left through a plausible frame pointer, given
    /// the return address found there.
    fn plausible(&self, return_address: u64) -> bool;
}

/// What the step out of a frame read, so that it can be checked later that the same step
/// would be taken again.
///
/// The fields' order keeps those apart that are copied together soon after they were written: two
/// words written one by one and read as one vector would stall the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub(crate) struct Reads {
    /// Where one more word was read; 0 if none was.
    pub(crate) saved: u64,
    /// Where the return address was read; 0 if it was not. Its value is the caller's pc.
    pub(crate) link: u64,
    /// What the other word was.
    pub(crate) saved_value: u64,
    /// What the step needs of the frame pointer it was given.
    pub(crate) frame_pointer: FramePointer,
}

impl Reads {
    /// A step that read more than is noted: two values for one word are never found, so the
    /// step is taken anew each time.
    fn unverifiable(link: u64, value: u64) -> Self {
        let frame_pointer = FramePointer::Used;
        Reads { link, saved: link, saved_value: !value, frame_pointer }
    }

    /// A step that broke on the frame pointer, or on the word it led to.
    fn of_broken(saved: u64, saved_value: u64) -> Self {
        Reads { link: 0, saved, saved_value, frame_pointer: FramePointer::Used }
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
    rule: PackedRule,
    memory: &M,
    rules: &R,
) -> Step {
    if !rule.is_plain() {
        // A copy, so that the walk's registers stay in the processor's.
        let mut copy = *at;
        let step = unusual(&mut copy, reads, rule, memory, rules);
        *at = copy;
        return step;
    }
    let base = if rule.is_by_fp() { at.bp } else { at.sp };
    let cfa = offset(base, rule.cfa());
    let saved = if rule.is_saved() { offset(cfa, rule.fp()) } else { 0 };
    let frame_pointer = match (rule.is_by_fp(), rule.is_saved()) {
        (true, _) => FramePointer::Used,
        (false, true) => FramePointer::Restored,
        (false, false) => FramePointer::Passed,
    };
    leave(at, reads, cfa, saved, frame_pointer, memory)
}

#[inline(always)]
fn offset(base: u64, by: i32) -> u64 {
    base.wrapping_add_signed(i64::from(by))
}

/// The ordinary step: return address beside the CFA, and a saved frame pointer unless `saved` is 0.
#[inline(always)]
fn leave<M: Memory>(
    at: &mut Registers,
    reads: &mut Reads,
    cfa: u64,
    saved: u64,
    frame_pointer: FramePointer,
    memory: &M,
) -> Step {
    let link = link_address(cfa, saved);
    // Words below the frame could be overwritten by calls that this frame makes, which a
    // later check could not tell from a changed frame. And the walk must move outward.
    if link < at.sp || cfa <= at.sp {
        return broken(reads);
    }
    let Some(pc) = memory.word(link) else { return broken(reads) };
    let mut bp = at.bp;
    let mut saved_value = 0;
    if saved != 0 {
        let word = if saved >= at.sp { memory.word(saved) } else { None };
        let Some(word) = word else { return broken(reads) };
        bp = word;
        saved_value = word;
    }
    *reads = Reads { link, saved, saved_value, frame_pointer };
    if pc == 0 {
        return Step::End;
    }
    *at = Registers { pc, sp: cfa, bp };
    Step::Outward
}

/// Where a frame's return address is: just below the CFA.
#[cfg(not(target_arch = "aarch64"))]
#[inline(always)]
fn link_address(cfa: u64, _saved: u64) -> u64 {
    cfa.wrapping_sub(8)
}

/// Where a frame's return address is: beside the frame pointer, as the pair x29, x30 is
/// stored together. 0 where it was not stored, which is no address of a stack.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn link_address(_cfa: u64, saved: u64) -> u64 {
    if saved == 0 { 0 } else { saved.wrapping_add(8) }
}

/// The walk cannot go on, whatever the words of memory are.
#[cold]
fn broken(reads: &mut Reads) -> Step {
    *reads = Reads::of_broken(0, 0);
    Step::Broken
}

/// The steps that are seldom taken.
#[cold]
#[inline(never)]
fn unusual<M: Memory, R: Rules>(
    at: &mut Registers,
    reads: &mut Reads,
    rule: PackedRule,
    memory: &M,
    rules: &R,
) -> Step {
    match rule.unpack().unwrap_or_else(|| rules.unpacked(at.pc)) {
        Rule::Sp { cfa } => leave(at, reads, offset(at.sp, cfa), 0, FramePointer::Passed, memory),
        Rule::SpSaved { cfa, fp } => {
            let cfa = offset(at.sp, cfa);
            leave(at, reads, cfa, offset(cfa, fp), FramePointer::Restored, memory)
        }
        Rule::Fp { cfa } => leave(at, reads, offset(at.bp, cfa), 0, FramePointer::Used, memory),
        Rule::FpSaved { cfa, fp } => {
            let cfa = offset(at.bp, cfa);
            leave(at, reads, cfa, offset(cfa, fp), FramePointer::Used, memory)
        }
        Rule::Realigned { cfa, fp } => realigned(at, reads, cfa, fp, memory),
        Rule::Signal => signal(at, reads, memory),
        Rule::End => {
            *reads = Reads::default();
            Step::End
        }
        Rule::Unknown => by_plausible_frame_pointer(at, reads, memory, rules),
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
    let Some(cfa) = memory.word(offset(at.bp, cfa)) else { return broken(reads) };
    let saved = offset(at.bp, fp);
    let step = leave(at, reads, cfa, saved, FramePointer::Used, memory);
    if step == Step::Outward {
        *reads = Reads::unverifiable(reads.link, at.pc);
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
    let (Some(pc), Some(sp), Some(bp)) = (pc, sp, bp) else { return broken(reads) };
    if sp <= at.sp || pc == 0 {
        return broken(reads);
    }
    // One is added because a pc is looked up as a return address, one byte earlier.
    let link = at.sp.wrapping_add(SIGNAL_FRAME[0]);
    *at = Registers { pc: pc + 1, sp, bp };
    *reads = Reads::unverifiable(link, at.pc);
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
        return broken(reads);
    }
    let link = at.bp.wrapping_add(8);
    let Some(pc) = memory.word(link) else { return broken(reads) };
    if !rules.plausible(pc) {
        *reads = Reads::of_broken(link, pc);
        return Step::Broken;
    }
    leave(at, reads, at.bp.wrapping_add(16), at.bp, FramePointer::Used, memory)
}
