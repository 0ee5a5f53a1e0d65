//! Measuring: the exact allocations of one piece of code, whatever other threads do meanwhile.
//!
//! While the code runs, the calling thread allocates for a separate group (see `groups`). So tests
//! that measure may run in parallel in one process.
//!
//! ```
//! use mod_alloc::{ModAlloc, assert_allocs, assert_no_allocs, measure};
//!
//! #[global_allocator]
//! static ALLOC: ModAlloc = ModAlloc::new();
//!
//! fn main() {
//!     let split = || "to be or not".split(' ').map(String::from).collect::<Vec<_>>();
//!     let (words, measured) = measure(split);
//!     assert_eq!((measured.blocks, measured.end_blocks), (5, 5));
//!
//!     let text = assert_allocs!(words.concat(), blocks == 1, bytes <= 16, peak_bytes < 100);
//!     assert_no_allocs!(text.len());
//! }
//! ```

#[cfg(feature = "dhat-compat")]
mod asserting;
mod lease;
#[cfg(feature = "dhat-compat")]
mod limits;
mod measured;
#[cfg(feature = "dhat-compat")]
mod message;
mod polled;
#[cfg(feature = "dhat-compat")]
#[cfg_attr(mod_alloc_portable, path = "../../portable/api/measured_sites.rs")]
mod sites;
#[cfg(all(feature = "threads", not(mod_alloc_portable)))]
mod threads;

use std::sync::Arc;

use crate::api::stay::Stay;
use crate::base::current;
use crate::engine::inside;
use crate::engine::session;
use crate::engine::session::Session;
use crate::engine::windows;
use crate::store::group::Member;

use lease::Lease;

pub use measured::Measured;
pub use polled::measure_async;

#[cfg(feature = "dhat-compat")]
#[doc(hidden)]
pub use asserting::{Asserted, Asserting, Limit, asserting};

/// Runs `work`, and gives its result and the calling thread's allocations in it.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let (numbers, measured) = mod_alloc::measure(|| {
///     drop(vec![0_u8; 100]);
///     vec![0_u32; 10]
/// });
/// assert_eq!((measured.blocks, measured.bytes), (2, 140));
/// assert_eq!((measured.peak_bytes, measured.end_bytes), (100, 40));
/// # drop(numbers);
/// ```
///
/// A block that was allocated in `work` and is freed in it counts as freed, on any thread. Frees of
/// earlier blocks do not count. Other threads' allocations do not count either: see
/// [`measure_with`]
#[cfg_attr(feature = "threads", doc = "and [`measure_threads`].")]
#[cfg_attr(not(feature = "threads"), doc = "and `measure_threads` (feature `threads`).")]
/// For code with `.await` there is [`measure_async`], for the whole process
/// [`measure_process`](crate::measure_process).
///
/// Measurements may be nested: allocations of the inner one count for the outer one, too. If the
/// code itself enters an allocation group (feature `groups`), the allocations there count for that
/// group, and not here.
///
/// # What the numbers depend on
///
/// The numbers are exact, so a test that has passed can fail where the code allocates in another
/// way. It may do so
///
/// - **with another profile**: an optimized build leaves allocations out that it can see through,
///   such as a box that is dropped at once, or a `collect` into its source's memory. Run tests of
///   limits in one profile, the one that you ship if possible (`cargo test --release`), and keep
///   values from the optimizer with [`std::hint::black_box`].
/// - **the first time**: a lazy static, a thread-local, the first line that is printed, a hash
///   map's first seed, a table that grows once. Do it before the measurement: call the code once,
///   or [`LazyLock::force`](std::sync::LazyLock::force).
/// - **with threads**: starting a thread costs some blocks in the starting thread, and so does the
///   first use of a channel or a lock of some crates. Where a task of a runtime runs, and if its
///   queue grows, is decided anew each time: give ranges.
/// - **with another compiler or standard library**: how a `Vec` or a `HashMap` grows, and what
///   `format!` reserves, is not promised. Each time it grows is a block of the whole new size. A
///   limit with some room (`blocks in 1..=3`) or [`Vec::with_capacity`] outlives updates.
/// - **with other features or versions of dependencies**, for what they allocate.
///
/// It does not depend on other tests that run in the process, on the allocator that is wrapped, or
/// on the machine's speed. Whether a block that grows is moved changes no number either.
///
/// # In a debug build
///
/// A failing `assert_allocs!` and a report read the debug information with
/// the code of this crate, which a debug build does not optimize. These lines, in the `Cargo.toml`
/// of the workspace, optimize it, and the hook in every allocation, but none of your own code:
///
/// ```toml
/// [profile.dev.package]
/// mod-alloc = { opt-level = 3 }
/// gimli = { opt-level = 3 }
/// addr2line = { opt-level = 3 }
/// ```
///
/// The report at the exit of hexyl, a binary of 60 MB, takes 35 ms of processor time with them and
/// 175 ms without, and the program itself 7 ms in the place of 16. It takes 6 to 8 MiB more memory.
/// No number of a measurement changes.
///
/// # As a dev-dependency
///
/// The default features bring `serde_json`, which implements `PartialEq` between its `Value` and
/// strings, numbers and booleans. A test that compares with a value whose type is inferred, such as
/// `assert_eq!(length, text.parse().unwrap())`, may then need the type (E0283): write it, as in
/// `parse::<usize>()`. `measure` does not need that package; `assert_allocs!` and the report do.
/// For `measure` alone:
///
/// ```toml
/// [dev-dependencies]
/// mod-alloc = { path = "…", default-features = false, features = ["backtraces"] }
/// ```
///
/// # Coming from stats_alloc
///
/// `measure` counts the allocations of one piece of code, so tests that use it may run in parallel.
/// It also knows the peak. The tests of this crate compile and run both sides.
///
/// ```diff
/// -// Cargo.toml: stats_alloc = "0.1"
/// -use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
/// -use std::alloc::System;
/// +// Cargo.toml: mod-alloc = { path = "…" } # a checkout of this repository
/// +use mod_alloc::ModAlloc;
///
///  #[global_allocator]
/// -static ALLOC: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
/// +static ALLOC: ModAlloc = ModAlloc::new();
///
///  fn main() {
/// -    let region = Region::new(ALLOC);
/// -    let numbers = vec![0_u64; 100];
/// -    let change = region.change();
/// -    println!("{} numbers", numbers.len());
/// -    assert_eq!((change.allocations, change.bytes_allocated), (1, 800));
/// +    let (numbers, measured) = mod_alloc::measure(|| vec![0_u64; 100]);
/// +    println!("{} numbers", numbers.len());
/// +    assert_eq!((measured.blocks, measured.bytes), (1, 800));
///  }
/// ```
///
/// # Panics
///
/// If nothing can be measured: the program's global allocator is not a
/// [`ModAlloc`](crate::ModAlloc), it was started with `MOD_ALLOC=off`, or more than 65,000 groups
/// are in use.
#[track_caller]
pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    measure_with(|_| work())
}

/// Runs `work`, and gives its result and the allocations of the calling thread and of every
/// [`Measuring::run`].
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let ((), measured) = mod_alloc::measure_with(|measuring| {
///     let here = measuring.clone();
///     let thread = std::thread::spawn(move || here.run(|| vec![0_u8; 1000]).len());
///     assert_eq!(thread.join().unwrap(), 1000);
/// });
/// assert!(measured.bytes >= 1000);
/// ```
///
/// # Panics
///
/// As [`measure`].
#[track_caller]
pub fn measure_with<R>(work: impl FnOnce(&Measuring) -> R) -> (R, Measured) {
    let measuring = Measuring::begin(false);
    let result = measuring.run(|| work(&measuring));
    (result, measuring.lease.measured())
}

/// Runs `work`, and gives its result and the allocations of the calling thread, of the threads that
/// it starts, and of the threads that those start.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let (length, measured) = mod_alloc::measure_threads(|| {
///     let thread = std::thread::spawn(|| vec![0_u8; 1 << 20].len());
///     thread.join().unwrap()
/// });
/// assert_eq!(length, 1 << 20);
/// assert!(measured.bytes >= 1 << 20);
/// ```
///
/// Threads that are already running (those of a pool) do not count: see [`measure_with`].
/// Allocations after the return of `work` do not count either.
///
/// The feature `threads` defines the symbol `pthread_create`, which calls the C library's: the
/// program has to be linked dynamically to it.
///
/// # Panics
///
/// As [`measure`], and on systems other than 64-bit Linux.
#[cfg(feature = "threads")]
#[cfg_attr(mod_alloc_portable, expect(unused_variables, reason = "there it only panics"))]
#[track_caller]
pub fn measure_threads<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    #[cfg(mod_alloc_portable)]
    panic!("mod_alloc::measure_threads: 64-bit Linux alone has it; use measure_with here");
    #[cfg(not(mod_alloc_portable))]
    {
        measured_with_threads(work)
    }
}

#[cfg(all(feature = "threads", not(mod_alloc_portable)))]
#[track_caller]
fn measured_with_threads<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    let measuring = Measuring::begin(true);
    let result = measuring.run(work);
    (result, measuring.lease.measured())
}

/// A measurement that other threads may take part in; see [`measure_with`], which makes it.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let (sum, measured) = mod_alloc::measure_with(|measuring| {
///     std::thread::scope(|scope| {
///         let parts = [1, 2].map(|n| scope.spawn(move || measuring.run(|| vec![n; 1000].len())));
///         parts.into_iter().map(|part| part.join().unwrap()).sum::<usize>()
///     })
/// });
/// assert_eq!(sum, 2000);
/// assert!(measured.bytes >= 8000);
/// ```
#[derive(Debug, Clone)]
pub struct Measuring {
    lease: Arc<Lease>,
    passes_on: bool,
}

impl Measuring {
    #[track_caller]
    fn begin(passes_on: bool) -> Self {
        let session = session();
        let around = inside::member().group;
        let lease = current::as_profiler(|| Lease::new(session, around).map(Arc::new));
        let Some(lease) = lease else {
            panic!("mod_alloc::measure: more than 65,000 allocation groups are in use");
        };
        Measuring { lease, passes_on }
    }

    /// Runs `work` in the calling thread, whose allocations count meanwhile. Allocations after the
    /// end of the measurement do not count.
    ///
    /// ```
    /// # #[global_allocator]
    /// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
    /// mod_alloc::measure_with(|measuring| {
    ///     let here = measuring.clone();
    ///     std::thread::spawn(move || here.run(|| vec![0_u8; 100])).join().unwrap()
    /// });
    /// ```
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _stay = self.stay();
        work()
    }

    /// The calling thread's allocations count as long as the stay lives.
    fn stay(&self) -> Option<Stay> {
        let session = session::decided().ok().flatten()?;
        let member = Member {
            group: self.lease.group(),
            whole: true,
            passes_on: self.passes_on,
            ..Member::NONE
        };
        Some(Stay::begin(session, member))
    }
}

/// The session in which something can be measured.
#[track_caller]
fn session() -> &'static Session {
    // Any program's runtime has allocated by now.
    match session::decided() {
        Ok(Some(session)) if windows::names(windows::first_named()) => session,
        Ok(Some(_)) => {
            panic!("mod_alloc::measure: nothing is recorded: no dhat profiler is running")
        }
        Ok(None) => {
            panic!("mod_alloc::measure: nothing is recorded (MOD_ALLOC=off, or no memory for it)")
        }
        Err(_) => {
            panic!(
                "mod_alloc::measure: the program's global allocator is not a mod_alloc::ModAlloc"
            )
        }
    }
}
