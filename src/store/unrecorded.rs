//! Programs that followed this one and are not recorded: executed in its place, or in a process
//! that it started.
//!
//! The words are in the recording of the process that executed them: it can always write there,
//! whatever user it has become and whatever files it sees.

#[cfg(feature = "backtraces")]
use crate::base::sync::Ordering;
#[cfg(feature = "backtraces")]
use crate::base::sync::bytes::store_bytes;
use crate::base::sync::{AtomicU32, AtomicU64};
#[cfg(feature = "backtraces")]
use crate::store::kinds::Why;

/// Bytes that are kept of a program's name.
const NAME_SIZE: usize = 24;

/// See the module's description. Since version 3; zero before.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Unrecorded {
    pub(crate) count: AtomicU32,
    /// `Why` the latest of them is not recorded.
    pub(crate) why: AtomicU32,
    /// The first bytes of its file's name. Zeros: a forked child, which is the same program.
    pub(crate) name: [AtomicU64; NAME_SIZE / 8],
}

#[cfg(feature = "backtraces")]
impl Unrecorded {
    /// Counts a program.
    pub(crate) fn note(&self, why: Why, name: &[u8]) {
        self.name.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        store_bytes(&self.name, name.get(..NAME_SIZE).unwrap_or(name));
        self.why.store(why as u32, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The program that was counted could not be executed.
    #[cfg(feature = "preload")]
    pub(crate) fn take_back(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
