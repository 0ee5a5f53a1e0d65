//! An exact allocation profiler with whole stacks.
//!
//! ```no_run
//! #[global_allocator]
//! static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//!
//! fn main() {
//!     // … and when the program exits, dhat-heap.json is there.
//! }
//! ```
//!
//! For every call site, that is, every distinct stack that allocates, the report says exactly how
//! many blocks and bytes it allocated, how many were live at the end and when the whole heap was at
//! its peak, what the site's own maximum was, and how long its blocks lived. It is a [DHAT] file:
//! load it into Valgrind's `dh_view.html`, or the Firefox Profiler. Stacks are whole in an ordinary
//! release build: neither frame pointers nor a rebuild of the standard library are needed.
//!
//! [DHAT]: https://valgrind.org/docs/manual/dh-manual.html
//!
//! # Environment
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `MOD_ALLOC` | `on`, `off`: record nothing, and add nothing to blocks | `on` |
//! | `MOD_ALLOC_OUT` | the report's path; `%p` process id, `%e` executable, `%%`; `off`: none | `dhat-heap.json` |
//! | `MOD_ALLOC_BUCKETS` | call sites the table holds, 64 to 1,048,576, rounded up to a power of two | grows |
//! | `MOD_ALLOC_FRAMES` | frames kept of a stack, the innermost, 1 to 256 | 64 |
//! | `MOD_ALLOC_UNWIND` | `auto`; `tables`: unwind tables alone; `fp`: frame pointers alone | `auto` |
//! | `MOD_ALLOC_PEAK` | `bounded`: with several threads, peaks are within 1 %; `exact` | `bounded` |
//! | `MOD_ALLOC_RECORD` | a file for the recording, readable while the program runs and after it was killed; `%p`, `%e`, `%%` as above | memory |
//! | `MOD_ALLOC_SIGNAL` | `QUIT`, `USR1`, …: at each such signal, describe threads, sites and heap on standard error, and write a report | none |
//! | `MOD_ALLOC_SELF_CHECK` | `on`: walk every stack a second time from scratch and count differences; slow | `off` |
//!
//! A value that cannot be used is named on standard error, with what is used instead.
//!
//! # Besides the report
//!
//! `measure` and `assert_allocs!` say what one piece of code allocates, exactly, in tests that run in
//! parallel. [`Profiler`] gives the whole process's numbers between two moments. `groups` count by subsystem,
//! task or span; `memory_stats` by thread. [`heap_state`] says what the allocator makes of it. `dhat_compat` is
//! dhat-rs's interface.
//!
//! # A program that is asked while it runs
//!
//! With `MOD_ALLOC_SIGNAL=QUIT`, `kill -QUIT` has a program say on standard error, in lines that begin with
//! `mod-alloc:`, what each of its threads has live, had at most and allocated, what their arenas and pools hold
//! (`memory_stats`), what the allocator and the process have (`heap_state`), what was lost, and which ten sites
//! have the most live. A report of that moment is written beside the one at the end: `dhat-heap.1.json` is
//! the first. The program goes on meanwhile. Signals that come while one is served are served together, by
//! one more.
//!
//! Signals are named as `kill` does, with `SIG` or without, or by number; those that cannot be caught, or
//! mean that the program is broken (`KILL`, `STOP`, `SEGV`, `ABRT`, …), are refused. The handler that is there
//! when the process begins to be recorded, before `main`, is called as ever; a signal that was ignored goes on
//! doing nothing else; a program does not die of a signal that would have ended it. A handler that the program
//! sets itself later takes our handler's place: that is its right.
//!
//! A thread called `mod-alloc` does the work. The program's other threads know nothing of it, but it is there
//! from the start: a call that needs a process of one thread (`unshare` of user namespaces) fails with this
//! variable. A forked child is asked by itself from its first allocation on, if it still has the variable; its
//! reports have its process id in their names.
//!
//! # What the profiler promises the program
//!
//! It never panics, never aborts, never blocks on a lock that is held while allocating, and changes
//! nothing that the program prints or returns. All four allocation methods go to the same method of
//! the allocator it wraps. What it could not record in full it counts, by cause, and says so in the
//! report and on standard error.
//!
//! # The map
//!
//! ```text
//!  hook (Rust's allocator) ──┬──▶ events ─▶ inside: once per thread ─▶ callsite ─▶ ledger
//!  preload (C's, tools/preload)                                            │           │
//!        └▶ block: the trailer         capture: the stack, table: its site ┘           │
//!                           heap: fronts, peaks, epochs; table::tally, arena, groups ──┘
//!
//!  session: starts it all, file, fork      threads, thread: a slot and a state per thread
//!  recording: the mapping's bytes, the file, and the same as plain data
//!  windows, marks: from when to when       measure: one piece of code, by a group of its own
//!  memory_stats: figures of each thread    diagnostics: what a signal prints
//!  symbolize ─▶ report: names, trimmed and merged stacks, dhat JSON      exit_report: when
//!  heap_state: what the allocator holds, now and in the recording
//!  os, sync: libc, atomics and locks that may be held below the allocator
//! ```
//!
//! `hook` tells the story of one event from its beginning; `table` and `recording::layout` draw the
//! data; `heap` and `table::tally` explain the numbers.
//!
//! # Features
//!
//! `default` is all of: `counters` (process totals; libc is the only dependency), `backtraces` (stacks
//! and sites), `symbolicate` (names, files, lines), `dhat-compat` (the report), `std`.
//!
//! Besides those: `groups` (allocations counted by task or subsystem, a tracker that is called back),
//! `tracing` (groups that follow spans); `jemalloc`, `mimalloc` (those allocators' figures in
//! [`heap_state`] and in reports; glibc's are always there); `threads` (`measure_threads`, for which it defines
//! `pthread_create`); `compat-1-0` (mod-alloc 1.0's way where it and dhat-rs contradict each other).

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("mod-alloc records on 64-bit Linux only");

mod api;
mod base;
#[cfg(feature = "backtraces")]
mod capture;
mod compat;
mod engine;
mod fork;
#[cfg(feature = "groups")]
pub mod groups;
mod hook;
#[cfg(feature = "preload")]
#[doc(hidden)]
pub mod preload;
pub mod recording;
#[cfg(feature = "symbolicate")]
pub mod report;
mod start;
mod store;
#[cfg(feature = "symbolicate")]
pub mod symbolize;
#[cfg(feature = "groups")]
mod tracker;

#[cfg(feature = "backtraces")]
pub use api::call_sites::CallSiteStats;
#[cfg(feature = "symbolicate")]
pub use api::call_sites::named::{SymbolicatedCallSite, SymbolicatedFrame};
pub use api::heap_state;
#[cfg(feature = "backtraces")]
#[doc(hidden)]
pub use api::measure;
#[cfg(feature = "threads")]
pub use api::measure::measure_threads;
#[cfg(feature = "backtraces")]
pub use api::measure::{Measured, Measuring, measure, measure_with};
#[cfg(feature = "counters")]
pub use api::memory_stats;
pub use api::totals::{AllocStats, Profiler};
#[doc(hidden)]
pub use base::units;
#[cfg(feature = "dhat-compat")]
pub use compat::dhat as dhat_compat;
pub use hook::ModAlloc;
