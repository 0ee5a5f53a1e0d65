//! What a piece of code allocates: exactly, whatever other threads do meanwhile.
//!
//! While it runs, the calling thread allocates for a group of its own (see `groups`), so that
//! tests which measure may run in parallel in one process.

mod lease;
#[cfg(feature = "dhat-compat")]
mod limits;
#[cfg(feature = "dhat-compat")]
mod sites;
#[cfg(feature = "threads")]
mod threads;

use std::sync::Arc;

use crate::api::groups::Stay;
use crate::base::current;
use crate::engine::inside;
use crate::engine::session;
use crate::engine::session::Session;
use crate::engine::windows;
use crate::store::group::Member;

use lease::Lease;

#[cfg(feature = "dhat-compat")]
#[doc(hidden)]
pub use limits::{Limit, check};

/// What was allocated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Allocations: new blocks, and reallocations.
    pub blocks: u64,
    /// Bytes allocated; of a reallocation the whole new size, as dhat counts.
    pub bytes: u64,
    /// The most bytes live at once, of blocks that were measured.
    pub peak_bytes: u64,
    /// Blocks that were allocated and not freed.
    pub end_blocks: u64,
    /// Bytes of those.
    pub end_bytes: u64,
}

/// Runs `work` and says what the calling thread allocated in it.
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
/// Blocks from before are not counted when they are freed, and a free counts whoever frees. Other threads'
/// allocations are not counted: see [`measure_with`]
#[cfg_attr(feature = "threads", doc = "and [`measure_threads`].")]
#[cfg_attr(not(feature = "threads"), doc = "and `measure_threads` (feature `threads`).")]
///
/// May be nested: what is measured inside counts for the outer measurement, too. What the code allocates for
/// an allocation group that it enters itself (feature `groups`) is that group's instead.
///
/// # Panics
///
/// If nothing can be measured: the program's global allocator is not a [`ModAlloc`](crate::ModAlloc), it was
/// started with `MOD_ALLOC=off`, or more than 65,000 groups are in use.
pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    measure_with(|_| work())
}

/// Runs `work` and says what was allocated in it by the calling thread and in every [`Measuring::run`].
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
pub fn measure_with<R>(work: impl FnOnce(&Measuring) -> R) -> (R, Measured) {
    let measuring = Measuring::begin(false);
    let result = measuring.run(|| work(&measuring));
    (result, measuring.lease.measured())
}

/// Runs `work` and says what was allocated in it by the calling thread, by every thread that it starts, and by
/// those that they start.
///
/// Threads that are running when it begins (those of a pool) are not among them: see [`measure_with`].
/// What a thread allocates after `work` has returned is not in the numbers.
///
/// The feature `threads` defines the symbol `pthread_create`, which calls the C library's: the program has to be
/// linked dynamically to it.
///
/// # Panics
///
/// As [`measure`].
#[cfg(feature = "threads")]
pub fn measure_threads<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    let measuring = Measuring::begin(true);
    let result = measuring.run(work);
    (result, measuring.lease.measured())
}

/// A measurement that other threads may take part in; see [`measure_with`].
#[derive(Debug, Clone)]
pub struct Measuring {
    lease: Arc<Lease>,
    passes_on: bool,
}

impl Measuring {
    fn begin(passes_on: bool) -> Self {
        let session = session();
        let around = inside::member().group;
        let lease = current::as_profiler(|| Lease::new(session, around).map(Arc::new));
        let Some(lease) = lease else {
            panic!("mod_alloc::measure: more than 65,000 allocation groups are in use");
        };
        Measuring { lease, passes_on }
    }

    /// Runs `work` in the calling thread; what it allocates counts. What is allocated after the measurement
    /// has ended is in nobody's numbers.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let Ok(Some(session)) = session::decided() else { return work() };
        let group = self.lease.group();
        let passes_on = self.passes_on;
        let member = Member { group, whole: true, passes_on, ..Member::NONE };
        let _stay = Stay::begin(session, member);
        work()
    }
}

/// The session in which something can be measured.
fn session() -> &'static Session {
    // Whatever the program is, its runtime has allocated by now.
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
