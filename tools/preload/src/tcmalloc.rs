//! tcmalloc's own functions, and names of C's that it and mimalloc have beside the usual ones.
//! `tc_new` and `tc_delete` are among the `operators`.

use core::ffi::c_int;
use core::ptr;

use crate::exports;
use crate::families::{Call, Resize, Size, family, pointer};

family! {
    mod_alloc_tc_malloc = c"tc_malloc", |call| call.gives(Size::At(0));
    mod_alloc_tc_malloc_skip_new_handler = c"tc_malloc_skip_new_handler",
        |call| call.gives(Size::At(0));
    mod_alloc_tc_calloc = c"tc_calloc", |call| call.gives(Size::Counted(0));
    mod_alloc_tc_memalign = c"tc_memalign", |call| call.gives(Size::At(1));
    mod_alloc_tc_valloc = c"tc_valloc", |call| call.gives(Size::At(0));
    mod_alloc_tc_pvalloc = c"tc_pvalloc", |call| pvalloc(call);
    mod_alloc_tc_posix_memalign = c"tc_posix_memalign", |call| posix_memalign(call);
    mod_alloc_tc_realloc = c"tc_realloc", |call| realloc(call);
    mod_alloc_tc_free = c"tc_free", |call| call.frees();
    mod_alloc_tc_free_sized = c"tc_free_sized", |call| call.frees();
    mod_alloc_tc_cfree = c"tc_cfree", |call| call.frees();
    mod_alloc_tc_malloc_size = c"tc_malloc_size", |call| call.measures();
    mod_alloc_tc_nallocx = c"tc_nallocx", |call| call.foretells();
    mod_alloc_MallocExtension_GetAllocatedSize = c"MallocExtension_GetAllocatedSize",
        |call| call.measures();
    mod_alloc_MallocExtension_GetEstimatedAllocatedSize =
        c"MallocExtension_GetEstimatedAllocatedSize", |call| call.foretells();
}

// Other names of C's functions.
family! {
    mod_alloc___libc_malloc = c"__libc_malloc", |call| call.gives(Size::At(0));
    mod_alloc___libc_calloc = c"__libc_calloc", |call| call.gives(Size::Counted(0));
    mod_alloc___libc_memalign = c"__libc_memalign", |call| call.gives(Size::At(1));
    mod_alloc___libc_valloc = c"__libc_valloc", |call| call.gives(Size::At(0));
    mod_alloc___libc_pvalloc = c"__libc_pvalloc", |call| pvalloc(call);
    mod_alloc___posix_memalign = c"__posix_memalign", |call| posix_memalign(call);
    mod_alloc___libc_realloc = c"__libc_realloc", |call| realloc(call);
    mod_alloc___libc_free = c"__libc_free", |call| call.frees();
    mod_alloc___libc_cfree = c"__libc_cfree", |call| call.frees();
    mod_alloc_cfree = c"cfree", |call| call.frees();
    mod_alloc_vfree = c"vfree", |call| call.frees();
    mod_alloc_malloc_size = c"malloc_size", |call| call.measures();
    mod_alloc_malloc_good_size = c"malloc_good_size", |call| call.foretells();
    mod_alloc_reallocf = c"reallocf", |call| call.resizes(0, Size::At(1), Resize::OrFreed);
}

/// The allocator's answer to no bytes is known of `realloc` alone.
///
/// # Safety
///
/// As in C.
unsafe fn realloc(call: &Call) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's contract, handed on.
    let moved = unsafe { exports::realloc(pointer(call.words[0]), call.words[1]) };
    moved.expose_provenance()
}

/// # Safety
///
/// As in C.
pub(crate) unsafe fn pvalloc(call: &Call) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { exports::pvalloc(call.words[0]) }.expose_provenance()
}

/// # Safety
///
/// As in C.
pub(crate) unsafe fn posix_memalign(call: &Call) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    let [place, alignment, size, ..] = call.words;
    let place = ptr::with_exposed_provenance_mut(place);
    // SAFETY: the caller's contract, handed on.
    let result: c_int = unsafe { exports::posix_memalign(place, alignment, size) };
    result as usize
}
