//! Linux, as far as only a recording with stacks needs it: copies of memory, stacks' bounds, texts
//! of the kernel.

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

#[cfg(target_arch = "aarch64")]
use super::KeepErrno;
use super::{is_sealed, nanos_of, page_size, process_id};

/// Zeroes the whole pages in a part of a mapping of [`reserve`](super::reserve) by giving their
/// memory back; the address range stays. Parts of pages stay as they are, and so does the whole
/// range if the kernel refuses.
///
/// # Safety
///
/// The range must lie in such a mapping and hold atomics alone, whose users accept zero instead.
pub(crate) unsafe fn discard(memory: NonNull<u8>, len: usize) {
    let start = memory.addr().get();
    let whole = page_size().inside(&(start..start + len));
    if whole.is_empty() || is_sealed() {
        return;
    }
    // SAFETY: the whole pages lie in the range, which is one mapping's.
    let first = unsafe { memory.add(whole.start - start) };
    // SAFETY: no more than the caller's range: what the kernel rounds up is whole already.
    unsafe { libc::madvise(first.as_ptr().cast(), whole.len(), libc::MADV_DONTNEED) };
}

/// Bytes of address space that the process may have; `None`: as many as there are.
pub(crate) fn address_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// The address at which the executable begins to run.
pub(crate) fn program_entry() -> u64 {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_ENTRY) }
}

/// First address and one past the last of the calling thread's stack.
///
/// glibc's own allocations here do not come to the hook; the caller holds the guard all the same.
pub(crate) fn stack_bounds() -> Option<(u64, u64)> {
    if cfg!(miri) || is_sealed() {
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

/// Reads the beginning of a file; returns the number of bytes.
pub(crate) fn read_file(path: &CStr, buffer: &mut [u8]) -> usize {
    if is_sealed() {
        return 0;
    }
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

/// True if `text` is somewhere in `bytes`. The C library's search is fast whatever this crate is
/// compiled with.
#[cfg(feature = "dhat-compat")]
pub(crate) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let (all, part) = (bytes.as_ptr().cast(), text.as_ptr().cast());
    // SAFETY: both slices are valid for reads of their lengths.
    !unsafe { libc::memmem(all, bytes.len(), part, text.len()) }.is_null()
}

/// The target of a symbolic link, as far as it fits; returns its length.
pub(crate) fn read_link(path: &CStr, buffer: &mut [u8]) -> usize {
    if is_sealed() {
        return 0;
    }
    // SAFETY: `path` ends with a zero byte; the buffer is valid for its length.
    let len = unsafe { libc::readlink(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(len).unwrap_or(0)
}

/// Copies this process's memory from `address` as far as it is mapped; returns the number of bytes.
pub(crate) fn copy_memory(address: u64, buffer: &mut [u64]) -> usize {
    if is_sealed() {
        return 0;
    }
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

/// True if the number at an address is that one; `false`, too, if nothing is mapped there. The
/// kernel compares, by a wait that has no time left: to read there could end the process.
#[cfg(target_arch = "aarch64")]
pub(crate) fn holds_number(address: u64, number: u32) -> bool {
    if is_sealed() || address & 3 != 0 {
        return false;
    }
    let _errno = KeepErrno::new();
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let how = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the kernel checks the address, and reads the time.
    let result =
        unsafe { libc::syscall(libc::SYS_futex, address, how, number, &raw const at_once) };
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    result == -1 && unsafe { *errno } == libc::ETIMEDOUT
}

/// Nanoseconds that the calling thread has had of a processor.
pub(crate) fn thread_nanos() -> u64 {
    if is_sealed() {
        return 0;
    }
    nanos_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The functions that end the process, and a thread.
#[cfg(target_env = "musl")]
pub(crate) fn ends_of_threads() -> [u64; 2] {
    [libc::exit as *const () as u64, libc::pthread_exit as *const () as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::os::{release, reserve};
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
    #[cfg(target_arch = "aarch64")]
    fn a_number_is_compared_wherever_it_is() {
        let number = 0xd280_1168_u32;
        let at = (&raw const number).expose_provenance() as u64;
        assert!(holds_number(at, number));
        assert!(!holds_number(at, number + 1) && !holds_number(at + 1, number));
        assert!(!holds_number(0x1000, number), "nothing is mapped there");
    }

    #[test]
    #[cfg_attr(target_arch = "aarch64", ignore = "qemu's emulation lacks process_vm_readv")]
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
