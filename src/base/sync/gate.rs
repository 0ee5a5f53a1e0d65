//! A gate that many may pass at once and one may close.
//!
//! Threads that add a frame to the table pass the gate; the thread that moves the slots to a
//! larger array closes it, so that no insertion goes to the old array unseen. Lookups do not
//! pass the gate at all.
//!
//! The word: bit 31 is "closed", the rest counts those inside. Zeroed memory is an open gate.

use crate::base::sync::{AtomicU32, Ordering, wait_turn};

const CLOSED: u32 = 1 << 31;

/// See the module's description.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Gate(AtomicU32);

/// Proof that a thread is inside; leaves when dropped.
#[derive(Debug)]
pub(crate) struct Passing<'a>(&'a Gate);

/// Proof that the gate is closed and no thread is inside; opens when dropped.
#[derive(Debug)]
pub(crate) struct Closed<'a>(&'a Gate);

impl Gate {
    /// Waits until the gate is open and goes in.
    pub(crate) fn pass(&self) -> Passing<'_> {
        let mut turn = 0;
        loop {
            // Acquire pairs with the Release in `Closed::drop`: the new array is seen.
            if self.0.fetch_add(1, Ordering::Acquire) & CLOSED == 0 {
                return Passing(self);
            }
            self.0.fetch_sub(1, Ordering::Relaxed);
            // Waiting changes no count: otherwise waiting threads could keep `close` from ever
            // seeing the gate empty.
            while self.0.load(Ordering::Relaxed) & CLOSED != 0 {
                wait_turn(&mut turn);
            }
        }
    }

    /// Closes the gate and waits until all have left; `None` when another closes it already.
    pub(crate) fn close(&self) -> Option<Closed<'_>> {
        if self.0.fetch_or(CLOSED, Ordering::Relaxed) & CLOSED != 0 {
            return None;
        }
        let mut turn = 0;
        // Acquire pairs with the Release in `Passing::drop`: what was inserted is seen.
        while self.0.load(Ordering::Acquire) != CLOSED {
            wait_turn(&mut turn);
        }
        Some(Closed(self))
    }

    /// Opens a gate whose [`Closed`] was forgotten.
    pub(crate) fn open(&self) {
        drop(Closed(self));
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Release); // pairs with the Acquire in `close`
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        // Release pairs with the Acquire in `pass`. Threads that came in vain may still be counted
        // for a moment, so only the bit is taken away.
        self.0.0.fetch_and(!CLOSED, Ordering::Release);
    }
}
