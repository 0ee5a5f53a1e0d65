//! Allocators that a program has instead of glibc's: their functions and their answers stay, and their
//! blocks are recorded as glibc's are.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use traced::compared::wrapped_like_plain;
use traced::native;
use traced::program::Program;

/// The libraries of Debian's packages, by the names that the loader finds them by.
const ALLOCATORS: [&str; 3] =
    ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2.0"];

/// The program with that allocator preloaded.
fn with(allocator: &str, name: &str, case: &str) -> Program {
    let program = Program::new(native::program(name), &[case]);
    program.env("LD_PRELOAD", allocator).called(&format!("{name}-{case}-{allocator}"))
}

/// Some give a block of no bytes; all say what they say without us.
#[test]
fn realloc_to_nothing_means_what_the_allocator_says() {
    for allocator in ALLOCATORS {
        let program = with(allocator, "entry_points", "realloc-to-nothing");
        for program in [program.clone(), program.env("MOD_ALLOC_LIFETIMES", "on")] {
            let (ended, recorded) = wrapped_like_plain(&program);
            recorded.assert_nothing_lost();
            recorded.assert_counted(&ended.with_status(0).stdout);
        }
    }
}
