//! Unix: threads and ends by the POSIX functions of the C library.

use core::ffi::c_void;

use super::Destructor;

/// A number of this thread, that no other living thread has.
pub(crate) fn thread_key() -> usize {
    // SAFETY: no preconditions.
    let thread = unsafe { libc::pthread_self() };
    thread as usize
}

/// The system's number of this thread, where it has one of 32 bits.
pub(crate) fn thread_id() -> u32 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: no preconditions.
    return unsafe { libc::syscall(libc::SYS_gettid) } as u32;
    #[cfg(target_vendor = "apple")]
    {
        let mut id = 0;
        // SAFETY: 0 is the calling thread, and the out-pointer is valid.
        unsafe { libc::pthread_threadid_np(0, &raw mut id) };
        return id as u32;
    }
    #[cfg(target_os = "freebsd")]
    // SAFETY: no preconditions.
    return unsafe { libc::pthread_getthreadid_np() } as u32;
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd"
    )))]
    return (thread_key() >> 4) as u32;
}

/// The first bytes of this thread's name; zeros where the system does not tell it.
pub(crate) fn thread_name() -> [u8; 16] {
    #[cfg(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd"))]
    {
        let mut name = [0_u8; 64];
        // SAFETY: no preconditions.
        let thread = unsafe { libc::pthread_self() };
        // SAFETY: the buffer has that many bytes.
        unsafe { libc::pthread_getname_np(thread, name.as_mut_ptr().cast(), name.len()) };
        let mut first = [0; 16];
        let text = name.iter().take_while(|byte| **byte != 0).take(15);
        first.iter_mut().zip(text).for_each(|(first, byte)| *first = *byte);
        first
    }
    #[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd")))]
    [0; 16]
}

/// A key whose destructor runs when a thread that has set it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadEnd(libc::pthread_key_t);

impl ThreadEnd {
    /// `None` when the process has no key left.
    pub(crate) fn new(destructor: Destructor) -> Option<Self> {
        let mut key = 0;
        // SAFETY: the out-pointer is valid; the destructor lives as long as the program.
        let result = unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) };
        (result == 0).then_some(ThreadEnd(key))
    }

    /// Has the destructor called with `value` when this thread ends.
    pub(crate) fn set(self, value: *mut c_void) {
        // SAFETY: the key was made by `new`.
        unsafe { libc::pthread_setspecific(self.0, value) };
    }
}

/// The number of rounds in which the destructors of a thread's keys are called, while some key is
/// set anew.
pub(crate) const THREAD_END_ROUNDS: u32 = 4;

/// Has `handler` called when the process exits by `exit` or by returning from `main`.
#[cfg(feature = "dhat-compat")]
pub(crate) fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: the handler lives as long as the program.
    unsafe { libc::atexit(handler) == 0 }
}

/// Has `before` called before `fork`, `parent` and `child` after it.
pub(crate) fn at_fork(
    before: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> bool {
    // SAFETY: the handlers live as long as the program.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) == 0 }
}

/// The number of the last error: the program may read it after its own call.
#[derive(Debug)]
pub(crate) struct KeepErrno(i32);

impl KeepErrno {
    /// Keeps it until the end of the value.
    pub(crate) fn new() -> Self {
        KeepErrno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        // SAFETY: the C library gives this thread's word.
        let place = unsafe { libc::__errno_location() };
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        // SAFETY: the C library gives this thread's word.
        let place = unsafe { libc::__error() };
        #[cfg(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd"))]
        // SAFETY: a word of this thread.
        unsafe {
            *place = self.0;
        };
        #[cfg(not(any(target_os = "linux", target_vendor = "apple", target_os = "freebsd")))]
        let _ = self.0;
    }
}

/// True if `text` is somewhere in `bytes`. The C library's search is fast whatever this crate is
/// compiled with.
#[cfg(feature = "dhat-compat")]
pub(crate) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let (all, part) = (bytes.as_ptr().cast(), text.as_ptr().cast());
    // SAFETY: both slices are valid for reads of their lengths.
    !unsafe { libc::memmem(all, bytes.len(), part, text.len()) }.is_null()
}
