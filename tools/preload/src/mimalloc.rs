//! mimalloc's own functions. `mi_new` and its like are among the `operators`.
//!
//! Blocks of a heap that is destroyed vanish without a free, so they stay live in the report.

use core::ffi::{c_char, c_int};
use core::hint::black_box;
use core::ptr;

use crate::exports;
use crate::families::{Call, Form, Resize, Size, family, pointer, throwing};
use crate::tcmalloc::{posix_memalign, pvalloc};

static MALLOC: Form = Form::new(c"mi_malloc");
static HEAP_MALLOC: Form = Form::new(c"mi_heap_malloc");

family! {
    mod_alloc_mi_malloc = c"mi_malloc", |call| call.gives(Size::At(0));
    mod_alloc_mi_malloc_small = c"mi_malloc_small", |call| small(call, 0, &MALLOC);
    mod_alloc_mi_zalloc = c"mi_zalloc", |call| call.gives(Size::At(0));
    mod_alloc_mi_zalloc_small = c"mi_zalloc_small", |call| small(call, 0, &ZALLOC);
    mod_alloc_mi_mallocn = c"mi_mallocn", |call| call.gives(Size::Counted(0));
    mod_alloc_mi_calloc = c"mi_calloc", |call| call.gives(Size::Counted(0));
    mod_alloc_mi_malloc_aligned = c"mi_malloc_aligned", |call| call.gives(Size::At(0));
    mod_alloc_mi_malloc_aligned_at = c"mi_malloc_aligned_at", |call| call.gives(Size::At(0));
    mod_alloc_mi_zalloc_aligned = c"mi_zalloc_aligned", |call| call.gives(Size::At(0));
    mod_alloc_mi_zalloc_aligned_at = c"mi_zalloc_aligned_at", |call| call.gives(Size::At(0));
    mod_alloc_mi_calloc_aligned = c"mi_calloc_aligned", |call| call.gives(Size::Counted(0));
    mod_alloc_mi_calloc_aligned_at = c"mi_calloc_aligned_at", |call| call.gives(Size::Counted(0));
    mod_alloc_mi_memalign = c"mi_memalign", |call| call.gives(Size::At(1));
    mod_alloc_mi_aligned_alloc = c"mi_aligned_alloc", |call| aligned_alloc(call);
    mod_alloc__aligned_malloc = c"_aligned_malloc", |call| aligned_alloc(call);
    mod_alloc_mi_valloc = c"mi_valloc", |call| call.gives(Size::At(0));
    mod_alloc_mi_pvalloc = c"mi_pvalloc", |call| pvalloc(call);
    mod_alloc_mi_posix_memalign = c"mi_posix_memalign", |call| posix_memalign(call);
}

family! {
    mod_alloc_mi_realloc = c"mi_realloc", |call| call.resizes(0, Size::At(1), Resize::Plain);
    mod_alloc_mi_reallocn = c"mi_reallocn",
        |call| call.resizes(0, Size::Counted(1), Resize::Plain);
    mod_alloc_mi_reallocarray = c"mi_reallocarray",
        |call| call.resizes(0, Size::Counted(1), Resize::Plain);
    mod_alloc_mi_reallocf = c"mi_reallocf", |call| call.resizes(0, Size::At(1), Resize::OrFreed);
    mod_alloc_mi_rezalloc = c"mi_rezalloc", |call| call.resizes(0, Size::At(1), Resize::Zeroed);
    mod_alloc_mi_recalloc = c"mi_recalloc",
        |call| call.resizes(0, Size::Counted(1), Resize::Zeroed);
    mod_alloc_mi_realloc_aligned = c"mi_realloc_aligned",
        |call| call.resizes(0, Size::At(1), Resize::Plain);
    mod_alloc_mi_realloc_aligned_at = c"mi_realloc_aligned_at",
        |call| call.resizes(0, Size::At(1), Resize::Plain);
    mod_alloc_mi_rezalloc_aligned = c"mi_rezalloc_aligned",
        |call| call.resizes(0, Size::At(1), Resize::Zeroed);
    mod_alloc_mi_rezalloc_aligned_at = c"mi_rezalloc_aligned_at",
        |call| call.resizes(0, Size::At(1), Resize::Zeroed);
    mod_alloc_mi_recalloc_aligned = c"mi_recalloc_aligned",
        |call| call.resizes(0, Size::Counted(1), Resize::Zeroed);
    mod_alloc_mi_recalloc_aligned_at = c"mi_recalloc_aligned_at",
        |call| call.resizes(0, Size::Counted(1), Resize::Zeroed);
    mod_alloc_mi_aligned_recalloc = c"mi_aligned_recalloc",
        |call| call.resizes(0, Size::Counted(1), Resize::Zeroed);
    mod_alloc_mi_aligned_offset_recalloc = c"mi_aligned_offset_recalloc",
        |call| call.resizes(0, Size::Counted(1), Resize::Zeroed);
    mod_alloc_mi_reallocarr = c"mi_reallocarr", |call| reallocarr(call);
    mod_alloc_reallocarr = c"reallocarr", |call| reallocarr(call);
    mod_alloc_mi_expand = c"mi_expand", |call| expand(call);
    mod_alloc_mi__expand = c"mi__expand", |call| expand(call);
}

family! {
    mod_alloc_mi_heap_malloc = c"mi_heap_malloc", |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_malloc_small = c"mi_heap_malloc_small", |call| small(call, 1, &HEAP_MALLOC);
    mod_alloc_mi_heap_zalloc = c"mi_heap_zalloc", |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_mallocn = c"mi_heap_mallocn", |call| call.gives(Size::Counted(1));
    mod_alloc_mi_heap_calloc = c"mi_heap_calloc", |call| call.gives(Size::Counted(1));
    mod_alloc_mi_heap_malloc_aligned = c"mi_heap_malloc_aligned", |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_malloc_aligned_at = c"mi_heap_malloc_aligned_at",
        |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_zalloc_aligned = c"mi_heap_zalloc_aligned", |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_zalloc_aligned_at = c"mi_heap_zalloc_aligned_at",
        |call| call.gives(Size::At(1));
    mod_alloc_mi_heap_calloc_aligned = c"mi_heap_calloc_aligned",
        |call| call.gives(Size::Counted(1));
    mod_alloc_mi_heap_calloc_aligned_at = c"mi_heap_calloc_aligned_at",
        |call| call.gives(Size::Counted(1));
    mod_alloc_mi_heap_realloc = c"mi_heap_realloc",
        |call| call.resizes(1, Size::At(2), Resize::Plain);
    mod_alloc_mi_heap_reallocn = c"mi_heap_reallocn",
        |call| call.resizes(1, Size::Counted(2), Resize::Plain);
    mod_alloc_mi_heap_reallocf = c"mi_heap_reallocf",
        |call| call.resizes(1, Size::At(2), Resize::OrFreed);
    mod_alloc_mi_heap_rezalloc = c"mi_heap_rezalloc",
        |call| call.resizes(1, Size::At(2), Resize::Zeroed);
    mod_alloc_mi_heap_recalloc = c"mi_heap_recalloc",
        |call| call.resizes(1, Size::Counted(2), Resize::Zeroed);
    mod_alloc_mi_heap_realloc_aligned = c"mi_heap_realloc_aligned",
        |call| call.resizes(1, Size::At(2), Resize::Plain);
    mod_alloc_mi_heap_realloc_aligned_at = c"mi_heap_realloc_aligned_at",
        |call| call.resizes(1, Size::At(2), Resize::Plain);
    mod_alloc_mi_heap_rezalloc_aligned = c"mi_heap_rezalloc_aligned",
        |call| call.resizes(1, Size::At(2), Resize::Zeroed);
    mod_alloc_mi_heap_rezalloc_aligned_at = c"mi_heap_rezalloc_aligned_at",
        |call| call.resizes(1, Size::At(2), Resize::Zeroed);
    mod_alloc_mi_heap_recalloc_aligned = c"mi_heap_recalloc_aligned",
        |call| call.resizes(1, Size::Counted(2), Resize::Zeroed);
}

// A heap itself is a block of mimalloc's own. These two end with a jump to `mi_free`, which is to
// seem called from here: without the black box, the compiler would jump as well.
family! {
    mod_alloc_mi_heap_delete = c"mi_heap_delete", |call| black_box(call.hand_on());
    mod_alloc_mi_heap_destroy = c"mi_heap_destroy", |call| black_box(call.hand_on());
}

family! {
    mod_alloc_mi_free = c"mi_free", |call| call.frees();
    mod_alloc_mi_cfree = c"mi_cfree", |call| call.frees();
    mod_alloc_mi_free_size = c"mi_free_size", |call| call.frees();
    mod_alloc_mi_free_size_aligned = c"mi_free_size_aligned", |call| call.frees();
    mod_alloc_mi_free_aligned = c"mi_free_aligned", |call| call.frees();
    mod_alloc_mi_usable_size = c"mi_usable_size", |call| call.measures();
    mod_alloc_mi_malloc_size = c"mi_malloc_size", |call| call.measures();
    mod_alloc_mi_malloc_usable_size = c"mi_malloc_usable_size", |call| call.measures();
    mod_alloc_mi_good_size = c"mi_good_size", |call| call.foretells();
    mod_alloc_mi_malloc_good_size = c"mi_malloc_good_size", |call| call.foretells();
}

family! {
    mod_alloc_mi_strdup = c"mi_strdup", |call| copy(call, None, call.words[0], usize::MAX);
    mod_alloc_mi_mbsdup = c"mi_mbsdup", |call| copy(call, None, call.words[0], usize::MAX);
    mod_alloc_mi_strndup = c"mi_strndup", |call| copy(call, None, call.words[0], call.words[1]);
    mod_alloc_mi_heap_strdup = c"mi_heap_strdup",
        |call| copy(call, Some(call.words[0]), call.words[1], usize::MAX);
    mod_alloc_mi_heap_strndup = c"mi_heap_strndup",
        |call| copy(call, Some(call.words[0]), call.words[1], call.words[2]);
    mod_alloc_mi_realpath = c"mi_realpath", |call| real_path(call, call.words[0], call.words[1]);
    mod_alloc_mi_heap_realpath = c"mi_heap_realpath",
        |call| real_path(call, call.words[1], call.words[2]);
}

throwing! {
    mod_alloc_mi_new_n = c"mi_new_n", |call| call.gives_by(&MALLOCN, Size::Counted(0));
    mod_alloc_mi_new_realloc = c"mi_new_realloc",
        |call| call.resizes_by(&REALLOC, 0, Size::At(1));
    mod_alloc_mi_new_reallocn = c"mi_new_reallocn",
        |call| call.resizes_by(&REALLOCN, 0, Size::Counted(1));
    mod_alloc_mi_heap_alloc_new = c"mi_heap_alloc_new",
        |call| call.gives_by(&HEAP_MALLOC, Size::At(1));
    mod_alloc_mi_heap_alloc_new_n = c"mi_heap_alloc_new_n",
        |call| call.gives_by(&HEAP_MALLOCN, Size::Counted(1));
}

static ZALLOC: Form = Form::new(c"mi_zalloc");
static MALLOCN: Form = Form::new(c"mi_mallocn");
static HEAP_MALLOCN: Form = Form::new(c"mi_heap_mallocn");
static REALLOC: Form = Form::new(c"mi_realloc");
static REALLOCN: Form = Form::new(c"mi_reallocn");
static REALLOCARRAY: Form = Form::new(c"mi_reallocarray");

/// A small block may be none with its trailer: the function for all sizes gives it.
///
/// # Safety
///
/// As mimalloc says.
unsafe fn small(call: &Call, at: usize, form: &'static Form) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { call.gives_by(form, Size::At(at)) }
}

/// # Safety
///
/// As in C.
unsafe fn aligned_alloc(call: &Call) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { exports::aligned_alloc(call.words[0], call.words[1]) }.expose_provenance()
}

/// Resizes the array that a pointer is at the place of.
///
/// # Safety
///
/// As mimalloc says.
unsafe fn reallocarr(call: &Call) -> usize {
    let [place, count, size, ..] = call.words;
    let place = ptr::with_exposed_provenance_mut::<*mut u8>(place);
    if call.recorded().is_none() || place.is_null() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's place.
    let block = unsafe { place.read() }.expose_provenance();
    let words = [block, count, size, 0, 0];
    let call = Call { form: &REALLOCARRAY, words, caller: call.caller };
    // SAFETY: the caller's block.
    let moved = pointer(unsafe { call.resizes(0, Size::Counted(1), Resize::Plain) });
    if moved.is_null() {
        return libc::ENOMEM as c_int as usize;
    }
    // SAFETY: the caller's place.
    unsafe { place.write(moved) };
    0
}

/// The block, if it has room for so many bytes as it is.
///
/// # Safety
///
/// As mimalloc says.
unsafe fn expand(call: &Call) -> usize {
    let [block, size, ..] = call.words;
    if call.recorded().is_none() || block == 0 {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's block.
    let usable = unsafe { exports::malloc_usable_size(pointer(block)) };
    if size <= usable { block } else { 0 }
}

/// A copy of a string, of `most` bytes at the most.
///
/// # Safety
///
/// As mimalloc says.
unsafe fn copy(call: &Call, heap: Option<usize>, text: usize, most: usize) -> usize {
    let text = pointer(text);
    if call.recorded().is_none() || text.is_null() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's string ends with a zero byte, or is as long as was said.
    let len = unsafe { libc::strnlen(text.cast::<c_char>(), most) };
    let call = match heap {
        Some(heap) => Call { form: &HEAP_MALLOC, words: [heap, len + 1, 0, 0, 0], ..*call },
        None => Call { form: &MALLOC, words: [len + 1, 0, 0, 0, 0], ..*call },
    };
    let size = Size::At(usize::from(heap.is_some()));
    // SAFETY: any size may be asked for.
    let copied = pointer(unsafe { call.gives(size) });
    if !copied.is_null() {
        // SAFETY: as many bytes as both have; one is new.
        unsafe { ptr::copy_nonoverlapping(text, copied, len) };
        // SAFETY: the block has one byte more.
        let end = unsafe { copied.add(len) };
        // SAFETY: as above.
        unsafe { end.write(0) };
    }
    copied.expose_provenance()
}

/// The C library's function allocates by `malloc` if no place is given.
///
/// # Safety
///
/// As in C.
unsafe fn real_path(call: &Call, path: usize, place: usize) -> usize {
    if call.recorded().is_none() {
        // SAFETY: the caller's contract, handed on.
        return unsafe { call.hand_on() };
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { libc::realpath(pointer(path).cast(), pointer(place).cast()) }.expose_provenance()
}
