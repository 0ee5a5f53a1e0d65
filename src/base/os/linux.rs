//! Linux, through libc, as far as every build needs it.

use core::ffi::{CStr, c_int, c_void};
use core::ptr::NonNull;

use super::is_sealed;

/// Zeroed, page-aligned memory that is backed by pages only where it is touched; `None` if the
/// address space or a limit is exhausted.
pub(crate) fn reserve(len: usize) -> Option<NonNull<u8>> {
    if cfg!(miri) {
        // It knows no memory that is reserved.
        let layout = core::alloc::Layout::from_size_align(len, 4096).ok()?;
        // SAFETY: no caller asks for nothing.
        return NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) });
    }
    if is_sealed() {
        return None;
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of
    // ours.
    let memory = unsafe {
        map_memory(core::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1)
    };
    if memory == libc::MAP_FAILED {
        return None;
    }
    // Huge pages would back a megabyte where a few bytes are touched.
    // SAFETY: the range is the mapping just made; the advice changes no contents.
    unsafe { libc::madvise(memory, len, libc::MADV_NOHUGEPAGE) };
    // After `mlockall` with `MCL_FUTURE` it is locked; none of the profiler's is to be.
    // SAFETY: as above: unlocking changes no contents.
    unsafe { libc::munlock(memory, len) };
    NonNull::new(memory.cast())
}

/// `mmap`. In the preload library by its number: the function of that name is its own, and records
/// what programs map.
///
/// # Safety
///
/// As on Linux.
pub(super) unsafe fn map_memory(
    address: *mut c_void,
    len: usize,
    rights: c_int,
    flags: c_int,
    file: c_int,
) -> *mut c_void {
    #[cfg(feature = "preload")]
    {
        // SAFETY: the caller's contract.
        let memory =
            unsafe { libc::syscall(libc::SYS_mmap, address, len, rights, flags, file, 0_usize) };
        core::ptr::with_exposed_provenance_mut(memory as usize)
    }
    // SAFETY: the caller's contract.
    #[cfg(not(feature = "preload"))]
    unsafe {
        libc::mmap(address, len, rights, flags, file, 0)
    }
}

/// Gives part of a mapping of [`reserve`] back.
///
/// # Safety
///
/// The range must consist of whole pages of such a mapping that are no longer used.
#[cfg(any(feature = "backtraces", feature = "mimalloc"))]
pub(crate) unsafe fn release(memory: NonNull<u8>, len: usize) {
    if cfg!(miri) {
        return; // a part of what was reserved cannot be given back there
    }
    #[cfg(feature = "preload")]
    // SAFETY: the caller vouches for the range.
    unsafe {
        libc::syscall(libc::SYS_munmap, memory.as_ptr(), len)
    };
    #[cfg(not(feature = "preload"))]
    // SAFETY: the caller vouches for the range.
    unsafe {
        libc::munmap(memory.as_ptr().cast(), len)
    };
}

/// Gives the processor to another thread, if one waits for it.
pub(crate) fn yield_now() {
    if is_sealed() {
        return core::hint::spin_loop();
    }
    // SAFETY: no preconditions.
    unsafe { libc::sched_yield() };
}

/// The process's id.
pub(crate) fn process_id() -> u32 {
    #[cfg(feature = "preload")]
    if let Some(process) = super::sandbox::sealed_process() {
        return process;
    }
    // SAFETY: no preconditions.
    unsafe { libc::getpid() }.cast_unsigned()
}

/// The calling thread's kernel id.
pub(crate) fn thread_id() -> u32 {
    if is_sealed() {
        // A slot without an id is none.
        return process_id();
    }
    // SAFETY: no preconditions; the call takes no arguments.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    u32::try_from(id).unwrap_or(0)
}

/// The calling thread's name as the kernel keeps it: at most 15 bytes and zeros.
pub(crate) fn thread_name() -> [u8; 16] {
    let mut name = [0_u8; 16];
    if is_sealed() {
        return name;
    }
    // SAFETY: PR_GET_NAME writes at most 16 bytes to the buffer given.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// The value of an environment variable.
///
/// The result lies in the environment block; a program that changes its environment in
/// another thread at the same time races with every reader, so this is called before `main` only.
pub(crate) fn environment(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: `name` ends with a zero byte.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: getenv gives null or a string that ends with a zero byte.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

/// Writes all of `bytes` to standard error; drops bytes that cannot be written.
pub(crate) fn write_stderr(mut bytes: &[u8]) {
    if is_sealed() || !stderr_has_room(bytes.len()) {
        return;
    }
    while !bytes.is_empty() {
        // SAFETY: the buffer is valid for its length.
        let written =
            unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(n) if n > 0 => bytes = bytes.get(n..).unwrap_or(&[]),
            _ if interrupted() => {}
            _ => return,
        }
    }
}

/// Writes the pieces to standard error, with one system call; drops bytes that cannot be written.
/// Takes little stack.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
pub(crate) fn write_stderr_together(pieces: &[&[u8]; 4]) {
    if is_sealed() || !stderr_has_room(pieces.iter().map(|piece| piece.len()).sum()) {
        return;
    }
    let vector = pieces.map(|piece| libc::iovec {
        iov_base: piece.as_ptr().cast_mut().cast(),
        iov_len: piece.len(),
    });
    // SAFETY: each piece is valid for its length, and is only read.
    unsafe { libc::writev(libc::STDERR_FILENO, vector.as_ptr(), 4) };
}

/// True if that many bytes may be written to standard error: a write beyond `RLIMIT_FSIZE` gets a
/// signal that ends the program.
fn stderr_has_room(len: usize) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if result != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
        return true;
    }
    let mut status = core::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::fstat(libc::STDERR_FILENO, status.as_mut_ptr()) };
    // SAFETY: zeroed above; all bit patterns are valid.
    let status = unsafe { status.assume_init() };
    let is_file = result == 0 && status.st_mode & libc::S_IFMT == libc::S_IFREG;
    !is_file || status.st_size.cast_unsigned().saturating_add(len as u64) <= limit.rlim_cur
}

/// Reads a file part by part until `take` is satisfied. For the middle of the program's work: no
/// other thread's cancellation takes effect here, and errno stays as it is.
pub(crate) fn read_quietly<R>(path: &CStr, mut take: impl FnMut(&[u8]) -> Option<R>) -> Option<R> {
    if is_sealed() {
        return None;
    }
    let _errno = KeepErrno::new();
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: `path` ends with a zero byte.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0) };
    if file < 0 {
        return None;
    }
    let mut part = [0_u8; 256];
    let mut found = None;
    while found.is_none() {
        // SAFETY: the buffer is valid for its length.
        let len = unsafe { libc::syscall(libc::SYS_read, file, part.as_mut_ptr(), part.len()) };
        let Some(read) = usize::try_from(len).ok().and_then(|len| part.get(..len)) else { break };
        if read.is_empty() {
            break;
        }
        found = take(read);
    }
    // SAFETY: opened above.
    unsafe { libc::syscall(libc::SYS_close, file) };
    found
}

fn interrupted() -> bool {
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno == libc::EINTR }
}

/// Saves errno and puts it back when dropped: the hook must not change it.
#[derive(Debug)]
pub(crate) struct KeepErrno(c_int);

impl KeepErrno {
    pub(crate) fn new() -> Self {
        // SAFETY: gives the address of the thread's errno, which is always valid.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: see above.
        KeepErrno(unsafe { *errno })
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        // SAFETY: gives the address of the thread's errno, which is always valid.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: see above.
        unsafe { *errno = self.0 };
    }
}

const MEMBARRIER_PRIVATE_EXPEDITED: c_int = 1 << 3;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;

/// Makes [`barrier_in_all_threads`] possible; `false` if the kernel does not offer it.
pub(crate) fn register_barrier() -> bool {
    let command = MEMBARRIER_REGISTER_PRIVATE_EXPEDITED;
    !cfg!(miri)
        // SAFETY: membarrier takes three integers and touches no memory of ours.
        && unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } == 0
}

/// A full memory barrier in every running thread of the process.
pub(crate) fn barrier_in_all_threads() -> bool {
    !is_sealed() && barrier()
}

/// The barrier, whatever the process allows itself.
pub(super) fn barrier() -> bool {
    // SAFETY: membarrier takes three integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// A key whose destructor runs when a thread that has set it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThreadEnd(libc::pthread_key_t);

impl ThreadEnd {
    /// `None` when the process has no key left.
    pub(crate) fn new(destructor: unsafe extern "C" fn(*mut c_void)) -> Option<Self> {
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

/// Nanoseconds of the monotonic clock.
pub(crate) fn monotonic_nanos() -> u64 {
    nanos_of(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds that a clock says.
pub(super) fn nanos_of(clock: libc::clockid_t) -> u64 {
    if let Some(stopped) = super::clock::stopped() {
        return stopped;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the out-pointer is valid.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}
