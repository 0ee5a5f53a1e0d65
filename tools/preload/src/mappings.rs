//! `mmap` and its kin, for `mod-alloc run --mappings`: memory that `malloc` does not know.
//!
//! Programs find these functions by the front `mappings` alone, so without that option nothing
//! stands between a program and its C library. What glibc maps for itself (heaps, threads' stacks,
//! libraries) does not come by these names.

use core::ffi::{c_int, c_void};
use core::ops::Range;
use core::ptr;
use core::sync::atomic::AtomicPtr;

use mod_alloc::preload::{Kind, Recorder, page_size};

use crate::behind::behind;
use crate::exports::recorder;
use crate::next::no_memory;

type Map = unsafe extern "C" fn(*mut u8, usize, c_int, c_int, c_int, libc::off_t) -> *mut u8;
type Unmap = unsafe extern "C" fn(*mut u8, usize) -> c_int;
type Remap = unsafe extern "C" fn(*mut u8, usize, usize, c_int, *mut u8) -> *mut u8;
type SetBreak = unsafe extern "C" fn(*mut u8) -> c_int;
type MoveBreak = unsafe extern "C" fn(isize) -> *mut u8;

static MAP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static UNMAP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static REMAP: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static SET_BREAK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static MOVE_BREAK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Finds the functions behind, before there are threads: to look for one takes the loader's lock,
/// which a thread may hold that waits for this one, in a constructor of a library.
pub(crate) fn look() {
    behind::<Map>(&MAP, c"mmap");
    behind::<Unmap>(&UNMAP, c"munmap");
    behind::<Remap>(&REMAP, c"mremap");
    behind::<SetBreak>(&SET_BREAK, c"brk");
    behind::<MoveBreak>(&MOVE_BREAK, c"sbrk");
}

/// The recorder, if mappings are recorded.
fn recording() -> Option<Recorder> {
    recorder().filter(|recorder| recorder.records_mappings())
}

/// The pages of a mapping.
fn pages(start: *mut u8, len: usize) -> Range<usize> {
    let start = start.addr();
    start..start.saturating_add(len.next_multiple_of(page_size()))
}

fn is_failure(memory: *mut u8) -> bool {
    memory == libc::MAP_FAILED.cast()
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn mod_alloc_mmap(
    address: *mut u8,
    len: usize,
    rights: c_int,
    flags: c_int,
    file: c_int,
    offset: libc::off_t,
) -> *mut u8 {
    let Some(map) = behind::<Map>(&MAP, c"mmap") else {
        no_memory();
        return libc::MAP_FAILED.cast();
    };
    // SAFETY: the caller's contract, handed on.
    let memory = unsafe { map(address, len, rights, flags, file, offset) };
    if let Some(recorder) = recording().filter(|_| !is_failure(memory)) {
        let kind = match flags & libc::MAP_ANONYMOUS {
            0 => Kind::File,
            _ if rights == libc::PROT_NONE => Kind::Reserved,
            _ => Kind::Anonymous,
        };
        recorder.mapped(pages(memory, len), kind);
    }
    memory
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn mod_alloc_munmap(start: *mut u8, len: usize) -> c_int {
    let Some(unmap) = behind::<Unmap>(&UNMAP, c"munmap") else { return -1 };
    let mut result = -1;
    let mut call = || {
        // SAFETY: the caller's contract, handed on.
        result = unsafe { unmap(start, len) };
        result == 0
    };
    match recording() {
        Some(recorder) => recorder.unmapped(pages(start, len), call),
        None => drop(call()),
    }
    result
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn mod_alloc_mremap(
    start: *mut u8,
    len: usize,
    new_len: usize,
    flags: c_int,
    place: *mut u8,
) -> *mut u8 {
    let mut memory = libc::MAP_FAILED.cast::<u8>();
    let Some(remap) = behind::<Remap>(&REMAP, c"mremap") else { return memory };
    let mut call = || {
        // SAFETY: the caller's contract, handed on; the last argument is looked at by some flags.
        memory = unsafe { remap(start, len, new_len, flags, place) };
        (!is_failure(memory)).then(|| pages(memory, new_len))
    };
    match recording() {
        Some(recorder) => {
            let is_copy = len == 0 || flags & libc::MREMAP_DONTUNMAP != 0;
            recorder.moved(pages(start, len.max(1)), is_copy, call);
        }
        None => drop(call()),
    }
    memory
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn mod_alloc_brk(end: *mut u8) -> c_int {
    let Some(set_break) = behind::<SetBreak>(&SET_BREAK, c"brk") else { return -1 };
    let before = present_break();
    // SAFETY: the caller's contract, handed on.
    let result = unsafe { set_break(end) };
    if let (0, Some(recorder), Some(before)) = (result, recording(), before) {
        // The kernel leaves it where it is, without an error, if it would be before the data.
        if let Some(after) = present_break() {
            break_moved(recorder, before, after);
        }
    }
    result
}

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
unsafe extern "C" fn mod_alloc_sbrk(bytes: isize) -> *mut u8 {
    let Some(move_break) = behind::<MoveBreak>(&MOVE_BREAK, c"sbrk") else {
        no_memory();
        return libc::MAP_FAILED.cast();
    };
    // SAFETY: the caller's contract, handed on.
    let before = unsafe { move_break(bytes) };
    if let Some(recorder) = recording().filter(|_| bytes != 0 && !is_failure(before)) {
        break_moved(recorder, before.addr(), before.addr().wrapping_add_signed(bytes));
    }
    before
}

/// The end of the program's data.
fn present_break() -> Option<usize> {
    let move_break = behind::<MoveBreak>(&MOVE_BREAK, c"sbrk")?;
    // SAFETY: nothing is moved.
    let end = unsafe { move_break(0) };
    (!is_failure(end)).then(|| end.addr())
}

/// Records that the end of the program's data was moved. Its call's stack begins with the caller's.
#[inline(always)]
fn break_moved(recorder: Recorder, before: usize, after: usize) {
    if after > before {
        recorder.mapped(before..after, Kind::Break);
    } else {
        recorder.unmapped(after..before, || true);
    }
}
