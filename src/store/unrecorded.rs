//! Programs that followed this one and are not recorded: executed in its place, or in a process
//! that it started.
//!
//! The words are in the recording of the process that executed them: it can always write there,
//! whatever user it has become and whatever files it sees.

#[cfg(feature = "backtraces")]
use crate::base::sync::Ordering;
use crate::base::sync::{AtomicU32, AtomicU64};
#[cfg(feature = "backtraces")]
use crate::store::layout::store_bytes;

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

/// Why a program is not recorded.
#[cfg(feature = "backtraces")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u32)]
pub enum Why {
    /// It was not asked for.
    NotAsked = 1,
    /// It is for another C library.
    OtherLibrary,
    /// It is statically linked.
    Static,
    /// It gains rights when it is executed.
    GainsRights,
    /// It is for another processor, or for its 32-bit mode.
    OtherMachine,
    /// The process cannot open the library that records.
    NoLibrary,
    /// The process cannot make a file where recordings are.
    NoPlace,
    /// Its environment lacks what the recording needs.
    Cleared,
    /// A child that goes on after the program has ended. Not in recordings: the program's parent
    /// sees it.
    GoesOn,
    /// A reason that is not known here.
    Unknown,
}

#[cfg(feature = "backtraces")]
impl Why {
    const ALL: [Why; 8] = [
        Why::NotAsked,
        Why::OtherLibrary,
        Why::Static,
        Why::GainsRights,
        Why::OtherMachine,
        Why::NoLibrary,
        Why::NoPlace,
        Why::Cleared,
    ];

    pub(crate) fn of_number(number: u32) -> Self {
        Self::ALL.into_iter().find(|why| *why as u32 == number).unwrap_or(Why::Unknown)
    }
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
