//! Atomics and the locks that may be held below the allocator.
//!
//! `tests/loom.rs` compiles the protocol files ([`gate`], [`once`], [`spin_lock`], [`word`],
//! `store/slot.rs`, `store/frames.rs` and `store/peak.rs`) against a module of this name that gives
//! loom's atomics instead; so they name no atomics but through here.

pub(crate) mod amount;
pub(crate) mod bytes;
mod cell;
#[cfg(feature = "backtraces")]
pub(crate) mod gate;
pub(crate) mod once;
pub(crate) mod spin_lock;
pub(crate) mod word;

pub(crate) use cell::UnsafeCell;
#[cfg(feature = "backtraces")]
pub(crate) use core::sync::atomic::fence;
pub(crate) use core::sync::atomic::{
    AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence,
};

impl spin_lock::SpinLock {
    /// An open lock. Not beside the others, because loom's atomics cannot be made in a constant.
    pub(crate) const fn new() -> Self {
        spin_lock::SpinLock(AtomicU32::new(0))
    }
}

/// The value of a word that the calling thread alone stores to. No atomic load: those do not become
/// part of the instruction that compares.
///
/// # Safety
///
/// No other thread may store to `word`.
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) unsafe fn own(word: &AtomicU32) -> u32 {
    // SAFETY: no store at the same time, by the caller's promise.
    unsafe { *word.as_ptr() }
}

/// One turn of a waiting loop: a pause at first, the processor given away later.
///
/// Waiting never parks: a futex could be held by a thread that was killed, and parking
/// would take locks that the traced program holds.
#[inline]
pub(crate) fn wait_turn(turn: &mut u32) {
    *turn = turn.wrapping_add(1);
    if turn.is_multiple_of(64) {
        crate::base::os::yield_now();
    } else {
        core::hint::spin_loop();
    }
}
