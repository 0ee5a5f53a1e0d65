//! jemalloc and mimalloc are linked, and the program uses neither.

use mod_alloc::heap_state;
use mod_alloc_test_allocators::{heap_with_gaps, say, say_ours};

#[global_allocator]
static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();

fn main() {
    let blocks = heap_with_gaps();
    // Both are really there.
    tikv_jemalloc_ctl::epoch::read().expect("jemalloc is linked");
    // SAFETY: no preconditions.
    let version = unsafe { libmimalloc_sys::mi_version() };
    say("version", &[u64::try_from(version).expect("positive")]);
    let unused = [heap_state::jemalloc(), heap_state::mimalloc()];
    say("in-use", &unused.map(|state| u64::from(state.is_some())));
    say_ours(heap_state::collect());
    drop(blocks);
}
