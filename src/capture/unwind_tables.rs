//! Rules from `.eh_frame`: the slow path, taken once per pc.
//!
//! gimli reads the tables in place (`read-core`: it does not allocate). Of the unwind row only the
//! part that a walk needs is kept: the CFA, and the places at which the return address and the
//! frame pointer were saved.
//!
//! | row | rule |
//! |---|---|
//! | return address undefined | the stack's end |
//! | return address in its register (aarch64) | the frame that a signal interrupted |
//! | return address not beside the frame pointer (aarch64) | its place, which does not fit |
//! | CFA = stack pointer + n | left by the stack pointer |
//! | CFA = frame pointer + n | left by the frame pointer |
//! | CFA = the word at frame pointer + n | an over-aligned frame |
//! | of a signal's frame | the kernel's frame of registers |
//! | any other | unknown: the frame pointer is tried |

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, FrameDescriptionEntry, NativeEndian,
    Pointer, Reader, Register, RegisterRule, UnwindContext, UnwindContextStorage, UnwindExpression,
    UnwindSection, UnwindTableRow, Vendor,
};

use crate::capture::rule::Rule;

/// DWARF register numbers of the System V ABI.
#[cfg(not(target_arch = "aarch64"))]
mod register {
    use gimli::Register;
    pub(super) const FP: Register = Register(6);
    pub(super) const SP: Register = Register(7);
    pub(super) const LINK: Register = Register(16);
}
#[cfg(target_arch = "aarch64")]
mod register {
    use gimli::Register;
    pub(super) const FP: Register = Register(29);
    pub(super) const SP: Register = Register(31);
    pub(super) const LINK: Register = Register(30);
}

/// Says what the instructions mean that vendors have defined for themselves: aarch64's say if a
/// return address is signed.
const VENDOR: Vendor =
    if cfg!(target_arch = "aarch64") { Vendor::AArch64 } else { Vendor::Default };

/// A section, read in place.
type Bytes<'a> = EndianSlice<'a, NativeEndian>;

/// Room for one row's rules, in place, and no more than that: a signal handler's stack is small. A
/// row with more columns makes gimli return an error, and the frame counts as unknown.
struct InPlace;

/// The registers and the return address.
#[cfg(not(target_arch = "aarch64"))]
const COLUMNS: usize = 17;
/// The registers, and some of the vector registers.
#[cfg(target_arch = "aarch64")]
const COLUMNS: usize = 40;

impl UnwindContextStorage<usize> for InPlace {
    type Rules = [(Register, RegisterRule<usize>); COLUMNS];
    type Stack = [UnwindTableRow<usize, Self>; 3];
}

/// The unwind information of a module.
pub(crate) trait Constants {
    /// The module's constant bytes from a loaded address on, as far as they go; none, if that is no
    /// address of such a byte.
    fn from(&self, address: u64) -> &[u8];
}

/// How to leave the frame whose return address is `pc`. `header`: loaded address of the module's
/// `.eh_frame_hdr`.
pub(crate) fn rule(object: &impl Constants, header: u64, pc: u64) -> Rule {
    let Some(entry) = entry(object, header, pc.wrapping_sub(1)) else {
        // No call is before the first instruction of a function: a coroutine's first function was
        // made to return there.
        let is_first = self::entry(object, header, pc).is_some_and(|entry| entry.begins_at(pc));
        return if is_first { Rule::End } else { Rule::Unknown };
    };
    entry.rule(pc.wrapping_sub(1)).unwrap_or(Rule::Unknown)
}

/// The entry of a function in the tables, and what its addresses count from.
struct Entry<'a> {
    fde: FrameDescriptionEntry<Bytes<'a>>,
    section: EhFrame<Bytes<'a>>,
    bases: BaseAddresses,
}

impl Entry<'_> {
    fn begins_at(&self, pc: u64) -> bool {
        self.fde.initial_address() == pc
    }

    /// Runs the function's unwind program up to `pc`; `None`: damaged tables.
    fn rule(&self, pc: u64) -> Option<Rule> {
        if self.fde.is_signal_trampoline() {
            return Some(Rule::Signal);
        }
        let mut context = UnwindContext::<usize, InPlace>::new_in();
        let row = self.fde.unwind_info_for_address(&self.section, &self.bases, &mut context, pc);
        translate(row.ok()?, &self.section)
    }
}

/// Finds the function of the instruction at `pc` by the header's sorted table. `None`: there is no
/// entry, or the tables are damaged.
fn entry<C: Constants>(object: &C, header: u64, pc: u64) -> Option<Entry<'_>> {
    let bases = BaseAddresses::default().set_eh_frame_hdr(header);
    let header = EhFrameHdr::new(object.from(header), NativeEndian).parse(&bases, 8).ok()?;
    let Pointer::Direct(frames_at) = header.eh_frame_ptr() else { return None };
    let mut section = EhFrame::new(object.from(frames_at), NativeEndian);
    section.set_vendor(VENDOR);
    let bases = bases.set_eh_frame(frames_at);
    let fde = header.table()?.fde_for_address(&section, &bases, pc, EhFrame::cie_from_offset);
    Some(Entry { fde: fde.ok()?, section, bases })
}

/// The part of a row that a walk needs; `None` if the row asks for a step that a walk cannot do.
fn translate(row: &UnwindTableRow<usize, InPlace>, section: &EhFrame<Bytes<'_>>) -> Option<Rule> {
    let link = row.register(register::LINK);
    if is_outermost(link.as_ref()) {
        return Some(Rule::End);
    }
    let pointer = row.register(register::FP);
    match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => {
            let by_fp = match *register {
                register::SP => false,
                register::FP => true,
                _ => return None,
            };
            ordinary(by_fp, i32::try_from(*offset).ok()?, link.as_ref(), pointer.as_ref())
        }
        CfaRule::Expression(expression) => {
            // Over-aligned frames: the CFA is a word in the frame, the frame pointer another.
            let cfa = frame_word(expression, section, true)?;
            let Some(RegisterRule::Expression(expression)) = pointer else { return None };
            let fp = frame_word(&expression, section, false)?;
            Some(Rule::Realigned { cfa, fp })
        }
    }
}

/// The rule of a frame whose CFA counts from a register.
fn ordinary(
    by_fp: bool,
    cfa: i32,
    link: Option<&RegisterRule<usize>>,
    pointer: Option<&RegisterRule<usize>>,
) -> Option<Rule> {
    let fp = saved_at_cfa(pointer)?;
    if let Some(rule) = without_pair(by_fp, cfa, link, fp)? {
        return Some(rule);
    }
    Some(match (by_fp, fp) {
        (false, None) => Rule::Sp { cfa },
        (false, Some(fp)) => Rule::SpSaved { cfa, fp },
        (true, None) => Rule::Fp { cfa },
        (true, Some(fp)) => Rule::FpSaved { cfa, fp },
    })
}

/// Compilers mark `_start` and thread entries by an undefined return address.
#[cfg(not(target_arch = "aarch64"))]
fn is_outermost(link: Option<&RegisterRule<usize>>) -> bool {
    matches!(link, None | Some(RegisterRule::Undefined))
}

/// Compilers mark `_start` and thread entries by an undefined return address. If the tables do not
/// mention it, it is still in x30, which a walk does not follow.
#[cfg(target_arch = "aarch64")]
fn is_outermost(link: Option<&RegisterRule<usize>>) -> bool {
    matches!(link, Some(RegisterRule::Undefined))
}

/// `Some(None)`: still in its register; `Some(Some(n))`: saved at CFA + n; `None`: anything else.
fn saved_at_cfa(rule: Option<&RegisterRule<usize>>) -> Option<Option<i32>> {
    match rule {
        None | Some(RegisterRule::Undefined | RegisterRule::SameValue) => Some(None),
        Some(RegisterRule::Offset(offset)) => Some(Some(i32::try_from(*offset).ok()?)),
        _ => None,
    }
}

/// `Some(None)`: the return address is where a walk looks for it. `None`: it is elsewhere.
#[cfg(not(target_arch = "aarch64"))]
fn without_pair(
    _by_fp: bool,
    _cfa: i32,
    link: Option<&RegisterRule<usize>>,
    _fp: Option<i32>,
) -> Option<Option<Rule>> {
    (link == Some(&RegisterRule::Offset(-8))).then_some(None)
}

/// The rule of a frame that did not store the pair x29, x30 together; `Some(None)` if it did, or if
/// its return address still is in x30 and its CFA counts from the stack pointer.
#[cfg(target_arch = "aarch64")]
fn without_pair(
    by_fp: bool,
    cfa: i32,
    link: Option<&RegisterRule<usize>>,
    fp: Option<i32>,
) -> Option<Option<Rule>> {
    match (saved_at_cfa(link)?, fp) {
        (None, None) => (!by_fp).then_some(None),
        (None, Some(_)) => None,
        (Some(link), Some(fp)) if link.checked_sub(8) == Some(fp) => Some(None),
        (Some(link), fp) => Some(Some(Rule::Apart { by_fp, cfa, link, fp })),
    }
}

/// `fp + n` (or the word there, with `deref`) as the expression's only content.
fn frame_word(
    expression: &UnwindExpression<usize>,
    section: &EhFrame<Bytes<'_>>,
    deref: bool,
) -> Option<i32> {
    const BREG_FP: u8 = gimli::DW_OP_breg0.0 + (register::FP.0 as u8);
    let mut bytes = expression.get(section).ok()?.0;
    if bytes.read_u8().ok()? != BREG_FP {
        return None;
    }
    let offset = i32::try_from(bytes.read_sleb128().ok()?).ok()?;
    if deref && bytes.read_u8().ok()? != gimli::DW_OP_deref.0 {
        return None;
    }
    bytes.is_empty().then_some(offset)
}
