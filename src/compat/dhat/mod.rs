//! [dhat-rs]'s interface: all of its names, with its meanings.
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
//! A [`Profiler`] records from its making to its end; outside of that time nothing is recorded. At
//! its end it writes `dhat-heap.json` (or `dhat-ad-hoc.json`) and prints dhat-rs's lines on
//! standard error. A process that uses this module writes no other report at its exit, and ignores
//! `MOD_ALLOC_OUT`; all other [variables](crate#environment) count.
//!
//! The global allocator may be [`ModAlloc`](crate::ModAlloc) in place of [`Alloc`]: a profiler does
//! not notice.
//!
//! Peaks are exact with any number of threads, as dhat-rs's are, so that assertions can rely on
//! them. As long as one thread alone allocates, that costs nothing. From the second thread on, each
//! event waits for its turn at the heap's numbers, but not for other threads' stacks. If threads do
//! nothing but allocate, that costs several times the ordinary recording, and an order of magnitude
//! less than dhat-rs.
//!
//! # Coming from dhat-rs
//!
//! The dependency and one line change. The tests of this crate compile and run both sides.
//!
//! ```diff
//! -// Cargo.toml: dhat = "0.3"
//! +// Cargo.toml: mod-alloc = { path = "…" } # a checkout of this repository
//! +use mod_alloc::dhat_compat as dhat;
//! +
//!  #[global_allocator]
//!  static ALLOC: dhat::Alloc = dhat::Alloc;
//!
//!  fn main() {
//!      let _profiler = dhat::Profiler::new_heap();
//!      let words: Vec<String> = ["to", "be", "or"].map(String::from).to_vec();
//!      let stats = dhat::HeapStats::get();
//!      println!("{} in {} blocks", words.join(" "), stats.curr_blocks);
//!  }
//! ```
//!
//! The rest stays as in dhat-rs 0.3.3: profilers, builder, statistics, [`ad_hoc_event`], the three
//! assertions, the messages of panics and the lines that are printed. dhat-rs's own tests pass with
//! the import changed.
//!
//! # Differences from dhat-rs 0.3.3
//!
//! - **Threads**: under dhat-rs, threads wait for each other at each allocation, for its stack too.
//!   Here they wait only while numbers are entered, if there are several, so that peaks are exact.
//! - **A block's lifetime** begins when the block is allocated, and goes on when it is reallocated.
//!   In dhat-rs it begins anew then, and the time before is lost.
//! - **Stacks that trimming makes equal** are one entry, whose `x_merged` counts them. In dhat-rs
//!   they are several entries, and a viewer refuses the file.
//! - **A stack's outer end**: frames outward of `main`, of a thread's closure, or of a test's
//!   function are left out. dhat-rs leaves out the frames shared with the stack that made the
//!   profiler.
//! - **The limit of frames** is 64, or `MOD_ALLOC_FRAMES`, at most 256; a stack's last frame tells
//!   how many are missing. dhat-rs has no limit.
//! - **Zeroed blocks** stay as the system gives them. dhat-rs writes to them.
//! - **A condition of [`assert!`](self::assert) that fails** is evaluated once. dhat-rs evaluates
//!   it again for the message.
//! - **[`HeapStats::get`] in such a condition** works. In dhat-rs it panics.
//! - **The report** has more keys, which begin with `x_`.
//! - **Losses** are one line more on standard error, `mod-alloc: Lost: …`.
//!
//! # Coming from mod-alloc 1.0
//!
//! On crates.io, `mod-alloc` is 1.0.1, by another author. This crate is not published, so the
//! dependency names a path or a git repository. The code stays as it is. (`Profiler` is 1.0's name
//! for [`ProcessMeasuring`](crate::ProcessMeasuring); [`measure_process`](crate::measure_process)
//! is the short way.)
//!
//! ```diff
//! -// Cargo.toml: mod-alloc = "1.0"
//! +// Cargo.toml: mod-alloc = { path = "…" } # a checkout of this repository
//!  use mod_alloc::{ModAlloc, Profiler};
//!
//!  #[global_allocator]
//!  static ALLOC: ModAlloc = ModAlloc::new();
//!
//!  fn main() {
//!      let profiler = Profiler::start();
//!      let numbers: Vec<u64> = (0..1000).collect();
//!      let stats = profiler.stop();
//!      println!("{} numbers: {} bytes", numbers.len(), stats.total_bytes);
//!  }
//! ```
//!
//! mod-alloc 1.0.1's own tests pass unchanged through `[patch.crates-io]`, which replaces it in a
//! whole dependency tree. What changes:
//!
//! | | mod-alloc 1.0.1 | this crate |
//! |---|---|---|
//! | platforms | Linux, macOS, Windows | the same; all features on 64-bit Linux |
//! | Rust | 1.75 | 1.88 |
//! | default features | totals, without dependencies | whole stacks, names, the report at exit |
//! | dependencies | none by default | 22 packages by default; `counters` alone: libc |
//! | licence | Apache-2.0 | MIT or Apache-2.0 |
//! | at exit | nothing | a report, and four lines on standard error |
//! | a block | as the system gives it | has 8 bytes more |
//! | `snapshot` | that `ModAlloc`'s allocations | those of all `ModAlloc`s |
//! | `peak_bytes` of `Profiler::stop` | the process's | the most between start and stop |
//! | `reset` | `current_bytes` may wrap below 0 | counts on from 0 |
//! | stacks | eight frames, by frame pointers | whole, by unwind tables |
//! | frees | unknown by call site | known, with lifetimes |
//!
//! `MOD_ALLOC_OUT=off` leaves the report and its lines out. With `default-features = false` and
//! `features = ["counters"]`, which is 1.0's default, nothing happens at exit.
//!
//! Its `dhat_compat` had fewer items, all of which are here: [`Alloc::new`], [`Mode`]. If it and
//! dhat-rs contradict each other, dhat-rs's way is the default. The feature `compat-1-0` brings the
//! old way back, and changes nothing else:
//!
//! - **A second [`Profiler`]** panics. With `compat-1-0` it is another profiler; each writes its
//!   report when it ends.
//! - **[`HeapStats::get`]** counts since the profiler's making, and panics without one. With
//!   `compat-1-0` it counts since the process's start.
//! - **`total_bytes`**, of the [snapshot](crate::AllocStats), too: a reallocation adds its whole
//!   new size. With `compat-1-0`, its growth.
//! - **`max_blocks`** are the blocks at the moment of the most bytes. With `compat-1-0`, the most
//!   blocks that there were.
//! - **[`AdHocStats::get`] and [`ad_hoc_event`]** count for the ad hoc profiler; `get` panics
//!   without one. With `compat-1-0` they count always.
//! - **Blocks outside of a profiler's time** are unknown. With `compat-1-0` they are counted,
//!   without their stacks.
//! - **A profiler's report** covers that profiler's time. With `compat-1-0` it covers the process's
//!   life, with stacks of the allocations that were made while there was a profiler.
//! - **When the report is written**, four lines go to standard error. With `compat-1-0`, only an
//!   error is printed.
//! - **The head of that report**, and of
//!   [`ModAlloc::dhat_json_string`](crate::ModAlloc::dhat_json_string), has `bklt: true` and times
//!   in µs. With `compat-1-0` it has `bklt: false`, `te: 0`, `tu: "instrs"`.
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

/// True if mod-alloc 1.0's way is taken where it and dhat-rs contradict each other.
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
    /// `Alloc`, by the name that mod-alloc 1.0 gave it.
    ///
    /// ```
    /// use mod_alloc::dhat_compat as dhat;
    /// #[global_allocator]
    /// static ALLOC: dhat::Alloc = dhat::Alloc::new();
    /// # fn main() {}
    /// ```
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

/// The kinds of [`Profiler`]: each counts allocations or events.
///
/// ```
/// use mod_alloc::dhat_compat::Mode;
/// assert_ne!(Mode::Heap, Mode::AdHoc);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Allocations.
    Heap,
    /// Calls of [`ad_hoc_event`].
    AdHoc,
}

/// Counts an event with its stack, if there is an ad hoc profiler. The caller gives `weight` its
/// meaning.
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
