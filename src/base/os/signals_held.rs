//! Signals, held off while a thread is in the heap, or writes beyond `RLIMIT_FSIZE`.

use super::is_sealed;

/// Holds off signals in the calling thread until this is dropped.
#[derive(Debug)]
pub(crate) struct SignalsHeld(libc::sigset_t);

impl SignalsHeld {
    pub(crate) fn new() -> Option<Self> {
        if is_sealed() {
            return None;
        }
        let (mut all, mut before) =
            (core::mem::MaybeUninit::uninit(), core::mem::MaybeUninit::uninit());
        // SAFETY: the out-pointer is valid.
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        let (all, old) = (all.as_ptr(), before.as_mut_ptr());
        // SAFETY: filled above; the out-pointer is valid.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all, old) };
        // SAFETY: written by the call, which has succeeded.
        (result == 0).then(|| SignalsHeld(unsafe { before.assume_init() }))
    }
}

impl Drop for SignalsHeld {
    fn drop(&mut self) {
        let before = &raw const self.0;
        // SAFETY: the mask that was there before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, core::ptr::null_mut()) };
    }
}

/// Calls `write`. A write in it beyond `RLIMIT_FSIZE` gives an error; the signal that comes with
/// the error, and would end the program, is taken back.
#[cfg(feature = "dhat-compat")]
pub(crate) fn without_size_signal<R>(write: impl FnOnce() -> R) -> R {
    let (mut size, mut before) =
        (core::mem::MaybeUninit::uninit(), core::mem::MaybeUninit::<libc::sigset_t>::uninit());
    // SAFETY: the out-pointer is valid.
    unsafe { libc::sigemptyset(size.as_mut_ptr()) };
    // SAFETY: emptied above; the signal is one.
    unsafe { libc::sigaddset(size.as_mut_ptr(), libc::SIGXFSZ) };
    // SAFETY: made above; the out-pointer is valid.
    let result =
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, size.as_ptr(), before.as_mut_ptr()) };
    if result != 0 {
        return write();
    }
    // SAFETY: written by the call, which has succeeded.
    let before = unsafe { before.assume_init() };
    let result = write();
    // SAFETY: written above; the signal is one.
    let was_blocked = unsafe { libc::sigismember(&raw const before, libc::SIGXFSZ) } == 1;
    if !was_blocked {
        let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: both are valid, and no information is asked for. Only this thread's own write
        // can have made the signal pending here.
        unsafe { libc::sigtimedwait(size.as_ptr(), core::ptr::null_mut(), &raw const at_once) };
        // SAFETY: the mask that was there before.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, core::ptr::null_mut())
        };
    }
    result
}
