//! `mlockall` for a program that is recorded: all of its memory is locked, and none of the
//! recording.
//!
//! A recording's mappings have room for all that may ever be recorded, most of it never touched.
//! The kernel would make all of them resident, and would hold them against `RLIMIT_MEMLOCK`. It has
//! no call that leaves a mapping out. So this file marks all mappings first, without making them
//! resident, unmarks ours, and then locks each of the others.

use core::ffi::c_int;
use core::ops::Range;

use super::files::File;
use super::maps::{MAPS, each_mapping};
use super::resident::address_space;

/// Does what `mlockall(flags)` does, for all memory but `ours`. `next` locks all. The result and
/// errno are those of `mlockall`.
pub(crate) fn lock_all_but(
    ours: &[Range<usize>],
    flags: c_int,
    next: impl Fn(c_int) -> c_int,
) -> c_int {
    // Later mappings of ours are small.
    if flags & libc::MCL_CURRENT == 0 {
        return next(flags);
    }
    let result = next(flags | libc::MCL_ONFAULT);
    if result == 0 {
        for range in ours.iter().filter(|range| !range.is_empty()) {
            // SAFETY: the caller's range is mapped. Unlocking changes no contents.
            unsafe { libc::munlock(core::ptr::without_provenance(range.start), range.len()) };
        }
    } else if !fits_without(ours) {
        return result;
    }
    let on_fault = flags & libc::MCL_ONFAULT != 0;
    if result != 0 || !on_fault {
        lock_each_but(ours, on_fault);
    }
    // Later mappings were marked with another flag above, or not at all.
    if flags & libc::MCL_FUTURE == 0 { 0 } else { next(flags & !libc::MCL_CURRENT) }
}

/// The call of the system that the C library's `mlockall` makes.
#[cfg(not(feature = "preload"))]
pub(crate) fn lock_all(flags: c_int) -> c_int {
    // SAFETY: the call takes any number, and touches no memory of ours.
    let result = unsafe { libc::syscall(libc::SYS_mlockall, libc::c_long::from(flags)) };
    result as c_int
}

/// True if the kernel refused because of our mappings alone: it compares all address space with the
/// limit.
fn fits_without(ours: &[Range<usize>]) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    let Some(all) = address_space().filter(|_| result == 0) else { return false };
    let ours: usize = ours.iter().map(ExactSizeIterator::len).sum();
    all.saturating_sub(ours as u64) <= limit.rlim_cur
}

/// Locks each mapping that is not in `ours`, as far as that is possible: `mlockall` passes over
/// mappings that cannot be made resident, too.
fn lock_each_but(ours: &[Range<usize>], on_fault: bool) {
    let Ok(maps) = File::open(MAPS) else { return };
    let flags = if on_fault { libc::MLOCK_ONFAULT } else { 0 };
    each_mapping(&maps, |start, end| {
        let (start, len) = (start as usize, end.saturating_sub(start) as usize);
        if !ours.iter().any(|range| range.contains(&start)) {
            let address = core::ptr::without_provenance::<libc::c_void>(start);
            // SAFETY: locking changes no contents; a range that is gone is an error.
            unsafe { libc::mlock2(address, len, flags as _) };
        }
    });
}
