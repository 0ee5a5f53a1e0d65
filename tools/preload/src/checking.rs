//! glibc's debugging allocator, `libc_malloc_debug.so`: it has a byte of its own behind each block,
//! and looks at it when the block is freed.
//!
//! Behind the program's bytes lies the trailer now, so a write past the block's end meets that one.
//! The damage is passed on: the debugging allocator finds what it would have found.

use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use mod_alloc::preload::object_at;

/// The versions of its functions: each machine's first, and that of `aligned_alloc`.
#[cfg(target_env = "gnu")]
const VERSIONS: [&CStr; 3] = [c"GLIBC_2.2.5", c"GLIBC_2.16", c"GLIBC_2.17"];

/// The byte behind a block under `mcheck`.
const MCHECK: u8 = 0xd7;

/// 1: the next allocator is that one; 2: and `MALLOC_CHECK_` is set.
static IS_NEXT: AtomicU32 = AtomicU32::new(0);

/// Puts the debugging allocator's functions in the places of glibc's own, if it is preloaded. Only
/// who asks for a version finds them, as programs do.
pub(crate) fn look<'a>(found: impl Iterator<Item = (&'a &'a CStr, &'a AtomicPtr<c_void>)>) {
    let object = |function: *mut c_void| object_at(function.addr() as u64);
    let check = object(of_version(c"mcheck_check_all"));
    for (name, place) in found {
        let function = of_version(name);
        let glibcs = place.load(Ordering::Relaxed);
        if object(function) != check || object(function) == object(glibcs) {
            return;
        }
        place.store(function, Ordering::Relaxed);
    }
    // SAFETY: the name ends with a zero byte. glibc reads the variable at the start, too.
    let is_set = !unsafe { libc::getenv(c"MALLOC_CHECK_".as_ptr()) }.is_null();
    IS_NEXT.store(1 + u32::from(is_set), Ordering::Relaxed);
}

/// The next function of a name that has one of the versions; null, if there is none.
fn of_version(name: &CStr) -> *mut c_void {
    #[cfg(target_env = "gnu")]
    for version in VERSIONS {
        // SAFETY: the names end with a zero byte.
        let function = unsafe { libc::dlvsym(libc::RTLD_NEXT, name.as_ptr(), version.as_ptr()) };
        if !function.is_null() {
            return function;
        }
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = name;
    core::ptr::null_mut()
}

/// Passes on that a block of `usable` bytes was written to past its end.
///
/// # Safety
///
/// `block` must be one of the next allocator, which knows it to be of so many bytes.
#[cold]
pub(crate) unsafe fn pass_on(block: *mut u8, usable: usize) {
    let next = IS_NEXT.load(Ordering::Relaxed);
    if next == 0 {
        return;
    }
    // SAFETY: that allocator's blocks have a byte more than is usable, or the next block's size.
    let behind = unsafe { block.add(usable) };
    // SAFETY: see above.
    let found = unsafe { behind.read() };
    if found == MCHECK || next == 2 && found == check_byte(block) {
        // Any other byte is no block's end. It is the way back to where one may be: 0 is none, and
        // the largest leads out of most blocks.
        let other = if found == 0 { u8::MAX } else { 0 };
        // SAFETY: see above.
        unsafe { behind.write(other) };
    }
}

/// The byte behind a block under `MALLOC_CHECK_`: made of the address of the block's head.
fn check_byte(block: *mut u8) -> u8 {
    const HEAD: usize = 16;
    let head = block.addr() - HEAD;
    let byte = (head >> 3 ^ head >> 11) as u8;
    // 1 is a distance there.
    byte + u8::from(byte == 1)
}
