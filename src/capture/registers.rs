//! The three registers a walk starts from.

/// Program counter, stack pointer and frame pointer of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    /// A return address, or one past an interrupted instruction.
    pub(crate) pc: u64,
    pub(crate) sp: u64,
    pub(crate) bp: u64,
}

/// The return address in a word of the stack.
///
/// On aarch64 a function that is compiled with `-mbranch-protection=pac-ret` stores its return
/// address signed (Arm ARM D8.10, pointer authentication): the upper bits depend on the stack
/// pointer. A signed word would be another call site for each depth of the stack, and no module's.
#[cfg(not(all(target_arch = "aarch64", not(miri))))]
#[inline(always)]
pub(crate) fn return_address(word: u64) -> u64 {
    word
}

/// The return address in a word of the stack, without its signature.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
pub(crate) fn return_address(word: u64) -> u64 {
    let address: u64;
    // SAFETY: `xpaclri` changes x30 alone. It is a hint, which does nothing on processors without
    // pointer authentication.
    unsafe {
        core::arch::asm!(
            "hint #7",
            inlateout("x30") word => address,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    address
}

/// Makes a function of three arguments that hands them and its caller's registers on to `quick`, or
/// to `target`, as [`with_callers_registers`] does.
///
/// The first argument is the thread's word. If that is a number, at most `last`, or the word at
/// `place` behind it is not the caller's stack pointer, `quick` could do nothing, and is not tried:
/// most calls of a program whose stacks change end here.
///
/// Both are jumped to, and so `quick` goes on to `target` by itself if it cannot do its work.
macro_rules! with_callers_registers_quickly {
    ($(#[$doc:meta])* $vis:vis $name:ident($a:ty, $b:ty, $c:ty)
     => $quick:path, $target:path; if $last:path, $place:path) => {
        $(#[$doc])*
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name(_: $a, _: $b, _: $c) {
            core::arch::naked_asm!(
                "mov rcx, qword ptr [rsp]",
                "lea r8, [rsp + 8]",
                "mov r9, rbp",
                "cmp rdi, {last}",
                "jbe 3f",
                "cmp qword ptr [rdi + {place}], r8",
                "je {quick}",
                "3:",
                "jmp {target}",
                last = const $last,
                place = const $place,
                quick = sym $quick,
                target = sym $target,
            );
        }

        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        $crate::capture::registers::with_callers_registers! {
            $(#[$doc])*
            $vis $name($a, $b, $c) => $target
        }
    };
}
pub(crate) use with_callers_registers_quickly;

/// Makes a function of three arguments that hands its caller's registers on as three more.
///
/// The function is naked: at its first instruction the return address, the caller's stack pointer
/// and the caller's frame pointer are where the calling convention has put them, so no frame of the
/// profiler has to be unwound. It jumps, so it is on no stack.
///
/// No vector register is kept. The callers are compiled functions, which expect every one of them
/// to change across a call. The exception among allocation functions are those of C that the loader
/// calls for a TLS descriptor; the preload library keeps the registers around them, further out
/// than here. Rust's global allocator is not called by the loader, so a program with the crate has
/// no such caller.
macro_rules! with_callers_registers {
    ($(#[$doc:meta])* $vis:vis $name:ident($a:ty, $b:ty, $c:ty)
     $(-> $result:ty)? => $target:path) => {
        $(#[$doc])*
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name(_: $a, _: $b, _: $c) $(-> $result)? {
            core::arch::naked_asm!(
                "mov rcx, qword ptr [rsp]",
                "lea r8, [rsp + 8]",
                "mov r9, rbp",
                "jmp {target}",
                target = sym $target,
            );
        }

        $(#[$doc])*
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name(_: $a, _: $b, _: $c) $(-> $result)? {
            core::arch::naked_asm!(
                "mov x3, x30",
                "mov x4, sp",
                "mov x5, x29",
                "b {target}",
                target = sym $target,
            );
        }

        $(#[$doc])*
        #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
        $vis unsafe fn $name(a: $a, b: $b, c: $c) $(-> $result)? {
            // No registers to read: stacks are empty and counted as broken.
            // SAFETY: the caller's promise, handed on.
            unsafe { $target(a, b, c, 0, 0, 0) }
        }
    };
}
pub(crate) use with_callers_registers;
