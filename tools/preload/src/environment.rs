//! Takes the library out of the environment, in place: no memory is asked for, and nothing else
//! moves.

use core::ffi::{CStr, c_char};

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// Executed programs will run as if the library were not there, and find the environment as it was.
pub(crate) fn forget_us() {
    // The fronts come first, and then this library.
    while without_first_entry(c"LD_PRELOAD") {}
    const OURS: [&CStr; 4] =
        [c"MOD_ALLOC_RECORD", c"MOD_ALLOC_CHILDREN", c"MOD_ALLOC_ONLY", c"MOD_ALLOC_TESTS"];
    for name in OURS {
        // SAFETY: `name` ends with a zero byte; the program runs no thread of its own yet.
        unsafe { libc::unsetenv(name.as_ptr()) };
    }
}

/// Removes what is before the first colon or blank of a variable, and all of it if there is none.
/// `true`: it was a front.
fn without_first_entry(name: &CStr) -> bool {
    const FRONT: &[u8] = b"/libmod_alloc_preload_";
    // SAFETY: `name` ends with a zero byte.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return false;
    }
    // SAFETY: a value of the environment ends with a zero byte.
    let bytes = unsafe { CStr::from_ptr(value) }.to_bytes_with_nul();
    let end = bytes.iter().position(|byte| b": ".contains(byte));
    let first = &bytes[..end.unwrap_or(bytes.len())];
    let is_front = first.windows(FRONT.len()).any(|part| part == FRONT);
    match end {
        Some(end) => {
            let rest = bytes.len() - end - 1;
            // SAFETY: both ends are inside the value, the zero byte included.
            let from = unsafe { value.add(end + 1) };
            // SAFETY: the environment's strings may be written to; the ranges may overlap.
            unsafe { core::ptr::copy(from, value, rest) };
        }
        // SAFETY: `name` ends with a zero byte; the program runs no thread of its own yet.
        None => drop(unsafe { libc::unsetenv(name.as_ptr()) }),
    }
    is_front
}

/// True if the C library has its environment yet: before that, settings cannot be read.
pub(crate) fn is_there() -> bool {
    // SAFETY: the word is the C library's; it is read once.
    !unsafe { environ }.is_null()
}
