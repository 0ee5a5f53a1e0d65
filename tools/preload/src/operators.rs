//! C++'s `new` and `delete` of an allocator that brings them along: jemalloc, tcmalloc, mimalloc.
//! They do not call `malloc`, so nothing of them would be seen.
//!
//! ```text
//!  program ── operator new ──▶ front ──▶ here ── malloc ──▶ the allocator
//!                                          └── none left ──▶ the allocator's operator new: calls
//!                                                            the handler, throws
//! ```
//!
//! Blocks of `new` are blocks of `malloc` in each of these allocators, and may be freed by `free`.
//! So `new` asks `malloc`, and the allocator's own `new` is called only if there is no memory. It
//! may throw: no frame of Rust is on the stack then.
//!
//! The names of C++ are exported by a library of their own (`fronts`), which `mod-alloc run`
//! preloads if the program has such an allocator. In other programs they must not be there: a
//! plugin may have operators of its own, and ours would be found first. A child of the program may
//! have no such allocator; there each call goes to the operators that it would have gone to.
//!
//! Numbers are those of libstdc++'s operators, which ask `malloc` for one byte at least, and for a
//! multiple of the alignment. So runs with different allocators can be compared.

use core::ffi::{CStr, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use mod_alloc::preload::{Recorder, as_profiler};

use crate::behind::find;
use crate::exports::{self, recorder_behind};
use crate::next::{Next, next};

/// Values of [`OWNER`].
const UNKNOWN: u32 = 0;
/// The operators behind call `malloc`, or are a matter between them and the program.
const OTHER: u32 = 1;
/// They are of the library whose `malloc` is used.
const ALLOCATOR: u32 = 2;

static OWNER: AtomicU32 = AtomicU32::new(UNKNOWN);

macro_rules! forms {
    ($($form:ident = $name:literal)*) => {
        $(static $form: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());)*
        const FORMS: &[(&AtomicPtr<c_void>, &CStr)] = &[$((&$form, $name)),*];
    };
}

// The operators behind.
forms! {
    NEW = c"_Znwm"
    NEW_ARRAY = c"_Znam"
    NEW_NOTHROW = c"_ZnwmRKSt9nothrow_t"
    NEW_ARRAY_NOTHROW = c"_ZnamRKSt9nothrow_t"
    NEW_ALIGNED = c"_ZnwmSt11align_val_t"
    NEW_ARRAY_ALIGNED = c"_ZnamSt11align_val_t"
    NEW_ALIGNED_NOTHROW = c"_ZnwmSt11align_val_tRKSt9nothrow_t"
    NEW_ARRAY_ALIGNED_NOTHROW = c"_ZnamSt11align_val_tRKSt9nothrow_t"
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

/// The allocator in use, if the operators are its own.
#[inline(always)]
fn allocator() -> Option<Next> {
    match OWNER.load(Ordering::Acquire) {
        UNKNOWN => look(),
        ALLOCATOR => next(),
        _ => None,
    }
}

#[cold]
#[inline(never)]
fn look() -> Option<Next> {
    let mut library = libc::RTLD_NEXT;
    if find(library, c"_Znwm").is_null() {
        library = as_profiler(loaded_library);
    }
    for (place, name) in FORMS {
        place.store(find(library, name), Ordering::Relaxed);
    }
    let next = next()?;
    let is_its = next.is_usable() && next.has(NEW.load(Ordering::Relaxed).addr());
    // Release pairs with the Acquire above: the functions are seen.
    OWNER.store(if is_its { ALLOCATOR } else { OTHER }, Ordering::Release);
    is_its.then_some(next)
}

/// The standard library of a C program's plugin, which no search by name alone finds. It stays
/// loaded.
fn loaded_library() -> *mut c_void {
    let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
    [c"libstdc++.so.6", c"libc++.so.1"]
        .into_iter()
        // SAFETY: the name ends with a zero byte; nothing is loaded that is not there.
        .map(|name| unsafe { libc::dlopen(name.as_ptr(), flags) })
        .find(|library| !library.is_null())
        .unwrap_or(libc::RTLD_NEXT)
}

/// The recorder and the allocator, if the operators are that's own and the block is the program's.
///
/// What an allocator's library allocates for itself is not the program's; tcmalloc does so when it
/// is asked for a block's size the first time.
#[inline(always)]
fn recorded(caller: usize) -> Option<(Next, Recorder)> {
    let next = allocator().filter(|next| !next.has(caller))?;
    Some((next, recorder_behind(next)?))
}

/// The size that a block counts with; `None` if there can be no such block.
#[inline(always)]
fn counted(size: usize, alignment: usize) -> Option<usize> {
    let is_alignment = alignment.is_power_of_two();
    is_alignment.then(|| size.max(1).checked_next_multiple_of(alignment)).flatten()
}

/// A block, recorded. Null: the operator behind is to be asked.
unsafe extern "C" fn give(size: usize, alignment: usize, caller: usize) -> *mut u8 {
    // There is no operator behind if C++'s standard library is one that we do not know.
    if recorded(caller).is_none() && !NEW.load(Ordering::Relaxed).is_null() {
        return ptr::null_mut();
    }
    let Some(size) = counted(size, alignment) else { return ptr::null_mut() };
    if alignment == 1 {
        // SAFETY: any size may be asked for.
        return unsafe { exports::malloc(size) };
    }
    let mut block = ptr::null_mut();
    let alignment = alignment.max(size_of::<usize>());
    // SAFETY: the place is valid; any alignment and size may be asked for.
    let result = unsafe { exports::posix_memalign(&raw mut block, alignment, size) };
    if result == 0 { block } else { ptr::null_mut() }
}

/// In place of a block: the operator behind is to be asked for one with [`room`].
const AGAIN: usize = 1;

/// Looks at the block that the operator behind has given when there was no memory for [`give`]: its
/// handler has found some. A block that came by `malloc` is recorded.
///
/// # Safety
///
/// The block must be null or that operator's, of so many bytes.
unsafe extern "C" fn settle(
    block: *mut u8,
    size: usize,
    alignment: usize,
    caller: usize,
) -> *mut u8 {
    let Some((next, recorder)) = recorded(caller).filter(|_| !block.is_null()) else {
        return block;
    };
    // SAFETY: a block of the next allocator.
    let usable = unsafe { next.usable_size(block) };
    // SAFETY: all of the block is the caller's.
    if unsafe { has_trailer(recorder, block, usable) } {
        return block;
    }
    // SAFETY: given to nobody.
    unsafe { next.free(block) };
    // SAFETY: as the first time.
    let given = unsafe { give(size, alignment, caller) };
    if given.is_null() { ptr::without_provenance_mut(AGAIN) } else { given }
}

/// The size to ask the operator behind for, so that a trailer has room.
unsafe extern "C" fn room(size: usize, alignment: usize, caller: usize) -> usize {
    let room = recorded(caller)
        .and_then(|(_, recorder)| counted(size, alignment)?.checked_add(recorder.trailer()));
    room.unwrap_or(size)
}

/// Records the block that the operator behind has given, unless it came by `malloc`.
///
/// # Safety
///
/// The block must be null or that operator's, of as many bytes as [`room`] says.
unsafe extern "C" fn record(
    block: *mut u8,
    size: usize,
    alignment: usize,
    caller: usize,
) -> *mut u8 {
    let (recorded, size) = (recorded(caller), counted(size, alignment));
    if let (false, Some((next, recorder)), Some(size)) = (block.is_null(), recorded, size) {
        // SAFETY: a block of the next allocator.
        let usable = unsafe { next.usable_size(block) };
        // SAFETY: all of the block is the caller's.
        let has_trailer = unsafe { has_trailer(recorder, block, usable) };
        if !has_trailer && usable >= size + recorder.trailer() {
            // SAFETY: as large as was just seen.
            unsafe { recorder.allocated(block, usable, size) };
        }
    }
    block
}

/// True if the block was recorded.
///
/// # Safety
///
/// The block must be valid for reads of `usable` bytes.
unsafe fn has_trailer(recorder: Recorder, block: *mut u8, usable: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe { recorder.usable(block, usable) != usable }
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

/// Takes a block back.
///
/// # Safety
///
/// As in C++.
#[inline(always)]
unsafe fn release(form: &AtomicPtr<c_void>, block: *mut u8, more: [usize; 2], caller: usize) {
    if let Some(next) = allocator() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { release_to(next, block, caller) };
    }
    let form = form.load(Ordering::Relaxed);
    if form.is_null() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { exports::free(block) };
    }
    // SAFETY: no form has more arguments, and each leaves those that it has not alone.
    let form: unsafe extern "C" fn(*mut u8, usize, usize) = unsafe { transmute(form) };
    // SAFETY: the caller's contract, handed on.
    unsafe { form(block, more[0], more[1]) };
}

/// Takes back a block of the allocator with operators of its own.
///
/// # Safety
///
/// As in C++.
#[inline(always)]
unsafe fn release_to(next: Next, block: *mut u8, caller: usize) {
    if next.has(caller) && !block.is_null() {
        // SAFETY: a block of the allocator's.
        let usable = unsafe { next.usable_size(block) };
        // SAFETY: all of the block is the caller's.
        let is_known = |recorder| unsafe { has_trailer(recorder, block, usable) };
        if !recorder_behind(next).is_some_and(is_known) {
            // The allocator's library had allocated it for itself.
            // SAFETY: the caller's contract, handed on.
            return unsafe { next.free(block) };
        }
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { exports::free(block) };
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
