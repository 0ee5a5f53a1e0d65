//! How to leave one frame, in 32 bits.
//!
//! A rule says where the caller's frame begins (the CFA) and where the caller's frame
//! pointer was saved. The return address lies at a place fixed by the architecture:
//! on x86-64 just below the CFA, on aarch64 just above the saved frame pointer.
//!
//! ```text
//!  31      28 27                          13 12                 0
//! +----------+------------------------------+--------------------+
//! |   kind   |  a: CFA offset / 8, signed   | b: fp offset / 8   |
//! +----------+------------------------------+--------------------+
//! ```

/// What kind of step leaves the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// CFA = sp + `cfa`; the frame pointer still holds the caller's value.
    Sp { cfa: i32 },
    /// CFA = sp + `cfa`; the caller's frame pointer is at CFA + `fp`.
    SpSaved { cfa: i32, fp: i32 },
    /// CFA = fp + `cfa`; the frame pointer still holds the caller's value.
    Fp { cfa: i32 },
    /// CFA = fp + `cfa`; the caller's frame pointer is at CFA + `fp`.
    FpSaved { cfa: i32, fp: i32 },
    /// Over-aligned frame: CFA = word at fp + `cfa`; the caller's frame pointer is at fp + `fp`.
    Realigned { cfa: i32, fp: i32 },
    /// The kernel's signal frame: sp points to a `ucontext`.
    Signal,
    /// The outermost frame: there is no caller.
    End,
    /// Nothing is known about this pc.
    Unknown,
}

const A_BITS: u32 = 15;
const B_BITS: u32 = 13;

impl Rule {
    /// The frame-pointer walk's only rule: `push fp; mov fp, sp`.
    pub(crate) const FRAME_POINTER: Rule = Rule::FpSaved { cfa: 16, fp: -16 };

    /// The rule as a non-zero word, or `None` if an offset does not fit (such a frame's
    /// rule is decoded anew each time).
    pub(crate) fn pack(self) -> Option<u32> {
        let (kind, a, b) = match self {
            Rule::Sp { cfa } => (1, cfa, 0),
            Rule::SpSaved { cfa, fp } => (2, cfa, fp),
            Rule::Fp { cfa } => (3, cfa, 0),
            Rule::FpSaved { cfa, fp } => (4, cfa, fp),
            Rule::Realigned { cfa, fp } => (5, cfa, fp),
            Rule::Signal => (6, 0, 0),
            Rule::End => (7, 0, 0),
            Rule::Unknown => (8, 0, 0),
        };
        let a = field(a, A_BITS)?;
        let b = field(b, B_BITS)?;
        Some(kind << (A_BITS + B_BITS) | a << B_BITS | b)
    }

    /// The inverse of [`pack`](Self::pack).
    #[inline(always)]
    pub(crate) fn unpack(word: u32) -> Rule {
        let cfa = (word << (32 - A_BITS - B_BITS)).cast_signed() >> (32 - A_BITS) << 3;
        let fp = (word << (32 - B_BITS)).cast_signed() >> (32 - B_BITS) << 3;
        match word >> (A_BITS + B_BITS) {
            1 => Rule::Sp { cfa },
            2 => Rule::SpSaved { cfa, fp },
            3 => Rule::Fp { cfa },
            4 => Rule::FpSaved { cfa, fp },
            5 => Rule::Realigned { cfa, fp },
            6 => Rule::Signal,
            7 => Rule::End,
            _ => Rule::Unknown,
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
                    let word = rule.pack().unwrap_or_else(|| panic!("{rule:?} fits"));
                    assert_ne!(word, 0, "0 is an empty cache entry");
                    assert_eq!(Rule::unpack(word), rule);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Rule::Sp { cfa: 131_072 }.pack(), None);
        assert_eq!(Rule::Sp { cfa: 12 }.pack(), None);
        assert_eq!(Rule::SpSaved { cfa: 16, fp: -32_776 }.pack(), None);
    }
}
