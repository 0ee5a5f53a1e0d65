//! Atomics and the lock that is held below the allocator: the part of `base/sync` that needs no
//! more.

#[path = "../base/sync/bytes.rs"]
pub(crate) mod bytes;
#[path = "../base/sync/cell.rs"]
mod cell;
#[path = "../base/sync/once.rs"]
pub(crate) mod once;
#[path = "../base/sync/spin_lock.rs"]
pub(crate) mod spin_lock;

pub(crate) use cell::UnsafeCell;
#[cfg(feature = "groups")]
pub(crate) use core::sync::atomic::AtomicPtr;
pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

impl spin_lock::SpinLock {
    /// An open lock.
    pub(crate) const fn new() -> Self {
        spin_lock::SpinLock(AtomicU32::new(0))
    }
}

/// One turn of a waiting loop: a pause at first, the processor given away later.
pub(crate) fn wait_turn(turn: &mut u32) {
    *turn = turn.wrapping_add(1);
    if turn.is_multiple_of(64) {
        crate::base::os::yield_now();
    } else {
        core::hint::spin_loop();
    }
}
