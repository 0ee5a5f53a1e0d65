//! The C library's `pthread_create`, for a function of that name that stands before it.

use core::ffi::{c_int, c_void};
use core::ptr;

use crate::base::sync::{AtomicPtr, Ordering};

pub(crate) use libc::{EAGAIN, pthread_attr_t as Attributes, pthread_t as Thread};

/// A thread's first function.
pub(crate) type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
/// The type of `pthread_create`.
pub(crate) type Create =
    unsafe extern "C" fn(*mut Thread, *const Attributes, Start, *mut c_void) -> c_int;

/// The next `pthread_create` after this library's, looked for once. The loader may allocate
/// meanwhile.
pub(crate) fn next_pthread_create() -> Option<Create> {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let mut function = NEXT.load(Ordering::Relaxed);
    if function.is_null() {
        // SAFETY: the name ends with a zero byte.
        function = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
        NEXT.store(function, Ordering::Relaxed);
    }
    // SAFETY: null, or a function of that type, as POSIX has it.
    unsafe { core::mem::transmute::<*mut c_void, Option<Create>>(function) }
}
