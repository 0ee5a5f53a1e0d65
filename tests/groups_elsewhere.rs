//! A program that groups its allocations and has another allocator than ours. In a process of its own: what
//! other tests do would begin a recording.

use mod_alloc::groups::{AllocationGroupId, AllocationGroupToken, Track, group_stats};
use mod_alloc::{AllocStats, ModAlloc, ProcessMeasuring, measure};

#[test]
fn where_another_allocator_is_in_use_nothing_is_begun() {
    let token = AllocationGroupToken::register("nobody");
    let guard = token.enter();
    assert_eq!((token.id(), token.name().as_str()), (AllocationGroupId::ROOT, ""));
    assert_eq!(AllocationGroupToken::current(), token);
    drop(Box::new(5).track_allocations(token));
    drop(guard);
    assert_eq!(group_stats(), []);
    let measuring = ProcessMeasuring::start();
    let nothing = AllocStats::default();
    assert_eq!((measuring.stop(), ModAlloc::new().snapshot()), (nothing, nothing));
    let refused = std::panic::catch_unwind(|| measure(|| ())).expect_err("nothing can be measured");
    let why = refused.downcast::<&str>().expect("it says why");
    assert!(why.ends_with("global allocator is not a mod_alloc::ModAlloc"), "{why}");
    // A recording is half a gigabyte of address space.
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').next().unwrap().parse().unwrap();
    assert!(pages * 4096 < 512 << 20, "{pages} pages");
}
