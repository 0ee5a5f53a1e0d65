//! For programs written for [dhat-rs]: all of its names, with its meanings.
//!
//! ```
//! use mod_alloc::dhat_compat as dhat; // instead of the dependency
//!
//! #[global_allocator]
//! static ALLOC: dhat::Alloc = dhat::Alloc;
//!
//! fn main() {
//!     let _profiler = dhat::Profiler::builder().testing().build();
//!     let numbers = vec![1_u64; 100];
//!     let stats = dhat::HeapStats::get();
//!     dhat::assert_eq!(stats.curr_bytes, 800);
//!     drop(numbers);
//! }
//! ```
//!
//! Nothing is recorded but between a [`Profiler`]'s making and its end. When it ends it writes
//! `dhat-heap.json` (or `dhat-ad-hoc.json`) and says so on standard error in dhat-rs's words. A process
//! that uses this module has no other report at its exit, and `MOD_ALLOC_OUT` says nothing to it; all other
//! variables count.
//!
//! With [`ModAlloc`](crate::ModAlloc) as the global allocator in place of [`Alloc`] a profiler works the
//! same: from its making on, nothing that happened before is known, and after its end nothing is
//! recorded until the next one.
//!
//! Peaks are exact whatever the number of threads, as dhat-rs's are, so that assertions can rely on
//! them. As long as one thread alone allocates, that costs nothing; from the second one on every event waits
//! for its turn at the heap's numbers, though not for others' stacks: some times the price of the
//! ordinary recording where threads do nothing but allocate, and an order of magnitude below dhat-rs's.
//!
//! # What differs from dhat-rs 0.3.3
//!
//! | | dhat-rs | here |
//! |---|---|---|
//! | threads | wait for each other at each allocation, for its stack too | wait for each other while numbers are entered, if there are several, so that peaks are exact |
//! | a block's lifetime | begins anew when it is reallocated | begins when it is allocated |
//! | two stacks that become equal by trimming | two entries, and a viewer that refuses the file | one, whose `x_merged` says how many |
//! | the outer end of a stack | what it shares with the profiler's own making | what lies outward of `main`, a thread's closure, or a test's function |
//! | no limit of frames | none | 64, or `MOD_ALLOC_FRAMES`, at most 256; what is missing is said at the stack's end |
//! | zeroed blocks | are written to | stay as the system gives them |
//! | a condition of [`assert!`](self::assert) that fails | is evaluated again for the message | is evaluated once |
//! | [`HeapStats::get`] in such a condition | panics | works |
//! | the report | | more keys, which begin with `x_` |
//! | something was not recorded | | a line more on standard error, `mod-alloc: Lost: …` |
//!
//! # Coming from mod-alloc 1.0
//!
//! Its `dhat_compat` had fewer items, all of which are here: [`Alloc::new`], [`Mode`]. Where it and dhat-rs
//! contradict each other, the feature `compat-1-0` selects its way, and only there:
//!
//! | | by default, as in dhat-rs | with `compat-1-0` |
//! |---|---|---|
//! | a second [`Profiler`] while one is there | panics | is another one; each writes its report when it ends |
//! | [`HeapStats::get`] | since the profiler's making; panics without one | since the process's start |
//! | `total_bytes`; `max_blocks` | a reallocation's whole new size; blocks when the bytes were at their maximum | what it grew by; the most blocks there were |
//! | [`AdHocStats::get`] and [`ad_hoc_event`] | count for the ad hoc profiler; `get` panics without one | count always |
//! | blocks outside of a profiler's time | unknown | counted, without their stacks |
//! | a profiler's report | of its own time | of the process's life, the stacks of what was allocated while there was a profiler |
//! | when it is written | four lines on standard error | nothing is said, but of an error |
//! | the head of that report, and of [`ModAlloc::dhat_json_string`](crate::ModAlloc::dhat_json_string) | `bklt: true`, times in µs | `bklt: false`, `te: 0`, `tu: "instrs"` |
//!
//! [dhat-rs]: https://docs.rs/dhat/0.3.3

use core::alloc::{GlobalAlloc, Layout};

mod alloc;
mod asserts;
mod builder;
mod events;
mod phase;
mod profiler;
mod saving;
mod stats;

pub use asserts::{assert_is_panic, check_assert_condition};
pub use builder::ProfilerBuilder;
pub use profiler::Profiler;
pub use stats::{AdHocStats, HeapStats};

#[doc(inline)]
pub use crate::{
    __dhat_compat_assert as assert, __dhat_compat_assert_eq as assert_eq,
    __dhat_compat_assert_ne as assert_ne,
};

/// Whether mod-alloc 1.0's way is taken where it and dhat-rs contradict each other.
const AS_1_0: bool = cfg!(feature = "compat-1-0");

/// The global allocator of programs that use a [`Profiler`]: the system's.
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// #[global_allocator]
/// static ALLOC: dhat::Alloc = dhat::Alloc;
/// # fn main() {}
/// ```
#[derive(Debug, Default)]
pub struct Alloc;

impl Alloc {
    /// The same as `Alloc`.
    #[must_use]
    pub const fn new() -> Self {
        Alloc
    }
}

// SAFETY: every method is that of `alloc::INNER`, of which there is one.
unsafe impl GlobalAlloc for Alloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        alloc::before_first();
        // SAFETY: the caller's contract, handed on.
        unsafe { alloc::INNER.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        alloc::before_first();
        // SAFETY: the caller's contract, handed on.
        unsafe { alloc::INNER.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract, handed on.
        unsafe { alloc::INNER.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract, handed on.
        unsafe { alloc::INNER.realloc(block, layout, new_size) }
    }
}

/// What a [`Profiler`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Allocations.
    Heap,
    /// Calls of [`ad_hoc_event`].
    AdHoc,
}

/// Tells the ad hoc profiler, if there is one, that something happened, and where; `weight` is what the
/// caller wants it to be.
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// let _profiler = dhat::Profiler::builder().ad_hoc().testing().build();
/// dhat::ad_hoc_event(100);
/// dhat::assert_eq!(dhat::AdHocStats::get().total_units, 100);
/// ```
#[inline(never)]
pub fn ad_hoc_event(weight: usize) {
    if events::is_wanted() {
        // SAFETY: always safe to call.
        let frame = unsafe { events::happened(weight, 0, 0) };
        // Work after the call, so that this function is still on the stack: reports show it.
        std::hint::black_box(frame);
    }
}
