//! Words of a recording that one thread writes and anybody reads.
//!
//! Each is an atomic only so that a reader in another thread or process sees whole values;
//! the writer uses plain loads and stores (Relaxed compiles to them), never a locked
//! instruction. No ordering between words is promised: a reader may see an event half done.

use crate::sync::{AtomicI64, AtomicU64, Ordering};

/// An unsigned number with one writer.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Word(AtomicU64);

impl Word {
    #[inline(always)]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds, wrapping; returns the sum. Only the word's one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, value: u64) -> u64 {
        let sum = self.get().wrapping_add(value);
        self.set(sum);
        sum
    }

    /// Adds from any thread.
    pub(crate) fn add_shared(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }
}

/// A signed number with one writer.
#[derive(Debug, Default)]
#[repr(transparent)]
pub(crate) struct Signed(AtomicI64);

impl Signed {
    #[inline(always)]
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds, wrapping. Only the word's one writer may call this.
    #[inline(always)]
    pub(crate) fn add(&self, value: i64) {
        self.set(self.get().wrapping_add(value));
    }
}
