//! A profile of 10,000 call sites takes little memory, and leaves none behind.

#[expect(dead_code, reason = "other tests read more of profiles")]
#[path = "../tools/cli/tests/export_support/pprof.rs"]
mod profiles;

use std::fs;
use std::hint::black_box;

use mod_alloc::ModAlloc;
use mod_alloc::pprof::{Delta, Options};
use profiles::Profile;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// Each sequence of turns is a stack of its own.
#[inline(never)]
fn left(turns: u32, depth: u32, kept: &mut Vec<Vec<u8>>) {
    go_on(turns, depth, kept);
    black_box(());
}

#[inline(never)]
fn right(turns: u32, depth: u32, kept: &mut Vec<Vec<u8>>) {
    go_on(turns, depth, kept);
    black_box(());
}

#[inline(always)]
fn go_on(turns: u32, depth: u32, kept: &mut Vec<Vec<u8>>) {
    if depth == 0 {
        kept.push(vec![1]);
    } else if turns & 1 == 0 {
        left(turns >> 1, depth - 1, kept);
    } else {
        right(turns >> 1, depth - 1, kept);
    }
    // No tail calls: each call is a frame.
    black_box(());
}

/// A line of the process's status, in bytes.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let kib = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() << 10
}

/// The most resident memory counts from now on.
fn reset_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[test]
fn profiles_of_ten_thousand_sites_take_little_and_leave_nothing() {
    const SITES: u32 = 10_000;
    const MIB: u64 = 1 << 20;
    /// Bytes that other threads of the harness may have asked for meanwhile; a profile has many
    /// times as many.
    const OF_OTHERS: u64 = 16 << 10;
    let mut kept = Vec::with_capacity(SITES as usize);
    (0..SITES).for_each(|turns| left(turns, 14, &mut kept));
    let options = Options::new().symbols(false);
    // The profiler's code is read from its file meanwhile.
    let profile = Profile::decode(&options.heap());
    assert!(profile.sample.len() > SITES as usize, "{}", profile.sample.len());
    drop(profile);
    // The C library keeps what the first threads have asked it for.
    (0..3).for_each(|_| drop(black_box(options.heap())));
    let before = status("VmRSS");
    // The program's blocks stay as they are, so all that comes is the profiler's.
    let own = || mod_alloc::heap_state::glibc().unwrap().allocated.unwrap();
    status("VmHWM");
    let own_before = own();
    let deltas = Delta::new();
    for _ in 0..5 {
        reset_peak();
        drop(black_box(options.heap()));
        let (peak, after) = (status("VmHWM"), status("VmRSS"));
        assert!(peak <= before + 8 * MIB, "{} bytes more", peak - before);
        assert!(after <= before + MIB, "{} bytes stay", after - before);
        assert!(own() <= own_before + OF_OTHERS, "{} own bytes stay", own() - own_before);
    }
    drop(deltas.next(options));
    let of_deltas = own() - own_before;
    assert!(of_deltas <= 40 * u64::from(SITES) + OF_OTHERS, "{of_deltas}");
    (0..5).for_each(|_| drop(deltas.next(options)));
    assert!(own() <= own_before + of_deltas + OF_OTHERS, "{} own bytes", own() - own_before);
    drop(deltas);
    assert!(own() <= own_before + OF_OTHERS, "{} own bytes stay", own() - own_before);
    drop(kept);
}
