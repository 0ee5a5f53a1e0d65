//! The memory that a walk reads: the stack that the calling thread was started with, or a copy of
//! another.

#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::capture::stack::Words;
use crate::capture::walk::Memory;

/// The calling thread's own stack, from its present stack pointer (where each walk begins) outward.
#[derive(Debug)]
pub(crate) struct OwnStack {
    /// One past the last address at which a word of the stack may begin.
    end: u64,
}

impl OwnStack {
    /// The stack that ends at `high`.
    ///
    /// # Safety
    ///
    /// `high` must be one past the last address of the calling thread's stack. Walks of this memory
    /// must begin with registers of a frame on that stack that does not return before the memory is
    /// dropped. A [`Stack`](crate::capture::stack::Stack) that this memory is shown must remember
    /// captures of that stack only, or nothing.
    #[inline(always)]
    pub(crate) unsafe fn new(high: u64) -> Self {
        OwnStack { end: high - 7 }
    }

    /// The stack, wherever it ends: no word is granted, and words that were granted are read again.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new).
    #[inline(always)]
    pub(crate) unsafe fn as_remembered() -> Self {
        OwnStack { end: 0 }
    }
}

impl Memory for OwnStack {
    #[inline(always)]
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        let inside = from <= address && address < self.end;
        // SAFETY: between `from`, the stack pointer of a walk that has begun as `new` asks for, and
        // the stack's end all is mapped, and the address is aligned.
        (inside && address & 7 == 0).then(|| unsafe { self.again(address) })
    }

    #[inline(always)]
    unsafe fn again(&self, address: u64) -> u64 {
        let word = core::ptr::with_exposed_provenance::<u64>(address as usize);
        // SAFETY: an aligned address between the present stack pointer and the stack's end, by the
        // caller's promise: all is mapped there. Volatile: the compiler does not know of the
        // writes there.
        unsafe { word.read_volatile() }
    }

    /// Two words share a register, and there is one branch a round: no compiler joins loads of
    /// memory that others may write, as these words are.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    unsafe fn hold(&self, words: &Words) -> bool {
        let equal: u64;
        // SAFETY: reads `len` words of both arrays, and those at the addresses, by the caller's
        // promise; `len` is a whole number of rounds, and not 0.
        unsafe {
            core::arch::asm!(
                "pcmpeqd {sum}, {sum}",
                "test {left:l}, 4",
                "jz 2f",
                "mov {a}, qword ptr [{words} + 8 * {left} - 8]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 16]",
                "movq {sum}, qword ptr [{b}]",
                "movhps {sum}, qword ptr [{a}]",
                "mov {a}, qword ptr [{words} + 8 * {left} - 24]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 32]",
                "movq {y}, qword ptr [{b}]",
                "movhps {y}, qword ptr [{a}]",
                "pcmpeqd {sum}, xmmword ptr [{words} + 8 * {left} + {values} - 16]",
                "pcmpeqd {y}, xmmword ptr [{words} + 8 * {left} + {values} - 32]",
                "pand {sum}, {y}",
                "sub {left}, 4",
                "jz 3f",
                "2:",
                "mov {a}, qword ptr [{words} + 8 * {left} - 8]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 16]",
                "movq {x}, qword ptr [{b}]",
                "movhps {x}, qword ptr [{a}]",
                "mov {a}, qword ptr [{words} + 8 * {left} - 24]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 32]",
                "movq {y}, qword ptr [{b}]",
                "movhps {y}, qword ptr [{a}]",
                "pcmpeqd {x}, xmmword ptr [{words} + 8 * {left} + {values} - 16]",
                "pcmpeqd {y}, xmmword ptr [{words} + 8 * {left} + {values} - 32]",
                "pand {sum}, {x}",
                "pand {sum}, {y}",
                "mov {a}, qword ptr [{words} + 8 * {left} - 40]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 48]",
                "movq {x}, qword ptr [{b}]",
                "movhps {x}, qword ptr [{a}]",
                "mov {a}, qword ptr [{words} + 8 * {left} - 56]",
                "mov {b}, qword ptr [{words} + 8 * {left} - 64]",
                "movq {y}, qword ptr [{b}]",
                "movhps {y}, qword ptr [{a}]",
                "pcmpeqd {x}, xmmword ptr [{words} + 8 * {left} + {values} - 48]",
                "pcmpeqd {y}, xmmword ptr [{words} + 8 * {left} + {values} - 64]",
                "pand {sum}, {x}",
                "pand {sum}, {y}",
                "sub {left}, 8",
                "jnz 2b",
                "3:",
                "pmovmskb {a:e}, {sum}",
                words = in(reg) words,
                values = const core::mem::offset_of!(Words, values),
                left = inout(reg) words.len => _,
                a = out(reg) equal,
                b = out(reg) _,
                x = out(xmm_reg) _,
                y = out(xmm_reg) _,
                sum = out(xmm_reg) _,
                options(nostack, readonly)
            );
        }
        equal as u32 == 0xffff
    }

    /// A pair is one load.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    unsafe fn hold_pairs(&self, words: &Words) -> bool {
        let equal: u64;
        // SAFETY: reads `paired` words' addresses and values, and the pairs there, by the caller's
        // promise; `paired` is a whole number of rounds, and not 0.
        unsafe {
            core::arch::asm!(
                "pcmpeqd {sum}, {sum}",
                "2:",
                "mov {a}, qword ptr [{words} + 4 * {left} + {pair_addresses} - 8]",
                "mov {b}, qword ptr [{words} + 4 * {left} + {pair_addresses} - 16]",
                "movdqu {x}, xmmword ptr [{a}]",
                "movdqu {y}, xmmword ptr [{b}]",
                "pcmpeqd {x}, xmmword ptr [{words} + 8 * {left} + {pair_values} - 16]",
                "pcmpeqd {y}, xmmword ptr [{words} + 8 * {left} + {pair_values} - 32]",
                "pand {sum}, {x}",
                "pand {sum}, {y}",
                "mov {a}, qword ptr [{words} + 4 * {left} + {pair_addresses} - 24]",
                "mov {b}, qword ptr [{words} + 4 * {left} + {pair_addresses} - 32]",
                "movdqu {x}, xmmword ptr [{a}]",
                "movdqu {y}, xmmword ptr [{b}]",
                "pcmpeqd {x}, xmmword ptr [{words} + 8 * {left} + {pair_values} - 48]",
                "pcmpeqd {y}, xmmword ptr [{words} + 8 * {left} + {pair_values} - 64]",
                "pand {sum}, {x}",
                "pand {sum}, {y}",
                "sub {left}, 8",
                "jnz 2b",
                "pmovmskb {a:e}, {sum}",
                words = in(reg) words,
                pair_addresses = const core::mem::offset_of!(Words, pair_addresses),
                pair_values = const core::mem::offset_of!(Words, pair_values),
                left = inout(reg) words.paired => _,
                a = out(reg) equal,
                b = out(reg) _,
                x = out(xmm_reg) _,
                y = out(xmm_reg) _,
                sum = out(xmm_reg) _,
                options(nostack, readonly)
            );
        }
        equal as u32 == 0xffff
    }

    /// Nine instructions two words: the compiler has products of 128 bits moved about.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    unsafe fn sum(&self, sp: u64, words: &[u16], keys: &[u64]) -> u128 {
        let (mut low, mut high) = (0_u64, 0_u64);
        // SAFETY: reads all of `words`, which are a whole number of rounds, one at least, as many
        // keys, and the stack's words there, by the caller's promise.
        unsafe {
            core::arch::asm!(
                "2:",
                "movzx eax, word ptr [{words} + 2 * {left} - 2]",
                "movzx edx, word ptr [{words} + 2 * {left} - 4]",
                "mov rax, qword ptr [{sp} + 8 * rax]",
                "mov rdx, qword ptr [{sp} + 8 * rdx]",
                "add rax, qword ptr [{keys} + 8 * {left} - 8]",
                "add rdx, qword ptr [{keys} + 8 * {left} - 16]",
                "mul rdx",
                "add {low}, rax",
                "adc {high}, rdx",
                "movzx eax, word ptr [{words} + 2 * {left} - 6]",
                "movzx edx, word ptr [{words} + 2 * {left} - 8]",
                "mov rax, qword ptr [{sp} + 8 * rax]",
                "mov rdx, qword ptr [{sp} + 8 * rdx]",
                "add rax, qword ptr [{keys} + 8 * {left} - 24]",
                "add rdx, qword ptr [{keys} + 8 * {left} - 32]",
                "mul rdx",
                "add {low}, rax",
                "adc {high}, rdx",
                "sub {left}, 4",
                "jnz 2b",
                sp = in(reg) sp,
                words = in(reg) words.as_ptr(),
                keys = in(reg) keys.as_ptr(),
                left = inout(reg) words.len() => _,
                low = inout(reg) low,
                high = inout(reg) high,
                out("rax") _,
                out("rdx") _,
                options(nostack, readonly)
            );
        }
        u128::from(high) << 64 | u128::from(low)
    }
}

/// A copy of part of a stack that is not the thread's own (a fiber's, a signal handler's).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopiedStack<'a> {
    pub(crate) low: u64,
    pub(crate) words: &'a [u64],
}

impl Memory for CopiedStack<'_> {
    fn word(&self, address: u64, from: u64) -> Option<u64> {
        if address & 7 != 0 || address < from {
            return None;
        }
        let index = usize::try_from(address.checked_sub(self.low)? / 8).ok()?;
        self.words.get(index).copied()
    }

    unsafe fn again(&self, address: u64) -> u64 {
        self.word(address, self.low).unwrap_or(0)
    }
}
