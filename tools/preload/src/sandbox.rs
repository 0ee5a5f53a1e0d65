//! seccomp: a program that locks itself in is killed by a call of the system that it has not allowed,
//! the profiler's calls included. So the profiler makes ready for it before, and makes none then.
//!
//! Programs ask for it by `prctl`, or by `syscall` for want of a function of its name. In strict mode
//! the kernel turns the processor's counter off, too.

use core::ffi::{c_int, c_ulong, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use mod_alloc::preload::{Forbids, Recorder};

use crate::threads;

/// The functions behind this library. To look for them takes the loader's lock, which a thread may
/// hold that waits for the caller: so both are found at the start.
static PRCTL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static SYSCALL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Finds the functions.
pub(crate) fn look() {
    for (place, name) in [(&PRCTL, c"prctl"), (&SYSCALL, c"syscall")] {
        // SAFETY: the name ends with a zero byte.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        place.store(function, Ordering::Relaxed);
    }
}

/// Makes a call that forbids something, and makes ready for it before.
fn forbidding(forbids: Forbids, call: impl FnOnce() -> isize) -> isize {
    let Some(recorder) = Recorder::get() else { return call() };
    threads::prepare();
    let prepared = recorder.will_forbid(forbids);
    let result = call();
    if result != 0 {
        recorder.take_back(prepared);
    }
    result
}

/// The things that a call of `prctl` forbids.
fn of_prctl(option: c_int, mode: usize) -> Option<Forbids> {
    match (option, u32::try_from(mode).ok()?) {
        (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) => Some(Forbids::CallsAndClocks),
        (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER) => Some(Forbids::Calls),
        (libc::PR_SET_TSC, mode) if mode == libc::PR_TSC_SIGSEGV.cast_unsigned() => {
            Some(Forbids::Clocks)
        }
        _ => None,
    }
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
    let call = || {
        let function = PRCTL.load(Ordering::Relaxed);
        if function.is_null() {
            // SAFETY: the caller's contract, handed on.
            return unsafe { syscall(libc::SYS_prctl as usize, option as usize, a, b, c, d, 0) };
        }
        // SAFETY: the function of that name takes four words, as far as they are given.
        let function: unsafe extern "C" fn(c_int, ...) -> c_int = unsafe { transmute(function) };
        // SAFETY: the caller's contract, handed on.
        unsafe { function(option, a as c_ulong, b as c_ulong, c as c_ulong, d as c_ulong) as isize }
    };
    let result = match of_prctl(option, a) {
        Some(forbids) => forbidding(forbids, call),
        None => call(),
    };
    result as c_int
}

/// `seccomp` by its number. `program`: the third argument.
///
/// # Safety
///
/// As on Linux.
#[cfg(target_arch = "x86_64")]
unsafe extern "C" fn seccomp(
    number: usize,
    operation: usize,
    flags: usize,
    program: usize,
) -> isize {
    // SAFETY: the caller's contract, handed on.
    let call = || unsafe { hand_on(number, operation, flags, program, 0, 0, 0) };
    match u32::try_from(operation) {
        Ok(libc::SECCOMP_SET_MODE_STRICT) => forbidding(Forbids::CallsAndClocks, call),
        // A descriptor is a success, too.
        Ok(libc::SECCOMP_SET_MODE_FILTER) => {
            let mut result = 0;
            forbidding(Forbids::Calls, || {
                result = call();
                result.min(0)
            });
            result
        }
        _ => call(),
    }
}

/// The C library's `syscall`, by a jump: a call may return twice, or on another stack.
///
/// # Safety
///
/// As on Linux.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn syscall(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    core::arch::naked_asm!(
        "cmp rdi, {number}",
        "jne {hand_on}",
        "jmp {seccomp}",
        number = const libc::SYS_seccomp,
        hand_on = sym hand_on,
        seccomp = sym seccomp,
    )
}

/// The next `syscall`. Before it is found, what it would do.
///
/// # Safety
///
/// As on Linux.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn hand_on(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    core::arch::naked_asm!(
        "mov rax, [rip + {next}]",
        "test rax, rax",
        "jz 2f",
        "jmp rax",
        "2:",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "cmp rax, -4095",
        "jae 3f",
        "ret",
        "3:",
        "neg rax",
        "push rax",
        "call {errno}",
        "pop rcx",
        "mov [rax], ecx",
        "mov rax, -1",
        "ret",
        next = sym SYSCALL,
        errno = sym libc::__errno_location,
    )
}

/// Elsewhere programs' own `syscall` is not seen.
#[cfg(not(target_arch = "x86_64"))]
use libc_syscall as hand_on;
#[cfg(not(target_arch = "x86_64"))]
use libc_syscall as syscall;

/// # Safety
///
/// As on Linux.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn libc_syscall(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    let number = number as libc::c_long;
    // SAFETY: the caller's contract, handed on.
    unsafe { libc::syscall(number, a, b, c, d, e, f) as isize }
}
