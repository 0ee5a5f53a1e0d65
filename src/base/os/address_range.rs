//! A range of addresses of which a beginning has memory.

use core::ptr::NonNull;

use super::linux::map_memory;

/// A range of addresses that nothing else takes, and that has no memory yet; `None` if there are
/// not as many.
///
/// The kernel counts no memory for it: with `vm.overcommit_memory=2` it counts what is
/// [made usable](make_usable).
pub(crate) fn reserve_addresses(len: usize) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of
    // ours.
    let memory = unsafe { map_memory(core::ptr::null_mut(), len, libc::PROT_NONE, flags, -1) };
    if memory == libc::MAP_FAILED {
        return None;
    }
    // After `mlockall` the kernel would make all of it resident. Unlocking changes no contents.
    // SAFETY: the range is the mapping just made.
    unsafe { libc::munlock(memory, len) };
    NonNull::new(memory.cast())
}

/// Makes part of such a range memory, zeroed; `false` if there is none.
///
/// # Safety
///
/// The part must consist of whole pages of such a range.
pub(crate) unsafe fn make_usable(memory: NonNull<u8>, len: usize) -> bool {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the caller's promise; nothing uses a range that has no rights.
    unsafe { libc::mprotect(memory.as_ptr().cast(), len, rights) == 0 }
}

/// Gives the memory of part of such a range back to the kernel: it is zeroed when it is used again.
///
/// # Safety
///
/// The part must consist of whole pages of such a range, and hold nothing that is used.
pub(crate) unsafe fn empty(memory: NonNull<u8>, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::madvise(memory.as_ptr().cast(), len, libc::MADV_DONTNEED) };
}
