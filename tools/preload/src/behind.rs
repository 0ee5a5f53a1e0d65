//! Functions of other libraries behind this one, in the order in which the loader looks for them.

use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

use mod_alloc::preload::as_profiler;

/// The function of that name behind this library, looked for once; `None` if there is none.
pub(crate) fn behind<T: Copy>(place: &AtomicPtr<c_void>, name: &CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<*mut c_void>()) };
    let mut function = place.load(Ordering::Relaxed);
    if function.is_null() {
        function = find(libc::RTLD_NEXT, name);
        place.store(function, Ordering::Relaxed);
    }
    // SAFETY: of the same size; the callers name functions of the type that they ask for.
    (!function.is_null()).then(|| unsafe { (&raw const function).cast::<T>().read() })
}

/// The address of the function of that name in a library; null if there is none.
pub(crate) fn find(library: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: the library is a handle of the loader's; the name ends with a zero byte.
    as_profiler(|| unsafe { libc::dlsym(library, name.as_ptr()) })
}
