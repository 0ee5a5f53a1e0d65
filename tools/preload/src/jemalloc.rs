//! jemalloc's own functions. Their flags (alignment, zeroing, caches and arenas) are handed on.
//!
//! A child of the program may find them and have no jemalloc: there they are made of C's functions.

use core::ptr;

use crate::exports;
use crate::families::{Call, Form, Resize, Size, family, pointer};
use crate::next::early;

/// The flag that asks for zeroed memory.
const ZERO: usize = 0x40;
/// The part of the flags that is the logarithm of the alignment.
const ALIGNMENT: usize = 0x3f;

static DALLOCX: Form = Form::new(c"dallocx");

family! {
    mod_alloc_mallocx = c"mallocx", |call| {
        if call.form.is_missing() { plain::mallocx(call) } else { call.gives(Size::At(0)) }
    };
    mod_alloc_rallocx = c"rallocx", |call| {
        if call.form.is_missing() {
            plain::rallocx(call)
        } else {
            let is_zeroed = call.words[2] & ZERO != 0;
            let how = if is_zeroed { Resize::Zeroed } else { Resize::Plain };
            call.resizes(0, Size::At(1), how)
        }
    };
    mod_alloc_xallocx = c"xallocx", |call| xallocx(call);
    mod_alloc_sallocx = c"sallocx", |call| {
        if call.form.is_missing() { plain::sallocx(call) } else { call.measures() }
    };
    mod_alloc_dallocx = c"dallocx", |call| {
        if call.form.is_missing() { plain::dallocx(call) } else { dallocx(call, call.words[1]) }
    };
    mod_alloc_sdallocx = c"sdallocx", |call| {
        if call.form.is_missing() { plain::dallocx(call) } else { dallocx(call, call.words[2]) }
    };
    mod_alloc_nallocx = c"nallocx", |call| {
        if call.form.is_missing() { call.words[0] } else { call.foretells() }
    };
}

/// Frees a block, of whatever size: it is larger than the program knows.
///
/// # Safety
///
/// As jemalloc says.
unsafe fn dallocx(call: &Call, flags: usize) -> usize {
    let block = pointer(call.words[0]);
    if early::has(block) {
        return 0;
    }
    let Some((next, recorder)) = call.recorded() else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    };
    // SAFETY: a block of jemalloc's.
    let usable = unsafe { next.usable_size(block) };
    // SAFETY: the block is the caller's until it is freed below.
    unsafe { recorder.freed(block, usable) };
    // SAFETY: the caller's contract, handed on.
    unsafe { DALLOCX.call([call.words[0], flags, 0, 0, 0]) }
}

/// Resizes a block in its place, to a size and as much more as there is room for; gives its size.
///
/// # Safety
///
/// As jemalloc says.
unsafe fn xallocx(call: &Call) -> usize {
    let [block, size, extra, flags, _] = call.words;
    let block = pointer(block);
    let recorded = if early::has(block) { None } else { call.recorded() };
    let asked = recorded
        .and_then(|(next, recorder)| Some((next, recorder, exports::padded(recorder, size)?)));
    let Some((next, recorder, padded)) = asked else {
        if call.form.is_missing() || early::has(block) {
            // SAFETY: the caller's contract, handed on.
            return unsafe { exports::malloc_usable_size(block) };
        }
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    };
    // SAFETY: a block of jemalloc's.
    let usable = unsafe { next.usable_size(block) };
    // SAFETY: all of the block is the caller's.
    let had = unsafe { recorder.size(block, usable) };
    // SAFETY: as above.
    let known = unsafe { recorder.take(block, usable) };
    let extra = extra.min(isize::MAX as usize - padded);
    // SAFETY: the caller's contract, handed on; the sum is no larger than a block may be.
    let usable = unsafe { call.form.call([call.words[0], padded, extra, flags, 0]) };
    if usable < padded {
        // SAFETY: the block is as it was.
        unsafe { recorder.put_back(block, usable, known) };
    } else {
        let size = size.saturating_add(extra).min(usable - recorder.trailer());
        if flags & ZERO != 0 && size > had {
            // SAFETY: the block has so many bytes.
            let new = unsafe { block.add(had) };
            // SAFETY: as above.
            unsafe { new.write_bytes(0, size - had) };
        }
        // SAFETY: the block has the trailer's bytes more.
        unsafe { recorder.resized(block, usable, known, size) };
    }
    // SAFETY: all of the block is the caller's.
    unsafe { recorder.open(block, usable) }
}

/// The functions where there is no jemalloc.
mod plain {
    use super::{ALIGNMENT, Call, ZERO, exports, pointer, ptr};

    fn alignment(flags: usize) -> usize {
        1_usize << (flags & ALIGNMENT)
    }

    pub(super) unsafe fn mallocx(call: &Call) -> usize {
        let [size, flags, ..] = call.words;
        // SAFETY: the caller's contract, handed on.
        unsafe { give(size, flags) }.expose_provenance()
    }

    unsafe fn give(size: usize, flags: usize) -> *mut u8 {
        let mut block = ptr::null_mut();
        let alignment = alignment(flags).max(2 * size_of::<usize>());
        // SAFETY: the place is valid; any alignment and size may be asked for.
        let result = unsafe { exports::posix_memalign(&raw mut block, alignment, size) };
        if result != 0 {
            return ptr::null_mut();
        }
        if flags & ZERO != 0 {
            // SAFETY: the block has so many bytes.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    pub(super) unsafe fn rallocx(call: &Call) -> usize {
        let [block, size, flags, ..] = call.words;
        // SAFETY: the caller's contract, handed on.
        let moved = unsafe { give(size, flags) };
        if !moved.is_null() {
            // SAFETY: the caller's block.
            let had = unsafe { exports::malloc_usable_size(pointer(block)) };
            // SAFETY: as many bytes as both have; one is new.
            unsafe { ptr::copy_nonoverlapping(pointer(block), moved, had.min(size)) };
            // SAFETY: the caller's block, which is not used any more.
            unsafe { exports::free(pointer(block)) };
        }
        moved.expose_provenance()
    }

    pub(super) unsafe fn sallocx(call: &Call) -> usize {
        // SAFETY: the caller's contract, handed on.
        unsafe { exports::malloc_usable_size(pointer(call.words[0])) }
    }

    pub(super) unsafe fn dallocx(call: &Call) -> usize {
        // SAFETY: the caller's contract, handed on.
        unsafe { exports::free(pointer(call.words[0])) };
        0
    }
}
