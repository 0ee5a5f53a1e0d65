//! Mappings that a program makes itself, by call site: `mmap` and its kin.
//!
//! Entry 0 has the sums, and each other entry a call site. `at_peak` is of the moment at which all
//! of them together had the most bytes; it is written when they have fewer again. While they have
//! the most, what is mapped now is that.

use crate::base::sync::AtomicU32;
use crate::base::sync::word::Word;

/// See the module's description.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    /// The innermost frame of the call's stack.
    pub(crate) frame: AtomicU32,
    /// The code of a [`Kind`](crate::store::kinds::Kind).
    pub(crate) kind: AtomicU32,
    /// Calls that mapped memory.
    pub(crate) calls: Word,
    /// Bytes that they mapped.
    pub(crate) total: Word,
    /// Bytes of those that are still mapped.
    pub(crate) now: Word,
    /// Bytes mapped when the sum was largest; of entry 0 the largest sum.
    pub(crate) at_peak: Word,
    /// Of entry 0: when the sum was largest, in clock units.
    pub(crate) peak_time: Word,
}

const _: () = assert!(size_of::<Entry>() == 64);

/// The most entries.
pub(crate) const MOST_ENTRIES: usize = 4096;
