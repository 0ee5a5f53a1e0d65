//! The clock that this process and the one that waits for it share.

use std::mem::MaybeUninit;

/// `CLOCK_MONOTONIC` in nanoseconds. [`std::time::Instant`] reads the same
/// clock but does not say what it read.
pub fn monotonic_nanos() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is to writable memory of the right type.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr()) };
    assert_eq!(status, 0, "every Linux has a monotonic clock");
    // SAFETY: the call succeeded, so it filled the value in.
    let time = unsafe { time.assume_init() };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
