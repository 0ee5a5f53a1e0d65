//! The bounds of the calling thread's stack, asked of the kernel alone.
//!
//! The C library's function (`pthread_getattr_np`) holds a lock of the thread and allocates: a hook
//! that is called for that very allocation would wait for itself.

use super::files::File;
use super::maps::{MAPS, Mapping, each_line};

/// First address and one past the last of the stack that the caller runs on.
pub(crate) fn bounds_here() -> Option<(u64, u64)> {
    let here = 0_u64;
    bounds_around((&raw const here).addr() as u64)
}

/// First address and one past the last of the stack that holds `sp`.
fn bounds_around(sp: u64) -> Option<(u64, u64)> {
    let mapping = find(&File::open(MAPS).ok()?, sp)?;
    if mapping.is_main_stack {
        // It grows: as far as its limit allows, or the next mapping below.
        let lowest = mapping.end.saturating_sub(stack_limit());
        return Some((lowest.max(mapping.previous_end), mapping.end));
    }
    // The thread's descriptor lies at the top of the stack; memory beyond it may be another mapping
    // that the kernel has joined to this one. SAFETY: no preconditions.
    let descriptor = unsafe { libc::pthread_self() };
    let top = if (sp..mapping.end).contains(&descriptor) { descriptor } else { mapping.end };
    Some((mapping.start, top & !7))
}

/// The stack of the calling thread, which has just begun and was given a stack of `size` bytes: its
/// descriptor lies at the top.
pub(crate) fn bounds_of_new(size: usize) -> (u64, u64) {
    // SAFETY: no preconditions.
    let descriptor = unsafe { libc::pthread_self() };
    (descriptor.saturating_sub(size as u64), descriptor & !7)
}

/// The most bytes that the first thread's stack may grow to; 0 if unknown.
fn stack_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_STACK, &raw mut limit) };
    if result == 0 { limit.rlim_cur } else { 0 }
}

/// Reads the list until the mapping that holds `address`.
fn find(maps: &File, address: u64) -> Option<Mapping> {
    let mut found = None;
    each_line(maps, |line| {
        let holds = (line.start..line.end).contains(&address);
        found = holds.then_some(line);
        !holds
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there is no list of mappings")]
    fn this_threads_stack_is_where_the_c_library_says() {
        let check = || {
            let here = 0_u64;
            let sp = (&raw const here).addr() as u64;
            let (low, high) = bounds_around(sp).expect("mapped");
            let (expected_low, expected_high) = crate::base::os::stack_bounds().expect("a thread");
            assert!((low..high).contains(&sp));
            assert!(high <= expected_high && expected_high - high < 1 << 16, "{high:x}");
            assert!(low.abs_diff(expected_low) < 1 << 16, "{low:x} {expected_low:x}");
        };
        std::thread::spawn(check).join().expect("no panic");
    }
}
