//! The allocation functions that the loader calls as well: there, no vector register changes.
//!
//! A TLS descriptor's call changes no register but its result's: that is the ABI, and compiled code
//! relies on it. On a thread's first access to a library's variable, though, the loader allocates
//! the thread's copy, and glibc before 2.40 saves general registers alone around that on x86-64. It
//! gets by because its own `malloc` hardly touches vector registers. Ours does, and so may the next
//! allocator.
//!
//! ```text
//!  program ── call *descriptor ──▶ loader ── malloc ──▶ entry: returns into the loader? ── no ──▶ exports
//!                                                             └── yes ──▶ save, exports, restore
//! ```
//!
//! Saving takes 100 ns, more than an allocation, and every other caller of a C function expects
//! vector registers to change. So the entries look at the return address, which takes four
//! instructions and a jump. The loader calls these four functions and no others of the allocator's.
//!
//! On AArch64 the loader saves all vector registers itself (`_dl_tlsdesc_dynamic`), and musl
//! allocates the variables when the library is loaded: there the entries are plain.

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
                keep = sym crate::vectors::keep,
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

    use crate::vectors;

    /// Where the loader begins.
    pub(super) static START: AtomicUsize = AtomicUsize::new(0);
    /// How long it is; 0 until it is known.
    pub(super) static LENGTH: AtomicUsize = AtomicUsize::new(0);

    /// Finds the loader, before it can have a descriptor whose call allocates: a library that was
    /// loaded later has those, and to load one the loader allocates.
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
