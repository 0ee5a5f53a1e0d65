//! Saving the vector registers of a thread around a call. XSAVE does it: it knows of all that the
//! processor has, and it leaves those unused that the thread has not used, where loads would make
//! later code slow.

use core::arch::naked_asm;
use core::arch::x86_64::{__cpuid_count, _xgetbv, CpuidResult};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The state that XSAVE is to save, by the bits of XCR0 (Intel SDM vol. 1, 13.1): XMM with MXCSR,
/// the halves of YMM, the mask registers, the halves of ZMM, the upper ZMM, and the upper general
/// registers. Nothing here or in an allocator touches the x87, and tiles have a system call of
/// their own.
const KEPT: u32 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 19;
/// XSAVE's area without extensions, which is as long as FXSAVE's and a header.
const LEGACY: usize = 512 + 64;

/// The part of [`KEPT`] that the system has turned on; 0: there is no XSAVE.
static MASK: AtomicU32 = AtomicU32::new(0);
/// The length of the area.
static LENGTH: AtomicUsize = AtomicUsize::new(LEGACY);

/// Notes which registers there are.
pub(crate) fn note() {
    const OSXSAVE: u32 = 1 << 27; // CPUID 01h, ECX
    const AREAS: u32 = 0xd;
    if cpuid(1, 0).ecx & OSXSAVE == 0 {
        return;
    }
    // SAFETY: OSXSAVE says that there is the instruction.
    let mask = unsafe { _xgetbv(0) } as u32 & KEPT;
    let extensions = (2..u32::BITS).filter(|bit| mask >> bit & 1 == 1);
    let areas = extensions.map(|bit| cpuid(AREAS, bit));
    let length = areas.map(|area| (area.eax + area.ebx) as usize).fold(LEGACY, usize::max);
    // The entries read both after `loader::LENGTH`.
    MASK.store(mask, Ordering::Relaxed);
    LENGTH.store(length, Ordering::Relaxed);
}

fn cpuid(leaf: u32, part: u32) -> CpuidResult {
    // Safe in newer versions of Rust; as a pointer it is unsafe in all.
    let cpuid: unsafe fn(u32, u32) -> CpuidResult = __cpuid_count;
    // SAFETY: every x86-64 processor has the instruction.
    unsafe { cpuid(leaf, part) }
}

/// Calls the function in r11, of one or two arguments, and keeps the vector registers.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn keep() {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "sub rsp, 16",
        "sub rsp, qword ptr [rip + {length}]",
        "and rsp, -64",
        "xor edx, edx",
        "mov eax, dword ptr [rip + {mask}]",
        "test eax, eax",
        "jz 2f",
        ".irp at, 512, 520, 528, 536, 544, 552, 560, 568", // the header
        "mov qword ptr [rsp + \\at], rdx",
        ".endr",
        "xsave64 [rsp]",
        "call r11",
        "mov qword ptr [rbp - 8], rax",
        "xor edx, edx",
        "mov eax, dword ptr [rip + {mask}]",
        "xrstor64 [rsp]",
        "mov rax, qword ptr [rbp - 8]",
        "jmp 3f",
        "2:",
        "fxsave64 [rsp]",
        "call r11",
        "fxrstor64 [rsp]",
        "3:",
        "leave",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        mask = sym MASK,
        length = sym LENGTH,
    )
}
