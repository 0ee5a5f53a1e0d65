//! Signals, held off while a thread is in the heap.

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
