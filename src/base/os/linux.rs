//! Linux, through libc. The only file of the hot side, with its siblings in this folder,
//! that calls libc.
//!
//! | group | functions |
//! |---|---|
//! | memory | [`reserve`], `release`, `discard` |
//! | the process and its threads | [`process_id`], [`thread_id`], [`thread_name`], `stack_bounds` |
//! | time | [`monotonic_nanos`], `thread_nanos` |
//! | text | [`environment`], [`write_stderr`], `read_file`, [`read_quietly`] |
//! | other threads | [`barrier_in_all_threads`], `copy_memory` |
//! | ends | [`ThreadEnd`], [`at_exit`] |
//!
//! Functions for the middle of an event leave errno as it is, or their callers keep it
//! ([`KeepErrno`]): the program may read it after its own call of an allocation function.

use core::ffi::{CStr, c_int, c_void};
use core::ptr::NonNull;

#[cfg(feature = "backtraces")]
use super::page_size;

/// Zeroed, page-aligned memory that is backed by pages only where it is touched; `None` if the
/// address space or a limit is exhausted.
pub(crate) fn reserve(len: usize) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of
    // ours.
    let memory = unsafe {
        libc::mmap(core::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if memory == libc::MAP_FAILED {
        return None;
    }
    // Huge pages would back a megabyte where a few bytes are touched.
    // SAFETY: the range is the mapping just made; the advice changes no contents.
    unsafe { libc::madvise(memory, len, libc::MADV_NOHUGEPAGE) };
    NonNull::new(memory.cast())
}

/// Gives part of a mapping of [`reserve`] back.
///
/// # Safety
///
/// The range must consist of whole pages of such a mapping that are no longer used.
#[cfg(any(feature = "backtraces", feature = "mimalloc"))]
pub(crate) unsafe fn release(memory: NonNull<u8>, len: usize) {
    // SAFETY: the caller vouches for the range.
    unsafe { libc::munmap(memory.as_ptr().cast(), len) };
}

/// Zeroes the whole pages in a part of a mapping of [`reserve`] by giving their memory back; the
/// address range stays. Parts of pages stay as they are, and so does the whole range if the kernel
/// refuses.
///
/// # Safety
///
/// The range must lie in such a mapping and hold atomics alone, whose users accept zero instead.
#[cfg(feature = "backtraces")]
pub(crate) unsafe fn discard(memory: NonNull<u8>, len: usize) {
    let start = memory.addr().get();
    let whole = page_size().inside(&(start..start + len));
    if whole.is_empty() {
        return;
    }
    // SAFETY: the whole pages lie in the range, which is one mapping's.
    let first = unsafe { memory.add(whole.start - start) };
    // SAFETY: no more than the caller's range: what the kernel rounds up is whole already.
    unsafe { libc::madvise(first.as_ptr().cast(), whole.len(), libc::MADV_DONTNEED) };
}

/// The address at which the executable begins to run.
#[cfg(feature = "backtraces")]
pub(crate) fn program_entry() -> u64 {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_ENTRY) }
}

/// Gives the processor to another thread, if one waits for it.
pub(crate) fn yield_now() {
    // SAFETY: no preconditions.
    unsafe { libc::sched_yield() };
}

/// The process's id.
pub(crate) fn process_id() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::getpid() }.cast_unsigned()
}

/// The calling thread's kernel id.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: no preconditions; the call takes no arguments.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    u32::try_from(id).unwrap_or(0)
}

/// The calling thread's name as the kernel keeps it: at most 15 bytes and zeros.
pub(crate) fn thread_name() -> [u8; 16] {
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes at most 16 bytes to the buffer given.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// First address and one past the last of the calling thread's stack.
///
/// glibc's own allocations here do not come to the hook; the caller holds the guard all the same.
#[cfg(feature = "backtraces")]
pub(crate) fn stack_bounds() -> Option<(u64, u64)> {
    if cfg!(miri) {
        return None;
    }
    let mut attributes = core::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: no preconditions.
    let thread = unsafe { libc::pthread_self() };
    // SAFETY: the calling thread exists; on success the attributes are initialised.
    let result = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    let (mut start, mut len) = (core::ptr::null_mut::<c_void>(), 0_usize);
    // SAFETY: the attributes were initialised above; both out-pointers are valid.
    let result =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut len) };
    // SAFETY: initialised above and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    (result == 0).then(|| (start.addr() as u64, (start.addr() + len) as u64))
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
    if !stderr_has_room(bytes.len()) {
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

/// Reads the beginning of a file; returns the number of bytes.
#[cfg(feature = "backtraces")]
pub(crate) fn read_file(path: &CStr, buffer: &mut [u8]) -> usize {
    // SAFETY: `path` ends with a zero byte.
    let file = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return 0;
    }
    // SAFETY: the buffer is valid for its length.
    let read = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
    // SAFETY: opened above.
    unsafe { libc::close(file) };
    usize::try_from(read).unwrap_or(0)
}

/// Reads a file part by part until `take` is satisfied. For the middle of the program's work: no
/// other thread's cancellation takes effect here, and errno stays as it is.
pub(crate) fn read_quietly<R>(path: &CStr, mut take: impl FnMut(&[u8]) -> Option<R>) -> Option<R> {
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

/// Holds off signals in the calling thread until this is dropped.
#[derive(Debug)]
#[cfg(feature = "backtraces")]
pub(crate) struct SignalsHeld(libc::sigset_t);

#[cfg(feature = "backtraces")]
impl SignalsHeld {
    pub(crate) fn new() -> Option<Self> {
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

#[cfg(feature = "backtraces")]
impl Drop for SignalsHeld {
    fn drop(&mut self) {
        let before = &raw const self.0;
        // SAFETY: the mask that was there before.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, core::ptr::null_mut()) };
    }
}

/// The target of a symbolic link, as far as it fits; returns its length.
#[cfg(feature = "backtraces")]
pub(crate) fn read_link(path: &CStr, buffer: &mut [u8]) -> usize {
    // SAFETY: `path` ends with a zero byte; the buffer is valid for its length.
    let len = unsafe { libc::readlink(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(len).unwrap_or(0)
}

/// Copies this process's memory from `address` as far as it is mapped; returns the number of bytes.
#[cfg(feature = "backtraces")]
pub(crate) fn copy_memory(address: u64, buffer: &mut [u64]) -> usize {
    let end = address + size_of_val(buffer) as u64;
    // One piece a page: the kernel stops at the first piece that is not mapped whole.
    let mut pieces = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }; 16];
    let mut count = 0;
    let mut at = address;
    for piece in &mut pieces {
        if at >= end {
            break;
        }
        let next = page_size().next_start(at + 1).min(end);
        piece.iov_base = core::ptr::with_exposed_provenance_mut(at as usize);
        piece.iov_len = (next - at) as usize;
        count += 1;
        at = next;
    }
    let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: size_of_val(buffer) };
    let (local, remote) = (&raw const local, pieces.as_ptr());
    let own = process_id().cast_signed();
    // SAFETY: the kernel writes to the buffer only, and reads what is mapped only.
    let copied = unsafe { libc::process_vm_readv(own, local, 1, remote, count as u64, 0) };
    usize::try_from(copied).unwrap_or(0)
}

fn interrupted() -> bool {
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno == libc::EINTR }
}

/// Calls `work` with stack enough for a report: in this thread, or in a new one if this one's stack
/// is nearly used up. If no thread can be started, in this one all the same.
#[cfg(feature = "symbolicate")]
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
#[cfg(feature = "symbolicate")]
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
    let mut thread = 0;
    let argument = (&raw mut work).cast();
    // SAFETY: the attributes are initialised; the closure outlives the thread, which is joined.
    let result =
        unsafe { libc::pthread_create(&raw mut thread, attributes.as_ptr(), start, argument) };
    // SAFETY: initialised above and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    // SAFETY: the thread was created just now and is joined once.
    result == 0 && unsafe { libc::pthread_join(thread, core::ptr::null_mut()) == 0 }
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

#[cfg(feature = "counters")]
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

/// Nanoseconds that the calling thread has had of a processor.
#[cfg(feature = "backtraces")]
pub(crate) fn thread_nanos() -> u64 {
    nanos_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn nanos_of(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the out-pointer is valid.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(all(test, feature = "backtraces"))]
mod tests {
    use super::*;
    use crate::base::sync::{AtomicU64, Ordering};

    /// Words of a mapping of N pages, each with its index plus one.
    fn numbered(pages: usize) -> &'static [AtomicU64] {
        let len = pages * page_size().bytes();
        let memory = reserve(len).expect("a few pages").cast::<AtomicU64>();
        // SAFETY: zeroed memory of that size, never given back; atomics are valid when zeroed.
        let words = unsafe { core::slice::from_raw_parts(memory.as_ptr(), len / 8) };
        for (index, word) in words.iter().enumerate() {
            word.store(index as u64 + 1, Ordering::Relaxed);
        }
        words
    }

    /// The number of zero words after a range of bytes was discarded.
    fn zeroes(words: &'static [AtomicU64], bytes: core::ops::Range<usize>) -> usize {
        let part = &words[bytes.start / 8..bytes.end / 8];
        // SAFETY: atomics of a mapping of `reserve`, which nothing else looks at.
        unsafe { discard(NonNull::from(part).cast(), size_of_val(part)) };
        words.iter().filter(|word| word.load(Ordering::Relaxed) == 0).count()
    }

    #[test]
    #[cfg_attr(miri, ignore = "the kernel's answer is what is tested")]
    fn a_part_of_a_page_is_not_discarded() {
        let page = page_size().bytes();
        assert_eq!(zeroes(numbered(2), 0..page / 2), 0, "the first half");
        assert_eq!(zeroes(numbered(2), page / 2..page), 0, "the second half");
        assert_eq!(zeroes(numbered(3), page / 2..page * 5 / 2) * 8, page, "one between two halves");
        let words = numbered(3);
        assert_eq!(zeroes(words, page..2 * page) * 8, page);
        assert!(words[page / 8..2 * page / 8].iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    #[cfg_attr(miri, ignore = "there is no process_vm_readv")]
    fn memory_is_copied_as_far_as_it_is_mapped() {
        let words = numbered(3);
        let page = page_size().bytes();
        let last = NonNull::from(&words[2 * page / 8]).cast();
        // SAFETY: the last page of the mapping, which nothing looks at any more.
        unsafe { release(last, page) };
        let mut copy = std::vec![0; 3 * page / 8];
        let from = words.as_ptr().expose_provenance() + 16;
        assert_eq!(copy_memory(from as u64, &mut copy), 2 * page - 16);
        assert_eq!((copy[0], copy[2 * page / 8 - 3]), (3, 2 * page as u64 / 8));
    }
}
