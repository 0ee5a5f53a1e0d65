//! The engine's `sync` module over loom's atomics: the same names, the same protocol files.

#[path = "../../src/base/sync/amount.rs"]
pub(crate) mod amount;
#[path = "../../src/base/sync/gate.rs"]
pub(crate) mod gate;
#[path = "../../src/base/sync/once.rs"]
pub(crate) mod once;
#[path = "../../src/base/sync/spin_lock.rs"]
pub(crate) mod spin_lock;
#[path = "../../src/base/sync/word.rs"]
pub(crate) mod word;

pub(crate) use loom::cell::UnsafeCell;
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// Turns of one waiting loop within which all orders are tried.
const TURNS: u32 = 3;

/// One turn of a waiting loop: others go first. A loop that goes on is let go on, but no more
/// orders are tried in that execution: there are ever more of them, for as long as the loop waits.
pub(crate) fn wait_turn(turn: &mut u32) {
    *turn = turn.wrapping_add(1);
    if *turn > TURNS {
        loom::skip_branch();
    }
    loom::thread::yield_now();
}
