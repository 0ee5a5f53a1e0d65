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

mod exported;

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use mod_alloc::preload::{Recorder, as_profiler};

use crate::exports::{self, recorder_behind};
use crate::families::Form;
use crate::next::{Next, next};

/// Values of [`OWNER`].
const UNKNOWN: u32 = 0;
/// The operators behind call `malloc`, or are a matter between them and the program.
const OTHER: u32 = 1;
/// They are of the library whose `malloc` is used.
const ALLOCATOR: u32 = 2;

static OWNER: AtomicU32 = AtomicU32::new(UNKNOWN);

/// The allocator in use, if the operators are its own.
#[inline(always)]
fn allocator() -> Option<Next> {
    match OWNER.load(Ordering::Relaxed) {
        UNKNOWN => look(),
        ALLOCATOR => next(),
        _ => None,
    }
}

#[cold]
#[inline(never)]
fn look() -> Option<Next> {
    let next = next()?;
    let is_its = next.is_usable() && next.has(address(&exported::NEW));
    OWNER.store(if is_its { ALLOCATOR } else { OTHER }, Ordering::Relaxed);
    is_its.then_some(next)
}

/// The address of an operator behind; 0 if there is none.
fn address(form: &Form) -> usize {
    if form.is_missing() {
        form.look_in(as_profiler(loaded_library));
    }
    form.address()
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
/// Blocks that an allocator's library allocates for itself are not the program's; tcmalloc makes
/// some when it is asked for a block's size the first time.
#[inline(always)]
fn recorded(caller: usize) -> Option<(Next, Recorder)> {
    let next = allocator().filter(|next| !next.calls(caller))?;
    Some((next, recorder_behind(next)?))
}

/// The size that a block counts with; `None` if there can be no such block.
#[inline(always)]
fn counted(size: usize, alignment: usize) -> Option<usize> {
    let is_alignment = alignment.is_power_of_two();
    is_alignment.then(|| size.max(1).checked_next_multiple_of(alignment)).flatten()
}

/// A block, recorded. Null: the operator behind, which is known then, is to be asked.
unsafe extern "C" fn give(
    size: usize,
    alignment: usize,
    caller: usize,
    form: &'static Form,
) -> *mut u8 {
    let is_recorded = recorded(caller).is_some();
    // There is no operator behind if C++'s standard library is one that we do not know.
    if !is_recorded && address(form) != 0 {
        return ptr::null_mut();
    }
    // SAFETY: any size may be asked for.
    let block = unsafe { by_malloc(size, alignment) };
    if block.is_null() && is_recorded {
        address(form);
    }
    block
}

/// A block by C's functions.
///
/// # Safety
///
/// None but those of C's functions.
unsafe fn by_malloc(size: usize, alignment: usize) -> *mut u8 {
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
    // SAFETY: any size may be asked for.
    let given = unsafe { by_malloc(size, alignment) };
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
    unsafe { recorder.size(block, usable) != usable }
}

/// Takes a block back.
///
/// # Safety
///
/// As in C++.
#[inline(always)]
unsafe fn release(form: &'static Form, block: *mut u8, more: [usize; 2], caller: usize) {
    if let Some(next) = allocator() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { release_to(next, block, caller) };
    }
    if address(form) == 0 {
        // SAFETY: the caller's contract, handed on.
        return unsafe { exports::free(block) };
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { form.call([block.expose_provenance(), more[0], more[1], 0, 0]) };
}

/// Takes back a block of the allocator with operators of its own.
///
/// # Safety
///
/// As in C++.
#[inline(always)]
unsafe fn release_to(next: Next, block: *mut u8, caller: usize) {
    if next.calls(caller) && !block.is_null() {
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
