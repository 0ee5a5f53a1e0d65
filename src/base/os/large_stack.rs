//! A stack that is large enough for a report.

use core::ffi::c_void;

use super::stack_bounds;

/// Calls `work` with stack enough for a report: in this thread, or in a new one if this one's stack
/// is nearly used up. If no thread can be started, in this one all the same.
pub(crate) fn with_large_stack(work: &mut dyn FnMut()) {
    const ENOUGH: u64 = 1 << 20;
    const LARGE: usize = 8 << 20;
    let here = (&raw const work).addr() as u64;
    let left = stack_bounds().map_or(u64::MAX, |(low, _)| here.saturating_sub(low));
    if left >= ENOUGH || !in_thread(LARGE, work) {
        work();
    }
}

/// Calls `work` in a thread with N bytes of stack and waits for it; `false` if it cannot be
/// started.
fn in_thread(stack: usize, mut work: &mut dyn FnMut()) -> bool {
    extern "C" fn start(work: *mut c_void) -> *mut c_void {
        // SAFETY: `in_thread` passes its own closure and waits for this thread.
        let work = unsafe { &mut *work.cast::<&mut dyn FnMut()>() };
        work();
        core::ptr::null_mut()
    }
    let mut attributes = core::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the out-pointer is valid.
    if unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: initialised above.
    unsafe { libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack) };
    let mut thread = core::mem::MaybeUninit::<libc::pthread_t>::uninit();
    let argument = (&raw mut work).cast();
    // SAFETY: the attributes are initialised; the closure outlives the thread, which is joined.
    let result =
        unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), start, argument) };
    // SAFETY: initialised above and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if result != 0 {
        return false;
    }
    // SAFETY: written by the call, which has succeeded.
    let thread = unsafe { thread.assume_init() };
    // SAFETY: the thread was created just now and is joined once.
    unsafe { libc::pthread_join(thread, core::ptr::null_mut()) == 0 }
}
