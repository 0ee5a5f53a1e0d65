//! Windows: threads by the kernel's functions, ends by its fiber-local storage, which also calls
//! its destructors where a thread ends.

use core::ffi::c_void;

use super::Destructor;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetCurrentThreadId() -> u32;
    fn FlsAlloc(callback: Option<unsafe extern "system" fn(*const c_void)>) -> u32;
    fn FlsSetValue(index: u32, value: *const c_void) -> i32;
    fn GetLastError() -> u32;
    fn SetLastError(error: u32);
}

/// A number of this thread, that no other living thread has.
pub(crate) fn thread_key() -> usize {
    thread_id() as usize
}

/// The system's number of this thread.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: no preconditions.
    unsafe { GetCurrentThreadId() }
}

/// The system keeps names in a form that takes memory to read: none is known here.
pub(crate) fn thread_name() -> [u8; 16] {
    [0; 16]
}

/// A slot whose destructor runs when a thread that has set it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadEnd(u32);

const OUT_OF_INDEXES: u32 = u32::MAX;

impl ThreadEnd {
    /// `None` when the process has no slot left.
    pub(crate) fn new(destructor: Destructor) -> Option<Self> {
        // SAFETY: on all of Windows' processors but 32-bit x86 the two ways to call are one; there,
        // the caller of `extern "C"` takes its argument back and that of `system` does not.
        #[cfg(not(target_arch = "x86"))]
        let callback = unsafe {
            core::mem::transmute::<Destructor, unsafe extern "system" fn(*const c_void)>(destructor)
        };
        // SAFETY: the destructor lives as long as the program.
        #[cfg(not(target_arch = "x86"))]
        let slot = unsafe { FlsAlloc(Some(callback)) };
        #[cfg(target_arch = "x86")]
        let slot = {
            let _ = destructor;
            // SAFETY: no destructor.
            unsafe { FlsAlloc(None) }
        };
        (slot != OUT_OF_INDEXES).then_some(ThreadEnd(slot))
    }

    /// Has the destructor called with `value` when this thread ends.
    pub(crate) fn set(self, value: *mut c_void) {
        // SAFETY: the slot was made by `new`.
        unsafe { FlsSetValue(self.0, value) };
    }
}

/// Destructors are called once.
pub(crate) const THREAD_END_ROUNDS: u32 = 1;

/// Has `handler` called when the program returns from `main`. `std::process::exit` ends the process
/// by the kernel's function, and calls nothing.
#[cfg(feature = "dhat-compat")]
pub(crate) fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: the handler lives as long as the program.
    unsafe { libc::atexit(handler) == 0 }
}

/// There are no forks.
pub(crate) fn at_fork(
    _before: unsafe extern "C" fn(),
    _parent: unsafe extern "C" fn(),
    _child: unsafe extern "C" fn(),
) -> bool {
    true
}

/// The number of the last error: the program may read it after its own call.
#[derive(Debug)]
pub(crate) struct KeepErrno(u32);

impl KeepErrno {
    /// Keeps it until the end of the value.
    pub(crate) fn new() -> Self {
        // SAFETY: no preconditions.
        KeepErrno(unsafe { GetLastError() })
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        // SAFETY: no preconditions.
        unsafe { SetLastError(self.0) };
    }
}

/// True if `text` is somewhere in `bytes`, whichever way its slashes lean.
#[cfg(feature = "dhat-compat")]
pub(crate) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let is_same = |(one, other): (&u8, &u8)| one == other || (*one == b'\\' && *other == b'/');
    let begins = |at: &[u8]| at.iter().zip(text).all(is_same);
    bytes.windows(text.len()).any(begins)
}
