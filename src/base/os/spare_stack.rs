//! Work on a stack of the profiler's own: a coroutine's stack may have room for little more than
//! the program's own frames.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

/// Words of 16 bytes: the way through unwind tables takes 4 KiB, a signal that arrives meanwhile as
/// much again.
const WORDS: usize = 2048;

/// Memory for such a stack.
pub(crate) type Memory = MaybeUninit<[u128; WORDS]>;

/// The first byte above a stack in that memory.
pub(crate) fn top(memory: NonNull<Memory>) -> NonNull<u8> {
    // SAFETY: one past the memory, which is aligned as a stack is to be.
    unsafe { memory.add(1) }.cast()
}

/// Does `work` on the stack below `top`.
///
/// # Safety
///
/// `top` must be that of memory which nothing else uses until this returns.
pub(crate) unsafe fn on<W: FnOnce() -> R, R>(top: NonNull<u8>, work: W) -> R {
    let mut job = Job { work: Some(work), result: None };
    let argument = (&raw mut job).cast::<c_void>();
    // SAFETY: the caller's promise; `call` gets the job that it is made for.
    unsafe { switch(top.as_ptr(), call::<W, R>, argument) };
    // SAFETY: `call` has set it, as it returns.
    unsafe { job.result.unwrap_unchecked() }
}

struct Job<W, R> {
    work: Option<W>,
    result: Option<R>,
}

/// # Safety
///
/// `job` must point to a `Job<W, R>` that nothing else uses.
unsafe extern "C" fn call<W: FnOnce() -> R, R>(job: *mut c_void) {
    // SAFETY: the caller's promise.
    let job = unsafe { &mut *job.cast::<Job<W, R>>() };
    job.result = job.work.take().map(|work| work());
}

type Call = unsafe extern "C" fn(*mut c_void);

/// Calls `call` with `argument` on the stack below `top`.
///
/// # Safety
///
/// There must be such a stack, and the call be sound.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[unsafe(naked)]
unsafe extern "C" fn switch(top: *mut u8, call: Call, argument: *mut c_void) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rsp, rdi",
        "mov rdi, rdx",
        "call rsi",
        "mov rsp, rbp",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

/// See above.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[unsafe(naked)]
unsafe extern "C" fn switch(top: *mut u8, call: Call, argument: *mut c_void) {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x29, -16",
        ".cfi_offset x30, -8",
        "mov x29, sp",
        ".cfi_def_cfa_register x29",
        "mov sp, x0",
        "mov x0, x2",
        "blr x1",
        "mov sp, x29",
        "ldp x29, x30, [sp], #16",
        ".cfi_def_cfa sp, 0",
        "ret",
        ".cfi_endproc",
    )
}

/// See above; on the caller's stack.
#[cfg(miri)]
unsafe extern "C" fn switch(_top: *mut u8, call: Call, argument: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { call(argument) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there is one stack")]
    fn work_is_done_there_and_its_result_comes_back() {
        let mut memory = std::boxed::Box::new(Memory::uninit());
        let memory = NonNull::from(&mut *memory);
        let (start, end) = (memory.addr().get(), top(memory).addr().get());
        let text = std::string::String::from("kept");
        // SAFETY: the memory is this test's, and lives as long.
        let (here, text) = unsafe {
            on(top(memory), || {
                let here = 0_u8;
                ((&raw const here).addr(), text + " and given back")
            })
        };
        assert!((start..end).contains(&here));
        assert_eq!(text, "kept and given back");
        assert_eq!(end % 16, 0);
    }
}
