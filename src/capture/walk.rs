//! One step outward: from a frame's registers and its rule to the caller's registers.
//!
//! A step is a total function of (registers, rule, memory): it reads only what the memory grants
//! and always moves outward, so a walk ends, whatever the stack holds.

use crate::capture::registers::{Registers, return_address};
use crate::capture::rule::{PackedRule, Rule};
use crate::capture::stack::Words;

/// The memory that a walk reads: the thread's stack, or an array of numbers in a test.
pub(crate) trait Memory {
    /// The aligned word at `address`, or `None` if it is no part of the stack outward of `from`,
    /// an earlier or the present stack pointer of the walk.
    fn word(&self, address: u64, from: u64) -> Option<u64>;

    /// The word at an address that was granted before.
    ///
    /// # Safety
    ///
    /// [`word`](Self::word) must have granted the address, during this capture or an earlier one of
    /// the same stack, and the stack pointer must not have moved outward of it for good: the
    /// address is not below the stack pointer of the present capture.
    unsafe fn again(&self, address: u64) -> u64;

    /// True if the single words hold their values.
    ///
    /// # Safety
    ///
    /// As for [`again`](Self::again), for each of the addresses; there is one at least.
    unsafe fn hold(&self, words: &Words) -> bool {
        let mut all = words.addresses.iter().zip(&words.values).take(words.len);
        // SAFETY: the caller's promise.
        all.all(|(address, value)| unsafe { self.again(*address) } == *value)
    }

    /// True if the pairs of words hold their values.
    ///
    /// # Safety
    ///
    /// As for [`hold`](Self::hold).
    unsafe fn hold_pairs(&self, words: &Words) -> bool {
        let pairs = words.pair_addresses.iter().zip(&words.pair_values);
        // SAFETY: the caller's promise.
        let holds = |address: u64, value: u64| unsafe { self.again(address) } == value;
        pairs.take(words.paired / 2).all(|(address, [first, second])| {
            holds(*address, *first) && holds(*address + 8, *second)
        })
    }

    /// The sum of the products of two words each, to which their keys were added modulo 2^64; the
    /// sum is modulo 2^128. The words are those so many words above `sp`.
    ///
    /// # Safety
    ///
    /// As for [`again`](Self::again), for each of the words. They are a whole number of rounds of
    /// four, one at least, and there are as many keys.
    unsafe fn sum(&self, sp: u64, words: &[u16], keys: &[u64]) -> u128 {
        let factor = |word: u16, key: u64| {
            // SAFETY: the caller's promise.
            let word = unsafe { self.again(sp + 8 * u64::from(word)) };
            u128::from(word.wrapping_add(key))
        };
        let twos = words.as_chunks::<2>().0.iter().zip(keys.as_chunks::<2>().0);
        let product = |([a, b], [key_a, key_b]): (&[u16; 2], &[u64; 2])| {
            factor(*a, *key_a) * factor(*b, *key_b)
        };
        twos.map(product).fold(0, u128::wrapping_add)
    }
}

/// The source of a walk's rules.
pub(crate) trait Rules {
    /// The rule for `pc`, if it is at hand and of an ordinary kind.
    fn plain(&self, pc: u64) -> Option<PackedRule>;

    /// The rule for `pc`, if it is at hand, of an ordinary kind, and counts from the stack pointer.
    fn by_sp(&self, pc: u64) -> Option<PackedRule>;

    /// How to leave the frame whose pc is `pc`: a return address, or one past an interrupted
    /// instruction.
    fn rule(&self, pc: u64) -> PackedRule;

    /// The rule for `pc`, if it does not fit in 32 bits.
    fn unpacked(&self, pc: u64) -> Rule;

    /// True if a frame without a rule may be left through a plausible frame pointer, given the
    /// return address found there.
    fn plausible(&self, return_address: u64) -> bool;
}

/// A word of the stack and its value; address 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Word {
    pub(crate) address: u64,
    pub(crate) value: u64,
}

/// The words and registers that the step out of a frame depends on, besides the frame's pc and
/// stack pointer. They serve to check later that the same step would be taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The address at which the caller's frame pointer was read; 0 if it was not. The return
    /// address was read at the [`link_address`] that goes with it.
    pub(crate) saved: u64,
    /// The step's use of the frame pointer: read, or replaced.
    pub(crate) pointer: PointerUse,
}

/// A step's use of the frame pointer that it is given: the [bits of an ordinary
/// rule](PackedRule::bits) that tell it; the other bits are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub(crate) struct PointerUse(u32);

impl PointerUse {
    /// Hands it on unread.
    const PASSED: Self = PointerUse(PackedRule::PLAIN);
    /// Replaces it without having read it.
    const RESTORED: Self = PointerUse(PackedRule::PLAIN | PackedRule::SAVED);
    /// Computes from it.
    const USED: Self = PointerUse(PackedRule::PLAIN | PackedRule::BY_FP);
    /// Computes from it, and from more words than are noted: the step is to be taken anew each
    /// time.
    const UNVERIFIABLE: Self = PointerUse(PackedRule::BY_FP);

    #[inline(always)]
    pub(crate) fn of_plain(rule: PackedRule) -> Self {
        PointerUse(rule.bits())
    }

    /// The use of the frame pointer by two steps together.
    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        PointerUse(self.0 | other.0)
    }

    #[inline(always)]
    pub(crate) fn is_used(self) -> bool {
        self.0 & PackedRule::BY_FP != 0
    }

    #[inline(always)]
    pub(crate) fn is_restored(self) -> bool {
        self.0 & PackedRule::SAVED != 0
    }

    /// The use by a frame that is left by that rule.
    pub(crate) fn by(self, rule: PackedRule) -> Self {
        PointerUse(self.0 | rule.bits() & PackedRule::LATE)
    }

    /// True if the frame's module was loaded late.
    #[inline(always)]
    pub(crate) fn is_late(self) -> bool {
        self.0 & PackedRule::LATE != 0
    }

    #[inline(always)]
    pub(crate) fn is_unverifiable(self) -> bool {
        self.0 & PackedRule::PLAIN == 0
    }
}

/// The outcome of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The caller's registers.
    Outward(Registers, Needs),
    /// This was the outermost frame, by its rule or by a word of the stack.
    End(Word, PointerUse),
    /// The caller cannot be found: no unwind information, or memory that is not the stack.
    Broken(Word, PointerUse),
}

/// The caller's pc and stack pointer, by a rule that counts from the stack pointer, where a return
/// address [is below the CFA](LINK_IS_BELOW_CFA); [`step`] says the rest.
#[inline(always)]
pub(crate) fn step_by_sp<M: Memory>(sp: u64, rule: PackedRule, memory: &M) -> Option<(u64, u64)> {
    let cfa = offset(sp, rule.cfa());
    let pc = return_address(memory.word(link_address(cfa, 0), sp)?);
    (pc != 0).then_some((pc, cfa))
}

/// The caller's registers, if it is found in the ordinary way; [`step`] says the rest.
#[inline(always)]
pub(crate) fn plain_step<M: Memory>(
    at: &Registers,
    rule: PackedRule,
    memory: &M,
) -> Option<(Registers, Needs)> {
    let base = if rule.is_by_fp() { at.bp } else { at.sp };
    let cfa = offset(base, rule.cfa());
    let (mut saved, mut bp) = (0, at.bp);
    if rule.is_saved() {
        saved = offset(cfa, rule.fp());
        bp = memory.word(saved, at.sp)?;
    }
    let pc = return_address(memory.word(link_address(cfa, saved), at.sp)?);
    let needs = Needs { saved, pointer: PointerUse::of_plain(rule) };
    let is_outward = LINK_IS_BELOW_CFA || cfa > at.sp;
    (is_outward && pc != 0).then_some((Registers { pc, sp: cfa, bp }, needs))
}

/// Leaves the frame `at` by `rule`.
#[cold]
#[inline(never)]
pub(crate) fn step<M: Memory, R: Rules>(
    at: &Registers,
    rule: PackedRule,
    memory: &M,
    rules: &R,
) -> Step {
    match rule.unpack().unwrap_or_else(|| rules.unpacked(at.pc)) {
        Rule::Sp { cfa } if !LINK_IS_BELOW_CFA => {
            interrupted(at, offset(at.sp, cfa.into()), memory)
        }
        Rule::Sp { cfa } => leave(at, offset(at.sp, cfa.into()), 0, PointerUse::PASSED, memory),
        Rule::SpSaved { cfa, fp } => {
            let cfa = offset(at.sp, cfa.into());
            leave(at, cfa, offset(cfa, fp.into()), PointerUse::RESTORED, memory)
        }
        Rule::Fp { cfa } => leave(at, offset(at.bp, cfa.into()), 0, PointerUse::USED, memory),
        Rule::FpSaved { cfa, fp } => {
            let cfa = offset(at.bp, cfa.into());
            leave(at, cfa, offset(cfa, fp.into()), PointerUse::USED, memory)
        }
        Rule::Realigned { cfa, fp } => realigned(at, cfa.into(), fp.into(), memory),
        #[cfg(target_arch = "aarch64")]
        Rule::Apart { by_fp, cfa, link, fp } => {
            let cfa = offset(if by_fp { at.bp } else { at.sp }, cfa.into());
            let place = |place: i32| offset(cfa, place.into());
            apart(at, cfa, place(link), fp.map_or(0, place), memory)
        }
        Rule::Signal => signal(at, memory),
        Rule::End => Step::End(Word::default(), PointerUse::PASSED),
        Rule::Unknown => by_plausible_frame_pointer(at, memory, rules),
    }
}

#[inline(always)]
fn offset(base: u64, by: i64) -> u64 {
    base.wrapping_add_signed(by)
}

/// The ordinary step: return address beside the CFA, and a saved frame pointer unless `saved` is 0.
///
/// Only words of the frame itself are read: those below could be overwritten by calls that the
/// frame makes, which a later check could not tell from a changed frame. And the walk must move
/// outward.
fn leave<M: Memory>(at: &Registers, cfa: u64, saved: u64, pointer: PointerUse, memory: &M) -> Step {
    from_link(at, cfa, link_address(cfa, saved), saved, pointer, memory)
}

/// As [`leave`], with the return address at `link`.
fn from_link<M: Memory>(
    at: &Registers,
    cfa: u64,
    link: u64,
    saved: u64,
    pointer: PointerUse,
    memory: &M,
) -> Step {
    let Some(pc) = memory.word(link, at.sp).filter(|_| cfa > at.sp) else { return BROKEN };
    let pc = return_address(pc);
    let mut bp = at.bp;
    if saved != 0 {
        let Some(word) = memory.word(saved, at.sp) else { return BROKEN };
        bp = word;
    }
    if pc == 0 {
        return Step::End(Word { address: link, value: 0 }, pointer);
    }
    Step::Outward(Registers { pc, sp: cfa, bp }, Needs { saved, pointer })
}

/// A frame whose return address is not beside the saved frame pointer: its place is noted nowhere,
/// so the step is taken anew each time.
#[cfg(target_arch = "aarch64")]
fn apart<M: Memory>(at: &Registers, cfa: u64, link: u64, saved: u64, memory: &M) -> Step {
    match from_link(at, cfa, link, saved, PointerUse::UNVERIFIABLE, memory) {
        // A noted place would be taken for that of a pair.
        Step::Outward(caller, needs) => Step::Outward(caller, Needs { saved: 0, ..needs }),
        Step::End(..) => Step::End(Word::default(), PointerUse::UNVERIFIABLE),
        Step::Broken(..) => BROKEN_NOW,
    }
}

/// The frame of a function that a signal has interrupted before it stored its return address, or
/// that never does, on a processor that has return addresses in a register.
///
/// The kernel puts a frame record, the registers x29 and x30, above its own frame, at the next
/// multiple of 16 inward of the interrupted stack pointer (Linux, `setup_sigframe`). If the handler
/// runs on another stack, the record is there, and this stack ends here.
fn interrupted<M: Memory>(at: &Registers, cfa: u64, memory: &M) -> Step {
    // One past an instruction: no return address.
    if at.pc & 3 != 1 || cfa < at.sp {
        return BROKEN_NOW;
    }
    let record = (at.sp & !15).wrapping_sub(16);
    let (bp, pc) = (memory.word(record, record), memory.word(record.wrapping_add(8), record));
    let (Some(bp), Some(pc)) = (bp, pc.map(return_address)) else { return BROKEN_NOW };
    if bp != at.bp || pc == 0 {
        return BROKEN_NOW;
    }
    let needs = Needs { saved: 0, pointer: PointerUse::UNVERIFIABLE };
    Step::Outward(Registers { pc, sp: cfa, bp }, needs)
}

/// A return address that is no further in than the frame's stack pointer then says that the CFA is
/// further out.
pub(crate) const LINK_IS_BELOW_CFA: bool = !cfg!(target_arch = "aarch64");

/// The address of a frame's return address: just below the CFA.
#[cfg(not(target_arch = "aarch64"))]
#[inline(always)]
pub(crate) fn link_address(cfa: u64, _saved: u64) -> u64 {
    cfa.wrapping_sub(8)
}

/// The address of a frame's return address: beside the frame pointer, as the pair x29, x30 is
/// stored together. 0 where it was not stored, which is no address of a stack.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn link_address(_cfa: u64, saved: u64) -> u64 {
    if saved == 0 { 0 } else { saved.wrapping_add(8) }
}

/// The walk cannot go on from these registers, whatever memory holds.
const BROKEN: Step = Step::Broken(Word { address: 0, value: 0 }, PointerUse::USED);
/// The walk cannot go on with the present words, which are not noted.
const BROKEN_NOW: Step = Step::Broken(Word { address: 0, value: 0 }, PointerUse::UNVERIFIABLE);

/// A frame whose CFA was itself saved on the stack, because the stack was realigned.
fn realigned<M: Memory>(at: &Registers, cfa: i64, fp: i64, memory: &M) -> Step {
    let Some(cfa) = memory.word(offset(at.bp, cfa), at.sp) else { return BROKEN };
    match leave(at, cfa, offset(at.bp, fp), PointerUse::UNVERIFIABLE, memory) {
        Step::Broken(..) => BROKEN_NOW,
        step => step,
    }
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
fn signal<M: Memory>(at: &Registers, memory: &M) -> Step {
    let [pc, sp, bp] = SIGNAL_FRAME.map(|offset| memory.word(at.sp.wrapping_add(offset), at.sp));
    let (Some(pc), Some(sp), Some(bp)) = (pc, sp, bp) else { return BROKEN };
    if sp <= at.sp || pc == 0 {
        return BROKEN_NOW;
    }
    let needs = Needs { saved: 0, pointer: PointerUse::UNVERIFIABLE };
    // One is added because a pc is looked up as a return address, one byte earlier.
    Step::Outward(Registers { pc: pc + 1, sp, bp }, needs)
}

/// A frame without unwind information: hand-written assembly, generated code.
fn by_plausible_frame_pointer<M: Memory, R: Rules>(at: &Registers, memory: &M, rules: &R) -> Step {
    if at.bp < at.sp || at.bp & 7 != 0 {
        return BROKEN;
    }
    let link = at.bp.wrapping_add(8);
    let Some(pc) = memory.word(link, at.sp) else { return BROKEN };
    // The set of loaded modules decides if an address is plausible.
    if !rules.plausible(return_address(pc)) {
        return BROKEN_NOW;
    }
    match leave(at, at.bp.wrapping_add(16), at.bp, PointerUse::UNVERIFIABLE, memory) {
        Step::Broken(..) => BROKEN_NOW,
        step => step,
    }
}
