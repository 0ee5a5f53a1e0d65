//! `execl` and its relatives, whose arguments are the other program's.
//!
//! Rust cannot define functions with any number of arguments. C's callers pass the first six in
//! registers and the others on the stack, above the return address. So the entries push those of
//! the registers in the return address's place: then all of them are an array, which ends with the
//! null that the caller gave.

use core::ffi::{c_char, c_int};

use super::{Strings, environ, execve, execvpe};

/// Exports a function whose arguments from the second on are handed on as an array.
macro_rules! entry {
    ($name:ident, $inner:ident) => {
        /// # Safety
        ///
        /// As in C.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() -> c_int {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "pop rax",
                ".cfi_def_cfa_offset 0",
                ".cfi_register 16, 0",
                "push r9",
                "push r8",
                "push rcx",
                "push rdx",
                "push rsi",
                "mov rsi, rsp",
                "push rax",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset 16, -48",
                "call {inner}",
                "pop rcx",
                "add rsp, 40",
                "push rcx",
                ".cfi_def_cfa_offset 8",
                ".cfi_offset 16, -8",
                "ret",
                ".cfi_endproc",
                inner = sym $inner,
            )
        }
    };
}

entry!(execl, with_path);
entry!(execlp, with_name);
entry!(execle, with_environment);

/// # Safety
///
/// As `execv`.
unsafe extern "C" fn with_path(path: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's arguments; the word is the C library's.
    unsafe { execve(path, argv, environ) }
}

/// # Safety
///
/// As `execvp`.
unsafe extern "C" fn with_name(file: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's arguments; the word is the C library's.
    unsafe { execvpe(file, argv, environ) }
}

/// # Safety
///
/// As `execv`; behind the array's null there must be an environment.
unsafe extern "C" fn with_environment(path: *const c_char, argv: Strings) -> c_int {
    let mut end = argv;
    // SAFETY: the array ends with a null, by the caller's promise.
    while !unsafe { *end }.is_null() {
        end = end.wrapping_add(1);
    }
    // SAFETY: the environment is the argument behind the null.
    let envp = unsafe { *end.wrapping_add(1) };
    // SAFETY: the caller's arguments.
    unsafe { execve(path, argv, envp.cast()) }
}
