//! The functions that programs call. Each behaves as glibc's manual says of the function of its
//! name. Those that the loader calls as well are exported by `entries`.
//!
//! A block is recorded when the next allocator has given it, and before that takes it back. Of a
//! failure nothing is recorded, and errno is what the next allocator has made of it.

use core::ffi::c_int;

use mod_alloc::preload::{Known, Recorder};

use crate::checking;
use crate::environment;
use crate::next::{Next, early, next, no_memory};

/// The next allocator, and the recorder if the process is recorded.
#[inline(always)]
fn both() -> Option<(Next, Option<Recorder>)> {
    let next = next()?;
    Some((next, recorder_behind(next)))
}

#[inline(always)]
pub(crate) fn recorder_behind(next: Next) -> Option<Recorder> {
    if next.is_usable() { Recorder::get() } else { None }
}

/// The recorder, decided about now if it was not before.
pub(crate) fn recorder() -> Option<Recorder> {
    if !environment::is_there() {
        return None;
    }
    recorder_behind(next()?)
}

/// The size to ask the next allocator for; `None` if no object may be so large.
#[inline(always)]
pub(crate) fn padded(recorder: Recorder, size: usize) -> Option<usize> {
    size.checked_add(recorder.trailer()).filter(|padded| *padded <= isize::MAX as usize)
}

/// Records a block that the next allocator has just given, if it has.
///
/// # Safety
///
/// The block must be null or one of the next allocator.
#[inline(always)]
pub(crate) unsafe fn record(next: Next, recorder: Recorder, block: *mut u8, size: usize) {
    if !block.is_null() {
        // SAFETY: a block of the next allocator.
        let usable = unsafe { next.usable_size(block) };
        if next.knows_sizes() || has_room(recorder, usable, size) {
            // SAFETY: as large as was just seen.
            unsafe { recorder.allocated(block, usable, size) };
        }
    }
}

/// Takes the trailer's content from a block that is about to be reallocated.
///
/// # Safety
///
/// `block` must be one of the next allocator, of `usable` bytes.
#[inline(always)]
unsafe fn take(recorder: Recorder, block: *mut u8, usable: usize) -> Option<Known> {
    // SAFETY: all of the block is the caller's.
    let known = unsafe { recorder.take(block, usable) };
    if known.is_none_or(Known::is_repaired) {
        // SAFETY: the caller's promise.
        unsafe { checking::pass_on(block, usable) };
    }
    known
}

/// Records that a block has become another one of `size` bytes. `usable` and `known` are what the
/// old one had.
///
/// # Safety
///
/// The block must be one of the next allocator.
#[inline(always)]
pub(crate) unsafe fn record_resized(
    (next, recorder): (Next, Recorder),
    moved: *mut u8,
    (usable, known): (usize, Option<Known>),
    size: usize,
) {
    // SAFETY: a block of the next allocator.
    let now = unsafe { next.usable_size(moved) };
    if next.knows_sizes() || has_room(recorder, now, size) {
        // SAFETY: as large as was just seen.
        unsafe { recorder.resized(moved, now, known, size) };
    } else {
        recorder.gone(usable, known);
    }
}

/// True if a block has the bytes that were asked for. tcmalloc says 0 of all blocks until it has
/// run its own constructor: those are not recorded.
#[inline(always)]
fn has_room(recorder: Recorder, usable: usize, size: usize) -> bool {
    usable.checked_sub(recorder.trailer()) >= Some(size)
}

/// # Safety
///
/// As in C.
pub(crate) unsafe extern "C" fn malloc(size: usize) -> *mut u8 {
    let Some((next, recorder)) = both() else { return early::allocate(size, 1) };
    let Some(recorder) = recorder else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { next.malloc(size) };
    };
    let Some(padded) = padded(recorder, size) else { return no_memory() };
    // SAFETY: any size may be asked for.
    let block = unsafe { next.malloc(padded) };
    // SAFETY: as large as was asked for.
    unsafe { record(next, recorder, block, size) };
    block
}

/// # Safety
///
/// As in C.
pub(crate) unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some((next, recorder)) = both() else {
        return count.checked_mul(size).map_or_else(no_memory, |size| early::allocate(size, 1));
    };
    let Some(recorder) = recorder else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { next.calloc(count, size) };
    };
    let Some(size) = count.checked_mul(size) else { return no_memory() };
    let Some(padded) = padded(recorder, size) else { return no_memory() };
    // SAFETY: any size may be asked for.
    let block = unsafe { next.calloc(1, padded) };
    // SAFETY: as large as was asked for.
    unsafe { record(next, recorder, block, size) };
    block
}

/// # Safety
///
/// As in C.
pub(crate) unsafe extern "C" fn free(block: *mut u8) {
    if block.is_null() || early::has(block) {
        return;
    }
    let Some((next, recorder)) = both() else { return };
    if let Some(recorder) = recorder {
        // SAFETY: the caller's block is one of the next allocator.
        let usable = unsafe { next.usable_size(block) };
        // SAFETY: the block is the caller's until it is freed below.
        let is_sound = unsafe { recorder.freed(block, usable) };
        if !is_sound {
            // SAFETY: as above.
            unsafe { checking::pass_on(block, usable) };
        }
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { next.free(block) };
}

/// # Safety
///
/// As in C.
pub(crate) unsafe extern "C" fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        // SAFETY: the caller's contract: such a call is a call of malloc.
        return unsafe { malloc(size) };
    }
    if early::has(block) {
        // SAFETY: any size may be asked for.
        let moved = unsafe { malloc(size) };
        early::move_to(moved, size, block);
        return moved;
    }
    let Some((next, recorder)) = both() else { return no_memory() };
    let Some(recorder) = recorder else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { next.realloc(block, size) };
    };
    let Some(padded) = padded(recorder, size) else { return no_memory() };
    // SAFETY: the caller's block is one of the next allocator.
    let usable = unsafe { next.usable_size(block) };
    if size == 0 {
        // SAFETY: the caller's contract, handed on.
        return unsafe { realloc_to_nothing(next, recorder, block, usable) };
    }
    // SAFETY: all of the block is the caller's.
    let known = unsafe { take(recorder, block, usable) };
    // SAFETY: the caller's block, and any size may be asked for.
    let moved = unsafe { next.realloc(block, padded) };
    if moved.is_null() {
        // SAFETY: the block is still there.
        unsafe { recorder.put_back(block, usable, known) };
        return moved;
    }
    // SAFETY: just reallocated.
    unsafe { record_resized((next, recorder), moved, (usable, known), size) };
    moved
}

/// Reallocates a block of `usable` bytes to none, which means what the next allocator says: a block
/// of no bytes, or that the block is freed.
///
/// # Safety
///
/// As in C.
#[cold]
unsafe fn realloc_to_nothing(
    next: Next,
    recorder: Recorder,
    block: *mut u8,
    usable: usize,
) -> *mut u8 {
    // SAFETY: all of the block is the caller's.
    let known = unsafe { take(recorder, block, usable) };
    // SAFETY: the caller's block.
    let empty = unsafe { next.realloc(block, 0) };
    if empty.is_null() {
        recorder.gone(usable, known);
        return empty;
    }
    // A block of no bytes may have no room for a trailer.
    // SAFETY: just reallocated, and not used any more.
    let moved = unsafe { next.realloc(empty, recorder.trailer()) };
    if moved.is_null() {
        // A block without a trailer would be taken for a damaged one.
        recorder.gone(usable, known);
        // SAFETY: just reallocated, and given to nobody.
        unsafe { next.free(empty) };
        return moved;
    }
    // SAFETY: just reallocated.
    unsafe { record_resized((next, recorder), moved, (usable, known), 0) };
    moved
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn reallocarray(block: *mut u8, count: usize, size: usize) -> *mut u8 {
    let Some(size) = count.checked_mul(size) else { return no_memory() };
    // SAFETY: the caller's contract, handed on.
    unsafe { realloc(block, size) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn posix_memalign(
    place: *mut *mut u8,
    alignment: usize,
    size: usize,
) -> c_int {
    let Some((next, recorder)) = both() else { return libc::ENOMEM };
    let Some(recorder) = recorder else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { next.posix_memalign(place, alignment, size) };
    };
    // Only the next allocator knows which alignments it refuses, and which error comes first.
    let padded = padded(recorder, size).unwrap_or(size);
    // SAFETY: the caller's place; any alignment and size may be asked for.
    let result = unsafe { next.posix_memalign(place, alignment, padded) };
    if result == 0 {
        // SAFETY: written by the call.
        let block = unsafe { place.read() };
        // SAFETY: as large as was asked for; what could not be padded has failed.
        unsafe { record(next, recorder, block, size) };
    }
    result
}

/// Asks the next allocator for an aligned block and records it.
///
/// # Safety
///
/// `ask` must give null or a block of at least as many bytes as it is asked for.
#[inline(always)]
unsafe fn aligned(
    size: usize,
    early_alignment: usize,
    ask: impl FnOnce(Next, usize) -> *mut u8,
) -> *mut u8 {
    let Some((next, recorder)) = both() else { return early::allocate(size, early_alignment) };
    let Some(recorder) = recorder else { return ask(next, size) };
    let Some(padded) = padded(recorder, size) else { return no_memory() };
    let block = ask(next, padded);
    // SAFETY: as large as was asked for.
    unsafe { record(next, recorder, block, size) };
    block
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut u8 {
    let ask = |next: Next, padded: usize| {
        // SAFETY: any alignment and size may be asked for.
        let block = unsafe { next.aligned_alloc(alignment, padded) };
        // Some refuse a size that is no multiple of the alignment.
        let is_multiple = alignment.is_power_of_two() && size.is_multiple_of(alignment);
        match padded.checked_next_multiple_of(alignment.max(1)) {
            // SAFETY: as above.
            Some(larger) if block.is_null() && is_multiple && larger != padded => unsafe {
                next.aligned_alloc(alignment, larger)
            },
            _ => block,
        }
    };
    // SAFETY: the next allocator keeps C's contract.
    unsafe { aligned(size, alignment, ask) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut u8 {
    // SAFETY: any alignment and size may be asked for.
    let ask = |next: Next, size| unsafe { next.memalign(alignment, size) };
    // SAFETY: the next allocator keeps C's contract.
    unsafe { aligned(size, alignment, ask) }
}

/// Bytes of a page of memory, which the kernel chooses.
fn page() -> usize {
    // SAFETY: the call takes a number and touches no memory of ours.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(1 << 16)
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn valloc(size: usize) -> *mut u8 {
    // SAFETY: any size may be asked for.
    let ask = |next: Next, size| unsafe { next.valloc(size) };
    // SAFETY: the next allocator keeps C's contract.
    unsafe { aligned(size, page(), ask) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pvalloc(size: usize) -> *mut u8 {
    // The caller may use all of the last page, so the trailer is behind it.
    let ask = |next: Next, padded: usize| {
        let whole = size.checked_next_multiple_of(page());
        match whole.and_then(|whole| whole.checked_add(padded - size)) {
            // SAFETY: any size may be asked for.
            Some(all) => unsafe { next.pvalloc(all) },
            None => no_memory(),
        }
    };
    // SAFETY: the next allocator keeps C's contract.
    let block = unsafe { aligned(size, page(), ask) };
    if !block.is_null() {
        // The block is open: all of the page is the program's, whether it asks or not.
        // SAFETY: just allocated.
        unsafe { malloc_usable_size(block) };
    }
    block
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn malloc_usable_size(block: *mut u8) -> usize {
    if block.is_null() {
        return 0;
    }
    if early::has(block) {
        return early::size(block);
    }
    let Some((next, recorder)) = both() else { return 0 };
    // SAFETY: the caller's block is one of the next allocator.
    let usable = unsafe { next.usable_size(block) };
    match recorder {
        // SAFETY: all of the block is the caller's.
        Some(recorder) => unsafe { recorder.open(block, usable) },
        None => usable,
    }
}

/// C23. The size is the program's claim; the trailer knows better.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free_sized(block: *mut u8, _size: usize) {
    // SAFETY: the caller's contract, handed on.
    unsafe { free(block) };
}

/// C23.
///
/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn free_aligned_sized(
    block: *mut u8,
    _alignment: usize,
    _size: usize,
) {
    // SAFETY: the caller's contract, handed on.
    unsafe { free(block) };
}
