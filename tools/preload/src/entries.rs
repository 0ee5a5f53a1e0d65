//! The allocation functions that the loader calls as well: there, no vector register changes.
//!
//! A TLS descriptor's call changes no register but its result's: that is the ABI, and compiled code relies
//! on it. On a thread's first access to a library's variable, though, the loader allocates the
//! thread's copy, and glibc before 2.40 saves general registers alone around that on x86-64. It gets
//! by because its own `malloc` hardly touches vector registers. Ours does, and so may the next allocator.
//!
//! ```text
//!  program ── call *descriptor ──▶ loader ── malloc ──▶ entry ── returns into the loader? ── no ──▶ exports
//!                                                                     └ yes ▶ save, exports, restore
//! ```
//!
//! Saving takes 100 ns, more than an allocation, and every other caller of a C function expects vector
//! registers to change. So the entries look at the return address, which takes four instructions and a jump.
//! The loader calls these four functions and no others of the allocator's.
//!
//! On AArch64 the loader saves all vector registers itself (`_dl_tlsdesc_dynamic`), and musl allocates the
//! variables when the library is loaded: there the entries are plain.

use crate::exports;

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
pub(crate) use self::loader::note as note_loader;

/// Exports a function of `exports` to the program.
macro_rules! entry {
    ($name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?) => {
        /// # Safety
        ///
        /// As in C.
        #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name($(_: $type),*) $(-> $result)? {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "mov rax, qword ptr [rsp]",
                "sub rax, qword ptr [rip + {start}]",
                "cmp rax, qword ptr [rip + {length}]",
                "jb 2f",
                "jmp {function}",
                "2:",
                "lea r11, [rip + {function}]",
                "jmp {keep}",
                ".cfi_endproc",
                start = sym loader::START,
                length = sym loader::LENGTH,
                function = sym exports::$name,
                keep = sym vectors::keep,
            )
        }

        /// # Safety
        ///
        /// As in C.
        #[cfg(not(all(target_arch = "x86_64", target_env = "gnu")))]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) $(-> $result)? {
            // SAFETY: the caller's contract, handed on.
            unsafe { exports::$name($($argument),*) }
        }
    };
}

entry!(malloc(size: usize) -> *mut u8);
entry!(calloc(count: usize, size: usize) -> *mut u8);
entry!(realloc(block: *mut u8, size: usize) -> *mut u8);
entry!(free(block: *mut u8));

/// The loader's addresses.
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod loader {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use mod_alloc::preload::object_at;

    use super::vectors;

    /// Where the loader begins.
    pub(super) static START: AtomicUsize = AtomicUsize::new(0);
    /// How long it is; 0 until it is known.
    pub(super) static LENGTH: AtomicUsize = AtomicUsize::new(0);

    /// Finds the loader, before it can have a descriptor whose call allocates: a library that was loaded
    /// later has those, and to load one the loader allocates.
    pub(crate) fn note() {
        // The loader alone has that function, among what comes after this library.
        // SAFETY: the name ends with a zero byte.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, c"__tls_get_addr".as_ptr()) };
        let Some(loader) = object_at(function.addr() as u64) else { return };
        vectors::note();
        START.store(loader.start as usize, Ordering::Relaxed);
        // Release pairs with the entries' load: they see the rest, because x86-64 loads in order.
        LENGTH.store((loader.end - loader.start) as usize, Ordering::Release);
    }
}

/// Saving vector registers.
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod vectors {
    use core::arch::naked_asm;
    use core::arch::x86_64::{__cpuid_count, _xgetbv, CpuidResult};
    use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

    /// What XSAVE is to save, by the bits of XCR0 (Intel SDM vol. 1, 13.1): XMM with MXCSR, the halves of
    /// YMM, the mask registers, the halves of ZMM, the upper ZMM, and the upper general registers. Nothing
    /// here or in an allocator touches the x87, and tiles have a system call of their own.
    const KEPT: u32 = 1 << 1 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 19;
    /// XSAVE's area without extensions, which is as long as FXSAVE's and a header.
    const LEGACY: usize = 512 + 64;

    /// What of [`KEPT`] the system has turned on; 0: there is no XSAVE.
    static MASK: AtomicU32 = AtomicU32::new(0);
    /// How long the area is.
    static LENGTH: AtomicUsize = AtomicUsize::new(LEGACY);

    /// Notes which registers there are.
    pub(super) fn note() {
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

    /// Calls the function in r11, of one or two arguments, and keeps the vector registers. XRSTOR leaves
    /// registers unused that the thread has not used yet; loads would make later code slow.
    #[unsafe(naked)]
    pub(super) unsafe extern "C" fn keep() {
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
}
