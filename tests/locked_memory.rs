//! `mlockall` in a program with the crate locks the program's memory, and not the recording.

use mod_alloc::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// MiB that may be resident besides: the used part of the recording, and the test program itself.
/// The room of the recording is more than five times as much.
const ALLOWED: u64 = 160;

/// The number of a line of `/proc/self/status`, in MiB.
fn mib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known line");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap() >> 10
}

#[test]
fn the_programs_memory_is_locked_and_the_recording_is_not() {
    let kept = vec![1_u8; 24 << 20];
    assert!(mib("VmSize:") > 500, "the recording's room is what this test is about");
    // SAFETY: the call takes any number.
    let result = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
    let error = std::io::Error::last_os_error();
    assert!(mib("VmRSS:") < 24 + ALLOWED, "{} MiB", mib("VmRSS:"));
    // A user who may not lock so much is told so as ever.
    let is_refused = result != 0 && error.raw_os_error() == Some(libc::ENOMEM);
    assert!(result == 0 || is_refused, "{error}");
    if result == 0 {
        let locked = mib("VmLck:");
        assert!((24..24 + ALLOWED).contains(&locked), "{locked} MiB");
        let more = vec![1_u8; 48 << 20];
        assert!(mib("VmLck:") >= locked + 48, "later memory is locked, too");
        drop(more);
    }
    drop(kept);
}
