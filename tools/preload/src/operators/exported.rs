//! The operators by their names, and those behind them. Here is the assembly around the functions
//! of `operators`, because the operators behind may throw.

use super::{AGAIN, give, record, release, room, settle};
use crate::families::Form;

macro_rules! forms {
    ($($form:ident = $name:literal)*) => {
        $(pub(super) static $form: Form = Form::new($name);)*
    };
}

// The operators behind. Each is looked for when it is needed: a search for one that is not there
// allocates.
forms! {
    NEW = c"_Znwm"
    NEW_ARRAY = c"_Znam"
    NEW_NOTHROW = c"_ZnwmRKSt9nothrow_t"
    NEW_ARRAY_NOTHROW = c"_ZnamRKSt9nothrow_t"
    NEW_ALIGNED = c"_ZnwmSt11align_val_t"
    NEW_ARRAY_ALIGNED = c"_ZnamSt11align_val_t"
    NEW_ALIGNED_NOTHROW = c"_ZnwmSt11align_val_tRKSt9nothrow_t"
    NEW_ARRAY_ALIGNED_NOTHROW = c"_ZnamSt11align_val_tRKSt9nothrow_t"
    TC_NEW = c"tc_new"
    TC_NEW_ARRAY = c"tc_newarray"
    TC_NEW_NOTHROW = c"tc_new_nothrow"
    TC_NEW_ARRAY_NOTHROW = c"tc_newarray_nothrow"
    TC_NEW_ALIGNED = c"tc_new_aligned"
    TC_NEW_ARRAY_ALIGNED = c"tc_newarray_aligned"
    TC_NEW_ALIGNED_NOTHROW = c"tc_new_aligned_nothrow"
    TC_NEW_ARRAY_ALIGNED_NOTHROW = c"tc_newarray_aligned_nothrow"
    MI_NEW = c"mi_new"
    MI_NEW_NOTHROW = c"mi_new_nothrow"
    MI_NEW_ALIGNED = c"mi_new_aligned"
    MI_NEW_ALIGNED_NOTHROW = c"mi_new_aligned_nothrow"
    DELETE = c"_ZdlPv"
    DELETE_ARRAY = c"_ZdaPv"
    DELETE_SIZED = c"_ZdlPvm"
    DELETE_ARRAY_SIZED = c"_ZdaPvm"
    DELETE_NOTHROW = c"_ZdlPvRKSt9nothrow_t"
    DELETE_ARRAY_NOTHROW = c"_ZdaPvRKSt9nothrow_t"
    DELETE_ALIGNED = c"_ZdlPvSt11align_val_t"
    DELETE_ARRAY_ALIGNED = c"_ZdaPvSt11align_val_t"
    DELETE_SIZED_ALIGNED = c"_ZdlPvmSt11align_val_t"
    DELETE_ARRAY_SIZED_ALIGNED = c"_ZdaPvmSt11align_val_t"
    DELETE_ALIGNED_NOTHROW = c"_ZdlPvSt11align_val_tRKSt9nothrow_t"
    DELETE_ARRAY_ALIGNED_NOTHROW = c"_ZdaPvSt11align_val_tRKSt9nothrow_t"
}

/// Exports a form of `new`. `$alignment` moves the alignment from where the form has it, or 1, to
/// the second argument.
macro_rules! new {
    ($name:ident, $form:ident, $alignment:literal) => {
        /// # Safety
        ///
        /// As in C++.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        #[cfg(target_arch = "x86_64")]
        unsafe extern "C" fn $name(_: usize, _: usize, _: usize) -> *mut u8 {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "push rdi",
                ".cfi_adjust_cfa_offset 8",
                "push rsi",
                ".cfi_adjust_cfa_offset 8",
                "push rdx",
                ".cfi_adjust_cfa_offset 8",
                $alignment,
                "mov rdx, qword ptr [rsp + 24]", // the caller
                "lea rcx, [rip + {form}]",
                "call {give}",
                "test rax, rax",
                "jz 2f",
                ".cfi_remember_state",
                "add rsp, 24",
                ".cfi_adjust_cfa_offset -24",
                "ret",
                ".cfi_restore_state",
                "2:",
                "mov r11, qword ptr [rip + {form}]",
                "test r11, r11", // none behind: `give` was all
                "jz 3f",
                "mov rdi, qword ptr [rsp + 16]",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdx, qword ptr [rsp]",
                "call r11", // may throw
                "mov rdi, rax",
                "mov rsi, qword ptr [rsp + 8]",
                $alignment,
                "mov rdx, rsi",
                "mov rsi, qword ptr [rsp + 16]",
                "mov rcx, qword ptr [rsp + 24]",
                "call {settle}",
                "cmp rax, {again}",
                "je 4f",
                ".cfi_remember_state",
                "add rsp, 24",
                ".cfi_adjust_cfa_offset -24",
                "ret",
                ".cfi_restore_state",
                "4:",
                "mov rdi, qword ptr [rsp + 16]",
                "mov rsi, qword ptr [rsp + 8]",
                $alignment,
                "mov rdx, qword ptr [rsp + 24]",
                "call {room}",
                "mov rdi, rax",
                "mov rsi, qword ptr [rsp + 8]",
                "mov rdx, qword ptr [rsp]",
                "call qword ptr [rip + {form}]", // may throw
                "3:",
                "mov rsi, qword ptr [rsp + 8]",
                $alignment,
                "mov rdx, rsi",
                "mov rsi, qword ptr [rsp + 16]",
                "mov rdi, rax",
                "add rsp, 24",
                ".cfi_adjust_cfa_offset -24",
                "mov rcx, qword ptr [rsp]",
                "jmp {record}",
                ".cfi_endproc",
                give = sym give,
                settle = sym settle,
                again = const AGAIN,
                room = sym room,
                record = sym record,
                form = sym $form,
            )
        }

        /// # Safety
        ///
        /// As in C++.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        #[cfg(target_arch = "aarch64")]
        unsafe extern "C" fn $name(_: usize, _: usize, _: usize) -> *mut u8 {
            core::arch::naked_asm!(
                ".cfi_startproc",
                "stp x29, x30, [sp, #-48]!",
                ".cfi_def_cfa_offset 48",
                ".cfi_offset x29, -48",
                ".cfi_offset x30, -40",
                "mov x29, sp",
                "stp x0, x1, [sp, #16]",
                "str x2, [sp, #32]",
                $alignment,
                "mov x2, x30", // the caller
                "adrp x3, {form}",
                "add x3, x3, :lo12:{form}",
                "bl {give}",
                "cbnz x0, 4f",
                "adrp x9, {form}",
                "ldr x9, [x9, :lo12:{form}]",
                "cbz x9, 3f", // none behind: `give` was all
                "ldp x0, x1, [sp, #16]",
                "ldr x2, [sp, #32]",
                "blr x9", // may throw
                "ldr x1, [sp, #24]",
                $alignment,
                "mov x2, x1",
                "ldr x1, [sp, #16]",
                "ldr x3, [sp, #8]",
                "bl {settle}",
                "cmp x0, {again}",
                "b.ne 4f",
                "ldp x0, x1, [sp, #16]",
                $alignment,
                "ldr x2, [sp, #8]",
                "bl {room}",
                "ldr x1, [sp, #24]",
                "ldr x2, [sp, #32]",
                "adrp x9, {form}",
                "ldr x9, [x9, :lo12:{form}]",
                "blr x9", // may throw
                "3:",
                "ldr x1, [sp, #24]",
                $alignment,
                "mov x2, x1",
                "ldr x1, [sp, #16]",
                ".cfi_remember_state",
                "ldp x29, x30, [sp], #48",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore x29",
                ".cfi_restore x30",
                "mov x3, x30",
                "b {record}",
                ".cfi_restore_state",
                "4:",
                "ldp x29, x30, [sp], #48",
                ".cfi_def_cfa_offset 0",
                ".cfi_restore x29",
                ".cfi_restore x30",
                "ret",
                ".cfi_endproc",
                give = sym give,
                settle = sym settle,
                again = const AGAIN,
                room = sym room,
                record = sym record,
                form = sym $form,
            )
        }
    };
    (plain $name:ident, $form:ident) => {
        #[cfg(target_arch = "x86_64")]
        new!($name, $form, "mov esi, 1");
        #[cfg(target_arch = "aarch64")]
        new!($name, $form, "mov x1, #1");
    };
    (aligned $name:ident, $form:ident) => {
        new!($name, $form, "");
    };
}

new!(plain mod_alloc__Znwm, NEW);
new!(plain mod_alloc__Znam, NEW_ARRAY);
new!(plain mod_alloc__ZnwmRKSt9nothrow_t, NEW_NOTHROW);
new!(plain mod_alloc__ZnamRKSt9nothrow_t, NEW_ARRAY_NOTHROW);
new!(aligned mod_alloc__ZnwmSt11align_val_t, NEW_ALIGNED);
new!(aligned mod_alloc__ZnamSt11align_val_t, NEW_ARRAY_ALIGNED);
new!(aligned mod_alloc__ZnwmSt11align_val_tRKSt9nothrow_t, NEW_ALIGNED_NOTHROW);
new!(aligned mod_alloc__ZnamSt11align_val_tRKSt9nothrow_t, NEW_ARRAY_ALIGNED_NOTHROW);

// Other names of tcmalloc and mimalloc.
new!(plain mod_alloc_tc_new, TC_NEW);
new!(plain mod_alloc_tc_newarray, TC_NEW_ARRAY);
new!(plain mod_alloc_tc_new_nothrow, TC_NEW_NOTHROW);
new!(plain mod_alloc_tc_newarray_nothrow, TC_NEW_ARRAY_NOTHROW);
new!(aligned mod_alloc_tc_new_aligned, TC_NEW_ALIGNED);
new!(aligned mod_alloc_tc_newarray_aligned, TC_NEW_ARRAY_ALIGNED);
new!(aligned mod_alloc_tc_new_aligned_nothrow, TC_NEW_ALIGNED_NOTHROW);
new!(aligned mod_alloc_tc_newarray_aligned_nothrow, TC_NEW_ARRAY_ALIGNED_NOTHROW);
new!(plain mod_alloc_mi_new, MI_NEW);
new!(plain mod_alloc_mi_new_nothrow, MI_NEW_NOTHROW);
new!(aligned mod_alloc_mi_new_aligned, MI_NEW_ALIGNED);
new!(aligned mod_alloc_mi_new_aligned_nothrow, MI_NEW_ALIGNED_NOTHROW);

/// Exports a form of `delete`. Size and alignment are the program's claim; the trailer knows
/// better, and the block is larger.
macro_rules! delete {
    ($name:ident, $form:ident) => {
        /// # Safety
        ///
        /// As in C++.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name(_: *mut u8, _: usize, _: usize) {
            /// # Safety
            ///
            /// As in C++.
            unsafe extern "C" fn with_caller(
                block: *mut u8,
                second: usize,
                third: usize,
                caller: usize,
            ) {
                // SAFETY: the caller's contract, handed on.
                unsafe { release(&$form, block, [second, third], caller) };
            }
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                "mov rcx, qword ptr [rsp]",
                "jmp {with_caller}",
                with_caller = sym with_caller,
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!("mov x3, x30", "b {with_caller}", with_caller = sym with_caller);
        }
    };
}

delete!(mod_alloc__ZdlPv, DELETE);
delete!(mod_alloc__ZdaPv, DELETE_ARRAY);
delete!(mod_alloc__ZdlPvm, DELETE_SIZED);
delete!(mod_alloc__ZdaPvm, DELETE_ARRAY_SIZED);
delete!(mod_alloc__ZdlPvRKSt9nothrow_t, DELETE_NOTHROW);
delete!(mod_alloc__ZdaPvRKSt9nothrow_t, DELETE_ARRAY_NOTHROW);
delete!(mod_alloc__ZdlPvSt11align_val_t, DELETE_ALIGNED);
delete!(mod_alloc__ZdaPvSt11align_val_t, DELETE_ARRAY_ALIGNED);
delete!(mod_alloc__ZdlPvmSt11align_val_t, DELETE_SIZED_ALIGNED);
delete!(mod_alloc__ZdaPvmSt11align_val_t, DELETE_ARRAY_SIZED_ALIGNED);
delete!(mod_alloc__ZdlPvSt11align_val_tRKSt9nothrow_t, DELETE_ALIGNED_NOTHROW);
delete!(mod_alloc__ZdaPvSt11align_val_tRKSt9nothrow_t, DELETE_ARRAY_ALIGNED_NOTHROW);
