//! How to leave one frame, in 32 bits.
//!
//! A rule says where the caller's frame begins (the CFA) and where the caller's frame
//! pointer was saved. The return address lies at a place fixed by the architecture: on x86-64 just
//! below the CFA, on aarch64 just above the saved frame pointer, or else the rule does not fit.
//!
//! ```text
//!  31     30   29      28     27               13 12              0
//! +------+----+-------+------+-------------------+-----------------+
//! |plain | fp | saved | late |  CFA offset / 8,  | fp offset / 8,  |    plain: the ordinary kinds
//! |      |    |       |      |  signed           | signed          |
//! +------+----+-------+------+-------------------+-----------------+
//! |  0   | 0  |   1   | late |  the same         |  the same       |    a realigned frame
//! |  0   | 0  |   0   | late | 1 to 3 in bits 25 and 26            |    signal, end, unknown
//! |  0   | 1  |   0   | late |                   0                 |    an offset does not fit
//! +------+----+-------+------+-------------------------------------+
//!                                                all zero: an empty cache entry
//! ```
//!
//! *Late*: the pc's module may be unloaded, and another one be loaded in its place.

/// The kind of step that leaves the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// CFA = sp + `cfa`; the frame pointer still holds the caller's value. On aarch64, so does the
    /// register of the return address.
    Sp { cfa: i32 },
    /// CFA = sp + `cfa`; the caller's frame pointer is at CFA + `fp`.
    SpSaved { cfa: i32, fp: i32 },
    /// CFA = fp + `cfa`; the frame pointer still holds the caller's value.
    Fp { cfa: i32 },
    /// CFA = fp + `cfa`; the caller's frame pointer is at CFA + `fp`.
    FpSaved { cfa: i32, fp: i32 },
    /// Over-aligned frame: CFA = word at fp + `cfa`; the caller's frame pointer is at fp + `fp`.
    Realigned { cfa: i32, fp: i32 },
    /// CFA = sp + `cfa`, or fp + `cfa`; the return address is at CFA + `link`, and the caller's
    /// frame pointer at CFA + `fp` or still in its register. Does not fit in 32 bits.
    #[cfg(target_arch = "aarch64")]
    Apart { by_fp: bool, cfa: i32, link: i32, fp: Option<i32> },
    /// The kernel's signal frame: sp points to a `ucontext`.
    Signal,
    /// The outermost frame: there is no caller.
    End,
    /// Nothing is known about this pc.
    Unknown,
}

/// A rule in 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedRule(u32);

const KIND_SHIFT: u32 = 25;
const CFA_BITS: u32 = 15;
const FP_BITS: u32 = 13;

impl PackedRule {
    /// The bit of the ordinary kinds.
    pub(crate) const PLAIN: u32 = 1 << 31;
    /// The bit of those that count the CFA from the frame pointer.
    pub(crate) const BY_FP: u32 = 1 << 30;
    /// The bit of those that have saved the frame pointer.
    pub(crate) const SAVED: u32 = 1 << 29;

    /// The bit of those whose module was loaded late.
    pub(crate) const LATE: u32 = 1 << 28;

    /// Nothing is known about this pc.
    pub(crate) const UNKNOWN: PackedRule = PackedRule(3 << KIND_SHIFT);
    /// The rule does not fit; ask [`Rules::unpacked`](crate::capture::walk::Rules::unpacked).
    pub(crate) const TOO_LARGE: PackedRule = PackedRule(Self::BY_FP);

    /// True if it is one of the four ordinary kinds.
    #[inline(always)]
    pub(crate) fn is_plain(self) -> bool {
        self.0 & Self::PLAIN != 0
    }

    /// True if the CFA is counted from the frame pointer.
    #[inline(always)]
    pub(crate) fn is_by_fp(self) -> bool {
        self.0 & Self::BY_FP != 0
    }

    /// True if the caller's frame pointer was saved.
    #[inline(always)]
    pub(crate) fn is_saved(self) -> bool {
        self.0 & Self::SAVED != 0
    }

    /// The CFA's offset.
    #[inline(always)]
    pub(crate) fn cfa(self) -> i64 {
        (u64::from(self.0) << (64 - CFA_BITS - FP_BITS)).cast_signed() >> (64 - CFA_BITS) << 3
    }

    /// The saved frame pointer's offset.
    #[inline(always)]
    pub(crate) fn fp(self) -> i64 {
        (u64::from(self.0) << (64 - FP_BITS)).cast_signed() >> (64 - FP_BITS) << 3
    }

    /// The rule for a pc whose module was loaded late.
    pub(crate) fn late(self) -> Self {
        PackedRule(self.0 | Self::LATE)
    }

    /// The bits; never 0.
    #[inline(always)]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The rule of the bits of an ordinary kind.
    #[inline(always)]
    pub(crate) fn from_plain_bits(bits: u32) -> Self {
        debug_assert!(bits & Self::PLAIN != 0);
        PackedRule(bits)
    }

    /// The rule of these bits, unless they are 0.
    #[inline(always)]
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        (bits != 0).then_some(PackedRule(bits))
    }

    /// The rule; `None` for [`TOO_LARGE`](Self::TOO_LARGE).
    pub(crate) fn unpack(self) -> Option<Rule> {
        let (cfa, fp) = (self.cfa() as i32, self.fp() as i32);
        Some(match (self.is_plain(), self.is_by_fp(), self.is_saved()) {
            (true, false, false) => Rule::Sp { cfa },
            (true, false, true) => Rule::SpSaved { cfa, fp },
            (true, true, false) => Rule::Fp { cfa },
            (true, true, true) => Rule::FpSaved { cfa, fp },
            (false, false, true) => Rule::Realigned { cfa, fp },
            (false, true, _) => return None,
            (false, false, false) => match self.0 >> KIND_SHIFT & 3 {
                1 => Rule::Signal,
                2 => Rule::End,
                _ => Rule::Unknown,
            },
        })
    }
}

impl Rule {
    /// The frame-pointer walk's only rule: `push fp; mov fp, sp`.
    pub(crate) const FRAME_POINTER: Rule = Rule::FpSaved { cfa: 16, fp: -16 };

    /// The rule in 32 bits; [`PackedRule::TOO_LARGE`] if an offset does not fit.
    pub(crate) fn pack(self) -> PackedRule {
        let (kind, cfa, fp) = match self {
            Rule::Sp { cfa } => (PackedRule::PLAIN, cfa, 0),
            Rule::SpSaved { cfa, fp } => (PackedRule::PLAIN | PackedRule::SAVED, cfa, fp),
            Rule::Fp { cfa } => (PackedRule::PLAIN | PackedRule::BY_FP, cfa, 0),
            Rule::FpSaved { cfa, fp } => {
                (PackedRule::PLAIN | PackedRule::BY_FP | PackedRule::SAVED, cfa, fp)
            }
            Rule::Realigned { cfa, fp } => (PackedRule::SAVED, cfa, fp),
            #[cfg(target_arch = "aarch64")]
            Rule::Apart { .. } => return PackedRule::TOO_LARGE,
            Rule::Signal => return PackedRule(1 << KIND_SHIFT),
            Rule::End => return PackedRule(2 << KIND_SHIFT),
            Rule::Unknown => return PackedRule::UNKNOWN,
        };
        match (field(cfa, CFA_BITS), field(fp, FP_BITS)) {
            (Some(cfa), Some(fp)) => PackedRule(kind | cfa << FP_BITS | fp),
            _ => PackedRule::TOO_LARGE,
        }
    }
}

/// `offset / 8` as a signed field of `bits` bits; `None` if it is no multiple of 8 or too large.
fn field(offset: i32, bits: u32) -> Option<u32> {
    let units = offset >> 3;
    let limit = 1 << (bits - 1);
    let fits = offset & 7 == 0 && (-limit..limit).contains(&units);
    fits.then_some(units.cast_unsigned() & ((1 << bits) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_survives_packing() {
        for cfa in [-131_072, -16, -8, 0, 8, 16, 4096, 131_064] {
            for fp in [-32_768, -16, 0, 8, 32_760] {
                for rule in [
                    Rule::Sp { cfa },
                    Rule::SpSaved { cfa, fp },
                    Rule::Fp { cfa },
                    Rule::FpSaved { cfa, fp },
                    Rule::Realigned { cfa, fp },
                    Rule::Signal,
                    Rule::End,
                    Rule::Unknown,
                ] {
                    let packed = rule.pack();
                    assert_ne!(packed.bits(), 0, "0 is an empty cache entry");
                    assert_eq!(packed.unpack(), Some(rule));
                    assert_eq!(packed.late().unpack(), Some(rule));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_said_not_to() {
        for rule in [
            Rule::Sp { cfa: 131_072 },
            Rule::Sp { cfa: 12 },
            Rule::SpSaved { cfa: 16, fp: -32_776 },
        ] {
            assert_eq!(rule.pack(), PackedRule::TOO_LARGE);
            assert_eq!(rule.pack().unpack(), None);
        }
    }
}
