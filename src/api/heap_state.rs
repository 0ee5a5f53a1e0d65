//! The heap's state: the memory that the allocator in use holds, and its fragmentation.
//!
//! Fragmentation is the memory that the allocator holds and the program does not use. A program can
//! ask for it at any time:
//!
//! ```
//! use mod_alloc::{ModAlloc, heap_state};
//!
//! #[global_allocator]
//! static ALLOC: ModAlloc = ModAlloc::new();
//!
//! fn main() {
//!     let numbers = vec![0_u8; 1 << 20];
//!     let requested = ALLOC.snapshot().current_bytes;
//!     if let Some(state) = heap_state::collect() {
//!         assert!(state.allocated.is_none_or(|allocated| allocated >= 1 << 20));
//!         println!("{} holds {:?} bytes", state.allocator.name(), state.held());
//!         println!("lost: {:?}", state.fragmentation(requested).overall);
//!     }
//!     drop(numbers);
//! }
//! ```
//!
//! Every report has the figures under `x_heap_state`, near the heap's peak and at the end; so have
//! the reports of `mod-alloc run`, and those of killed programs up to their peak. `mod-alloc
//! report` shows them in two lines:
//!
//! <!-- tested: heap lines -->
//! ```text
//!   heap before peak: requested 3.6 MiB, allocated 5.4 MiB, held by glibc 5.4 MiB: 33.9 %
//!     fragmentation; process 6.7 MiB
//!   heap at end: requested 544 B, allocated 6.4 KiB, held by glibc 3.2 MiB: 100.0 % fragmentation;
//!     process 6.1 MiB
//! ```
//!
//! glibc's allocator is known without more; jemalloc and mimalloc with the features of those names
//! (`ModAlloc::with(tikv_jemallocator::Jemalloc)`).
//!
//! # What the figures mean
//!
//! All figures are bytes, of the whole process and of the allocator as a whole. They include the
//! blocks of C libraries, the eight bytes that the profiler adds to each block, and the profiler's
//! own blocks. A figure that an allocator does not know is `None`.
//!
//! | | jemalloc | mimalloc | glibc |
//! |---|---|---|---|
//! | `allocated` | `stats.allocated` | `None` | `uordblks + hblkhd` |
//! | `active` | `stats.active` | `commit_current` | `None` |
//! | `resident` | `stats.resident` | `None` | `None` |
//! | `mapped` | `stats.mapped` | `reserved` | `arena + hblkhd` |
//! | `retained` | `stats.retained` | `reserved` less `commit_current` | `fordblks` |
//! | `arenas` | initialized ones of `arenas.narenas` | `arena_count` | heaps of `malloc_info` |
//!
//! **jemalloc** is read with `mallctl`, after `epoch` was advanced once. `allocated` are the
//! program's blocks, rounded up to their size classes. `active` are pages that hold some block.
//! `resident` are pages that may have memory behind them, jemalloc's own books included. `mapped`
//! are extents in use. `retained` is address space that is kept without memory behind it. jemalloc
//! is in use if it has blocks beside its own: `allocated` is more than the arenas' `internal`.
//!
//! **mimalloc** is read with `mi_process_info` and `mi_stats_get_json`. It is built without
//! counting its blocks, so `allocated` is `None`. `active` are pages that may be touched, in use or
//! kept for use. `mapped` is address space taken from the kernel. mimalloc is in use if a block
//! allocated for the question is one of its own (`mi_is_in_heap_region`).
//!
//! **glibc** is read with `mallinfo2` (glibc 2.33 and later) and `malloc_info`. `allocated` are
//! blocks with their headers, freed blocks that a thread keeps for itself (tcache), and blocks that
//! are mappings of their own. `mapped` is the memory taken from the kernel. `retained` are free
//! blocks in the arenas, those of the fast bins included; most have memory behind them. glibc's
//! allocator is in use if `allocated` or `mapped` is not 0.
//!
//! # What it costs
//!
//! glibc counts its free blocks one by one, and holds the lock of their arena meanwhile: 0.2 µs
//! with none, 2 ms with 50,000, 65 ms with 500,000 (in sixteen arenas as in one, per block). For
//! the number of its arenas, the time doubles. Other threads that need that arena wait. jemalloc
//! adds up its arenas' books under their locks, some tens of µs. mimalloc's figures are read
//! without any lock but that of the list of its heaps.

#[cfg(target_env = "gnu")]
use crate::engine::allocator::glibc;
#[cfg(feature = "jemalloc")]
use crate::engine::allocator::jemalloc;
#[cfg(feature = "mimalloc")]
use crate::engine::allocator::mimalloc;
pub use crate::engine::allocator::process::process;

/// An allocator whose figures can be read.
///
/// ```
/// use mod_alloc::heap_state::Allocator;
/// assert_eq!(Allocator::of_name("glibc"), Some(Allocator::Glibc));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Allocator {
    /// jemalloc, by way of `tikv-jemalloc-sys`.
    Jemalloc,
    /// mimalloc, by way of `libmimalloc-sys`.
    Mimalloc,
    /// The C library's own, where that is glibc.
    Glibc,
}

impl Allocator {
    /// Its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Allocator::Jemalloc => "jemalloc",
            Allocator::Mimalloc => "mimalloc",
            Allocator::Glibc => "glibc",
        }
    }

    /// The allocator that has this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Allocator::Jemalloc, Allocator::Mimalloc, Allocator::Glibc];
        all.into_iter().find(|allocator| allocator.name() == name)
    }
}

/// An allocator's figures at one moment, made by [`collect`]. [The
/// table](self#what-the-figures-mean) says where each figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeapState {
    /// Whose figures these are.
    pub allocator: Allocator,
    /// Bytes in blocks that the program has.
    pub allocated: Option<u64>,
    /// Bytes in pages that hold such blocks.
    pub active: Option<u64>,
    /// Bytes in pages that may have memory behind them.
    pub resident: Option<u64>,
    /// Bytes of address space in use.
    pub mapped: Option<u64>,
    /// Bytes kept for later.
    pub retained: Option<u64>,
    /// How many arenas there are.
    pub arenas: Option<u64>,
    /// The process's own figures, from the kernel.
    pub process: ProcessMemory,
}

/// The process's memory, by the kernel's account; see [`process`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProcessMemory {
    /// Bytes of memory that the process has now: code, stacks, files mapped and the profiler's own
    /// tables included (`/proc/self/statm`).
    pub resident: Option<u64>,
    /// The most that it ever had (`VmHWM` of `/proc/self/status`).
    pub peak_resident: Option<u64>,
}

impl HeapState {
    /// A state of which nothing is known yet.
    #[must_use]
    pub fn of(allocator: Allocator) -> Self {
        HeapState {
            allocator,
            allocated: None,
            active: None,
            resident: None,
            mapped: None,
            retained: None,
            arenas: None,
            process: ProcessMemory::default(),
        }
    }

    /// The kernel's memory that the allocator holds: `resident` if it knows that, else `active`,
    /// else `mapped`.
    #[must_use]
    pub fn held(&self) -> Option<u64> {
        self.resident.or(self.active).or(self.mapped)
    }

    /// The fragmentation, if the program has `requested` bytes live, as it asked for them.
    ///
    /// ```
    /// # fn show(state: &mod_alloc::heap_state::HeapState, requested: u64) {
    /// let lost = state.fragmentation(requested);
    /// if let Some(share) = lost.overall {
    ///     println!("{:.1} % of what the allocator holds is not the program's", share * 100.0);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn fragmentation(&self, requested: u64) -> Fragmentation {
        Fragmentation {
            rounding: lost(Some(requested), self.allocated),
            in_pages: lost(self.allocated, self.active),
            idle_pages: lost(self.active, self.resident),
            overall: lost(Some(requested), self.held()),
        }
    }
}

/// The unused share of the memory that each layer gave to the layer above: 0 is none, 1 is all of
/// it. 0 also if the layer above has more than the one below, as when blocks are untouched or of
/// another allocator. `None` if one of the two is not known, or nothing was given. Made by
/// [`HeapState::fragmentation`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Fragmentation {
    /// `1 - requested / allocated`: bytes of blocks beyond those that were asked for.
    pub rounding: Option<f64>,
    /// `1 - allocated / active`: gaps between blocks.
    pub in_pages: Option<f64>,
    /// `1 - active / resident`: pages without blocks that were not given back, and the allocator's
    /// books.
    pub idle_pages: Option<f64>,
    /// `1 - requested /` [`held`](HeapState::held): all of it together.
    pub overall: Option<f64>,
}

/// `1 - used / given`.
fn lost(used: Option<u64>, given: Option<u64>) -> Option<f64> {
    let (used, given) = (used?, given.filter(|given| *given > 0)?);
    Some(1.0 - used.min(given) as f64 / given as f64)
}

/// The state of the allocator in use: jemalloc, mimalloc or glibc's, in this order. `None` if none
/// of them is in use or its feature is off; [`process`] gives the kernel's figures all the same.
///
/// Not for signal handlers: it takes locks of the allocator's.
///
/// ```
/// if let Some(state) = mod_alloc::heap_state::collect() {
///     println!("{} has {:?} bytes mapped", state.allocator.name(), state.mapped);
/// }
/// ```
#[must_use]
pub fn collect() -> Option<HeapState> {
    let state = jemalloc().or_else(mimalloc).or_else(glibc)?;
    Some(HeapState { process: process(), ..state })
}

/// jemalloc's state; `None` if it is linked but not in use (nobody but itself has blocks of it), or
/// the feature `jemalloc` is off. Advances jemalloc's epoch once. The process's figures are not
/// asked for: see [`process`].
#[must_use]
pub fn jemalloc() -> Option<HeapState> {
    #[cfg(feature = "jemalloc")]
    return jemalloc::state();
    #[cfg(not(feature = "jemalloc"))]
    None
}

/// mimalloc's state; `None` if it is linked but not in use, or the feature `mimalloc` is off. The
/// process's figures are not asked for: see [`process`].
#[must_use]
pub fn mimalloc() -> Option<HeapState> {
    #[cfg(feature = "mimalloc")]
    return mimalloc::state();
    #[cfg(not(feature = "mimalloc"))]
    None
}

/// The state of glibc's allocator; `None` if the C library is another one or older than 2.33, or
/// its `malloc` is not in use. The process's figures are not asked for: see [`process`].
#[must_use]
pub fn glibc() -> Option<HeapState> {
    #[cfg(target_env = "gnu")]
    return glibc::state();
    #[cfg(not(target_env = "gnu"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> HeapState {
        HeapState {
            allocated: Some(200),
            active: Some(400),
            resident: Some(500),
            mapped: Some(1000),
            ..HeapState::of(Allocator::Jemalloc)
        }
    }

    #[test]
    fn fragmentation_is_what_the_layer_above_does_not_use() {
        let lost = state().fragmentation(150);
        assert_eq!(lost.rounding, Some(0.25));
        assert_eq!(lost.in_pages, Some(0.5));
        assert!((lost.idle_pages.unwrap() - 0.2).abs() < 1e-9);
        assert!((lost.overall.unwrap() - 0.7).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_known_is_no_zero() {
        let glibc = HeapState { mapped: Some(300), ..HeapState::of(Allocator::Glibc) };
        assert_eq!(glibc.held(), Some(300));
        let lost = glibc.fragmentation(600);
        assert_eq!((lost.rounding, lost.in_pages, lost.idle_pages), (None, None, None));
        assert_eq!(lost.overall, Some(0.0));
        assert_eq!(HeapState::of(Allocator::Glibc).fragmentation(1), Fragmentation::default());
        let active = HeapState { active: Some(8), ..glibc };
        assert_eq!(active.held(), Some(8));
    }
}
