//! Functions that an allocator has beside C's, by families: jemalloc's, tcmalloc's, mimalloc's.
//!
//! ```text
//!  program ── mallocx ──▶ front ──▶ entry: who calls? ──▶ here: the allocator's mallocx, recorded
//! ```
//!
//! A program that uses them mixes them with C's: what `malloc` has given may go to `sdallocx`,
//! with the size that was asked for. But the block is larger. So all functions of a family that
//! give, resize or take blocks, or tell their sizes, pass here.
//!
//! The functions of an allocator call each other by name, and so find ours. Calls that come from
//! the allocator are handed on as they are. So are all calls in a process whose `malloc` is of
//! another library: a child of the program that has the fronts.

use core::ffi::{CStr, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use mod_alloc::preload::Recorder;

use crate::behind::{behind, find};
use crate::exports::{self, padded, record, record_resized, recorder_behind};
use crate::next::{Next, early, next, no_memory};

/// The arguments of a call, in registers; those that a function has not are anything.
pub(crate) type Words = [usize; 5];
type Function = unsafe extern "C" fn(usize, usize, usize, usize, usize) -> usize;

/// A function of the allocator's. Its address, once it is known, is the first word.
#[repr(C)]
pub(crate) struct Form {
    place: AtomicPtr<c_void>,
    name: &'static CStr,
}

impl Form {
    pub(crate) const fn new(name: &'static CStr) -> Self {
        Self { place: AtomicPtr::new(ptr::null_mut()), name }
    }

    fn get(&self) -> Option<Function> {
        behind(&self.place, self.name)
    }

    /// Its address; 0 if there is none, as far as is known.
    pub(crate) fn address(&self) -> usize {
        self.place.load(Ordering::Relaxed).addr()
    }

    /// Looks for it in a library.
    pub(crate) fn look_in(&self, library: *mut c_void) {
        self.place.store(find(library, self.name), Ordering::Relaxed);
    }

    /// True if there is none.
    pub(crate) fn is_missing(&self) -> bool {
        self.get().is_none()
    }

    /// Calls it. Without one the result is 0: no block.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn call(&self, words: Words) -> usize {
        let [a, b, c, d, e] = words;
        // SAFETY: the caller's contract, handed on.
        self.get().map_or(0, |function| unsafe { function(a, b, c, d, e) })
    }
}

/// A call of such a function.
pub(crate) struct Call {
    pub(crate) form: &'static Form,
    pub(crate) words: Words,
    pub(crate) caller: usize,
}

/// The places of arguments: the size, or a count and behind it the size.
#[derive(Clone, Copy)]
pub(crate) enum Size {
    At(usize),
    Counted(usize),
}

impl Size {
    /// The bytes asked for; `None` if no number can say so many.
    fn of(self, words: Words) -> Option<usize> {
        match self {
            Self::At(at) => Some(words[at]),
            Self::Counted(at) => words[at].checked_mul(words[at + 1]),
        }
    }

    /// The arguments with another size.
    fn with(self, mut words: Words, size: usize) -> Words {
        match self {
            Self::At(at) => words[at] = size,
            Self::Counted(at) => (words[at], words[at + 1]) = (1, size),
        }
        words
    }
}

/// The rest of what a function does that resizes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resize {
    Plain,
    /// Bytes that the block did not have are zero.
    Zeroed,
    /// A block that cannot be resized is freed.
    OrFreed,
}

pub(crate) fn pointer(word: usize) -> *mut u8 {
    ptr::with_exposed_provenance_mut(word)
}

impl Call {
    /// The allocator and the recorder; `None` if the call is to be handed on as it is.
    #[inline(always)]
    pub(crate) fn recorded(&self) -> Option<(Next, Recorder)> {
        let next = next().filter(|next| !next.calls(self.caller))?;
        let is_its = next.has(self.form.get()? as usize);
        if is_its { Some((next, recorder_behind(next)?)) } else { None }
    }

    /// Calls the allocator's function, with the arguments as they are.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn hand_on(&self) -> usize {
        // SAFETY: the caller's contract, handed on.
        unsafe { self.form.call(self.words) }
    }

    /// A call that gives a block.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn gives(&self, size: Size) -> usize {
        let asked = self.recorded().and_then(|(next, recorder)| {
            let bytes = size.of(self.words)?;
            Some((next, recorder, bytes, padded(recorder, bytes)?))
        });
        let Some((next, recorder, bytes, padded)) = asked else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.hand_on() };
        };
        // SAFETY: the caller's contract, handed on; any size may be asked for.
        let block = pointer(unsafe { self.form.call(size.with(self.words, padded)) });
        // SAFETY: as large as was asked for.
        unsafe { record(next, recorder, block, bytes) };
        // SAFETY: as above.
        unsafe { open(next, recorder, block) };
        block.expose_provenance()
    }

    /// A call of `form` in place of its own function, which gives a block, too.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn gives_by(&self, form: &'static Form, size: Size) -> usize {
        // SAFETY: the caller's contract, handed on.
        unsafe { Self { form, ..*self }.gives(size) }
    }

    /// A call of `form` in place of its own function, which resizes a block, too.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn resizes_by(&self, form: &'static Form, at: usize, size: Size) -> usize {
        // SAFETY: the caller's contract, handed on.
        unsafe { Self { form, ..*self }.resizes(at, size, Resize::Plain) }
    }

    /// A call that resizes the block whose address is the argument `at`.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn resizes(&self, at: usize, size: Size, how: Resize) -> usize {
        let block = pointer(self.words[at]);
        if block.is_null() {
            // SAFETY: the caller's contract: such a call gives a block.
            return unsafe { self.gives(size) };
        }
        if early::has(block) {
            // SAFETY: as above.
            return unsafe { self.moves_early(at, size) };
        }
        let asked = self.recorded().and_then(|(next, recorder)| {
            let bytes = size.of(self.words)?;
            Some((next, recorder, bytes, padded(recorder, bytes)?))
        });
        let Some((next, recorder, bytes, padded)) = asked else {
            if how == Resize::OrFreed && self.recorded().is_some() {
                // SAFETY: the caller's block, which cannot become so large.
                unsafe { exports::free(block) };
                return no_memory().addr();
            }
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.hand_on() };
        };
        let words = size.with(self.words, padded);
        // SAFETY: the caller's contract, handed on; any size may be asked for.
        let ask = || pointer(unsafe { self.form.call(words) });
        // SAFETY: the caller's block, and as many bytes as were asked for.
        unsafe { resize(next, recorder, block, bytes, how, ask) }.expose_provenance()
    }

    /// Resizes a block that was given while the allocator was being looked for.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    unsafe fn moves_early(&self, at: usize, size: Size) -> usize {
        let (block, mut words) = (pointer(self.words[at]), self.words);
        words[at] = 0;
        let call = Self { form: self.form, words, caller: self.caller };
        // SAFETY: the caller's contract: such a call gives a block.
        let moved = pointer(unsafe { call.gives(size) });
        early::move_to(moved, size.of(words).unwrap_or(0), block);
        moved.expose_provenance()
    }

    /// A call that frees the block whose address is the first argument.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn frees(&self) -> usize {
        let block = pointer(self.words[0]);
        if self.recorded().is_none() && !early::has(block) {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.hand_on() };
        }
        // SAFETY: a block of the allocator's. The size is the program's claim; the block is larger.
        unsafe { exports::free(block) };
        0
    }

    /// A call that tells how many bytes of the block may be used whose address is the first
    /// argument.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn measures(&self) -> usize {
        let block = pointer(self.words[0]);
        if self.recorded().is_none() && !early::has(block) {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.hand_on() };
        }
        // SAFETY: a block of the allocator's.
        unsafe { exports::malloc_usable_size(block) }
    }

    /// A call that tells how many bytes a block of the size in the first argument would have.
    ///
    /// # Safety
    ///
    /// As the allocator says.
    pub(crate) unsafe fn foretells(&self) -> usize {
        let size = self.words[0];
        let asked =
            self.recorded().and_then(|(_, recorder)| Some((recorder, padded(recorder, size)?)));
        let Some((recorder, padded)) = asked else {
            // SAFETY: the caller's contract, handed on.
            return unsafe { self.hand_on() };
        };
        // SAFETY: any size may be asked for.
        match unsafe { self.form.call(Size::At(0).with(self.words, padded)) } {
            0 => 0,
            usable => recorder.usable_of(usable, size),
        }
    }
}

/// Resizes a block by `ask`, which gives null or a block with a trailer's room more than `size`.
///
/// # Safety
///
/// The block must be the caller's, and the allocator's.
unsafe fn resize(
    next: Next,
    recorder: Recorder,
    block: *mut u8,
    size: usize,
    how: Resize,
    ask: impl FnOnce() -> *mut u8,
) -> *mut u8 {
    // SAFETY: the caller's block is one of the next allocator.
    let usable = unsafe { next.usable_size(block) };
    // SAFETY: all of the block is the caller's.
    let had = unsafe { recorder.size(block, usable) };
    // SAFETY: as above.
    let known = unsafe { recorder.take(block, usable) };
    let moved = ask();
    if moved.is_null() {
        match how {
            Resize::OrFreed => recorder.gone(usable, known),
            // SAFETY: the block is still there.
            _ => unsafe { recorder.put_back(block, usable, known) },
        }
        return moved;
    }
    if how == Resize::Zeroed && size > had {
        // The allocator has not known that these bytes were not the program's.
        // SAFETY: the block has so many bytes.
        let new = unsafe { moved.add(had) };
        // SAFETY: as above.
        unsafe { new.write_bytes(0, size - had) };
    }
    // SAFETY: just reallocated.
    unsafe { record_resized((next, recorder), moved, (usable, known), size) };
    // SAFETY: as above.
    unsafe { open(next, recorder, moved) };
    moved
}

/// Opens a block, which may be null: a program is told by other functions how many bytes a block of
/// some size has, and may use them.
///
/// # Safety
///
/// The block must be the caller's, and the allocator's.
unsafe fn open(next: Next, recorder: Recorder, block: *mut u8) {
    if !block.is_null() {
        // SAFETY: the caller's promise.
        let usable = unsafe { next.usable_size(block) };
        // SAFETY: all of the block is the caller's.
        let _ = unsafe { recorder.open(block, usable) };
    }
}

/// Exports functions of a family, each with its arguments as words and its caller.
macro_rules! family {
    ($($name:ident = $function:literal, |$call:ident| $work:expr;)*) => {
        $(
            /// # Safety
            ///
            /// As the allocator says.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                static FORM: $crate::families::Form = $crate::families::Form::new($function);
                /// # Safety
                ///
                /// As the allocator says.
                unsafe extern "C" fn with_caller(
                    a: usize,
                    b: usize,
                    c: usize,
                    d: usize,
                    e: usize,
                    caller: usize,
                ) -> usize {
                    let $call =
                        &$crate::families::Call { form: &FORM, words: [a, b, c, d, e], caller };
                    // SAFETY: the caller's contract, handed on.
                    unsafe { $work }
                }
                #[cfg(target_arch = "x86_64")]
                core::arch::naked_asm!(
                    "mov r9, qword ptr [rsp]",
                    "jmp {with_caller}",
                    with_caller = sym with_caller,
                );
                #[cfg(target_arch = "aarch64")]
                core::arch::naked_asm!(
                    "mov x5, x30",
                    "b {with_caller}",
                    with_caller = sym with_caller,
                );
            }
        )*
    };
}
pub(crate) use family;

/// Exports functions that throw if there is no memory: then the allocator's own is called, without
/// a frame of Rust on the stack.
macro_rules! throwing {
    ($($name:ident = $function:literal, |$call:ident| $work:expr;)*) => {
        $(
            /// # Safety
            ///
            /// As the allocator says.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            unsafe extern "C" fn $name() {
                static FORM: $crate::families::Form = $crate::families::Form::new($function);
                /// # Safety
                ///
                /// As the allocator says.
                unsafe extern "C" fn with_caller(
                    a: usize,
                    b: usize,
                    c: usize,
                    d: usize,
                    e: usize,
                    caller: usize,
                ) -> usize {
                    let $call =
                        &$crate::families::Call { form: &FORM, words: [a, b, c, d, e], caller };
                    // A block that is not recorded is the allocator's from the beginning.
                    if $call.recorded().is_none() {
                        return 0;
                    }
                    // SAFETY: the caller's contract, handed on.
                    unsafe { $work }
                }
                #[cfg(target_arch = "x86_64")]
                core::arch::naked_asm!(
                    ".cfi_startproc",
                    ".irp register, rdi, rsi, rdx, rcx, r8",
                    "push \\register",
                    ".cfi_adjust_cfa_offset 8",
                    ".endr",
                    "mov r9, qword ptr [rsp + 40]",
                    "call {with_caller}",
                    ".irp register, r8, rcx, rdx, rsi, rdi",
                    "pop \\register",
                    ".cfi_adjust_cfa_offset -8",
                    ".endr",
                    "test rax, rax",
                    "jnz 2f",
                    "mov r11, qword ptr [rip + {form}]",
                    "test r11, r11",
                    "jz 2f",
                    "jmp r11",
                    "2:",
                    "ret",
                    ".cfi_endproc",
                    with_caller = sym with_caller,
                    form = sym FORM,
                );
                #[cfg(target_arch = "aarch64")]
                core::arch::naked_asm!(
                    ".cfi_startproc",
                    "stp x29, x30, [sp, #-64]!",
                    ".cfi_def_cfa_offset 64",
                    ".cfi_offset x29, -64",
                    ".cfi_offset x30, -56",
                    "mov x29, sp",
                    "stp x0, x1, [sp, #16]",
                    "stp x2, x3, [sp, #32]",
                    "str x4, [sp, #48]",
                    "mov x5, x30",
                    "bl {with_caller}",
                    "mov x10, x0",
                    "ldp x0, x1, [sp, #16]",
                    "ldp x2, x3, [sp, #32]",
                    "ldr x4, [sp, #48]",
                    "ldp x29, x30, [sp], #64",
                    ".cfi_def_cfa_offset 0",
                    ".cfi_restore x29",
                    ".cfi_restore x30",
                    "adrp x9, {form}",
                    "ldr x9, [x9, :lo12:{form}]",
                    "cbnz x10, 2f",
                    "cbz x9, 2f",
                    "br x9",
                    "2:",
                    "mov x0, x10",
                    "ret",
                    ".cfi_endproc",
                    with_caller = sym with_caller,
                    form = sym FORM,
                );
            }
        )*
    };
}
pub(crate) use throwing;
