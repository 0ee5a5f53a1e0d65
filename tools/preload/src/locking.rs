//! `mlockall`: the program's memory is locked, the recording is not.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::AtomicPtr;

use crate::behind::behind;

type LockAll = unsafe extern "C" fn(c_int) -> c_int;

/// # Safety
///
/// As on Linux.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn mlockall(flags: c_int) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let Some(next) = behind::<LockAll>(&NEXT, c"mlockall") else { return -1 };
    // SAFETY: the function takes any number.
    mod_alloc::preload::lock_all(flags, |flags| unsafe { next(flags) })
}
