//! A lock that lives below the allocator: never allocates, never parks, may lie in a mapping.

use crate::base::sync::{AtomicU32, Ordering, wait_turn};

/// Zeroed memory is an open lock.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct SpinLock(pub(super) AtomicU32);

/// Proof that the lock is held; opens it when dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a SpinLock);

impl SpinLock {
    /// Waits for the lock.
    #[inline]
    pub(crate) fn lock(&self) -> Held<'_> {
        let mut turn = 0;
        loop {
            if let Some(held) = self.try_lock() {
                return held;
            }
            wait_turn(&mut turn);
        }
    }

    /// Takes the lock if no thread has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Held<'_>> {
        // Acquire pairs with the Release in `Held::drop`: the last holder's writes are seen.
        self.0.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).ok().map(|_| Held(self))
    }

    /// Opens a lock whose [`Held`] was forgotten, or whose holder is not in this process.
    pub(crate) fn open(&self) {
        self.0.store(0, Ordering::Release); // pairs with the Acquire in `try_lock`
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Release); // pairs with the Acquire in `try_lock`
    }
}
