//! Programs with groups of allocations, for the test `groups`.
//!
//! One binary; the first argument names the program. The programs check themselves what they know; what
//! the report has to say they print. They allocate through an allocator of their own, which is strict.

mod fork;
mod guards;
#[path = "../rig.rs"]
#[expect(dead_code, reason = "other programs use all of it")]
mod rig;
mod spans;
mod strict;
mod tasks;
mod threads;
mod tracked;

use mod_alloc::ModAlloc;
use mod_alloc::groups::{GroupStats, group_stats};

#[global_allocator]
static ALLOC: ModAlloc<strict::Strict> = ModAlloc::with(strict::Strict);

/// A program's name and what it does.
type Program = (&'static str, fn());

fn main() {
    let name = std::env::args().nth(1).expect("the name of a program");
    let families = [
        guards::PROGRAMS,
        tasks::PROGRAMS,
        spans::PROGRAMS,
        threads::PROGRAMS,
        fork::PROGRAMS,
        tracked::PROGRAMS,
    ];
    let program = families.iter().copied().flatten().find(|(known, _)| *known == name);
    let (_, run) = program.unwrap_or_else(|| panic!("no program is called {name}"));
    run();
}

/// The numbers of the group with that name, of which there is one.
fn stats(name: &str) -> GroupStats {
    let mut found = group_stats().into_iter().filter(|group| group.name == name);
    let stats = found.next().unwrap_or_else(|| panic!("no group is called {name}"));
    assert_eq!(found.next(), None, "two groups are called {name}");
    stats
}

/// Total blocks and bytes, live blocks and bytes, and the peak's bytes of a group.
fn numbers(name: &str) -> [u64; 5] {
    let group = stats(name);
    [group.total_blocks, group.total_bytes, group.live_blocks, group.live_bytes, group.peak_bytes]
}

/// Prints what the report has to say of all groups.
fn say_all() {
    for group in group_stats() {
        let name = &group.name;
        rig::say(format_args!(
            "{} {} {} {} {} {name}",
            group.total_blocks,
            group.total_bytes,
            group.live_blocks,
            group.live_bytes,
            group.peak_bytes,
        ));
    }
}
