//! The three registers a walk starts from.

/// Program counter, stack pointer and frame pointer of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) pc: u64,
    pub(crate) sp: u64,
    pub(crate) bp: u64,
}

impl Registers {
    /// The registers of the function this is inlined into.
    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(crate) fn here() -> Self {
        let (pc, sp, bp): (u64, u64, u64);
        // SAFETY: reads three registers, touches no memory and no flags.
        unsafe {
            core::arch::asm!(
                "lea {pc}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                pc = out(reg) pc,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Registers { pc, sp, bp }
    }

    /// The registers of the function this is inlined into.
    #[inline(always)]
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    pub(crate) fn here() -> Self {
        let (pc, sp, bp): (u64, u64, u64);
        // SAFETY: reads three registers, touches no memory and no flags.
        unsafe {
            core::arch::asm!(
                "adr {pc}, .",
                "mov {sp}, sp",
                "mov {bp}, x29",
                pc = out(reg) pc,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Registers { pc, sp, bp }
    }

    /// No registers to read: stacks are empty and counted as broken.
    #[inline(always)]
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    pub(crate) fn here() -> Self {
        Registers { pc: 0, sp: 0, bp: 0 }
    }
}
