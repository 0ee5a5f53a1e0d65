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
//! A call site is a distinct stack that allocates. For every call site the report says exactly how
//! many blocks and bytes it allocated, how many were live at the end and when the whole heap was at
//! its peak, what the site's own maximum was, and how long its blocks lived. The report is a [DHAT]
//! file: load it into Valgrind's `dh_view.html`, or the Firefox Profiler. Stacks are whole in an
//! ordinary release build: no frame pointers, no rebuild of the standard library.
//!
//! [DHAT]: https://valgrind.org/docs/manual/dh-manual.html
//!
//! # I want …
//!
//! | I want | look at |
//! |---|---|
//! | a report of the whole run | [`ModAlloc`], and the [environment](#environment) |
//! | a report now | [`ModAlloc::write_dhat_json`], or a [signal](#asking-a-running-program) |
//! | the totals now | [`ModAlloc::snapshot`] |
//! | the call sites, in the program | [`ModAlloc::call_sites`], [`ModAlloc::symbolicated_report`] |
//! | it in a service, off until asked for | [`production`] |
//! | profiles for Parca, Pyroscope, `go tool pprof` | [`pprof`], or `mod-alloc serve` |
//! | limits in a test | [`assert_allocs!`], [`assert_no_allocs!`] |
//! | the allocations of a piece of code | [`measure()`], [`measure_async`], [`measure_with`] |
//! | those of the threads that it starts, too | [`measure_threads`] |
//! | those of the whole process | [`measure_process`], [`ProcessMeasuring`] |
//! | numbers by subsystem, task, span | [`groups`] |
//! | numbers by thread, arenas, pools | [`memory_stats`] |
//! | the fragmentation of the heap | [`heap_state`] |
//! | to come from dhat-rs | [`dhat_compat`](dhat_compat#coming-from-dhat-rs) |
//! | to come from mod-alloc 1.0 | [`dhat_compat`](dhat_compat#coming-from-mod-alloc-10) |
//! | to come from tracking-allocator | [`tracking_compat`] |
//! | to come from stats_alloc | [`measure`](fn@measure#coming-from-stats_alloc) |
//! | to profile a program as it is | `mod-alloc run -- PROGRAM`, of the package `mod-alloc-cli` |
//! | to understand it | [how it works](#how-it-works), [the map](#the-map) |
//!
#![cfg_attr(feature = "groups", doc = "[`groups`]: crate::groups")]
#![cfg_attr(feature = "groups", doc = "[`tracking_compat`]: crate::groups::tracking_compat")]
#![cfg_attr(not(feature = "groups"), doc = "[`groups`]: #features")]
#![cfg_attr(not(feature = "groups"), doc = "[`tracking_compat`]: #features")]
#![cfg_attr(not(feature = "dhat-compat"), doc = "[`production`]: #features")]
#![cfg_attr(any(not(feature = "pprof"), feature = "preload"), doc = "[`pprof`]: #features")]
#![cfg_attr(not(feature = "threads"), doc = "[`measure_threads`]: #features")]
//!
//! # Environment
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `MOD_ALLOC` | `on`, `1`, …; `off`, `0`, …: record nothing, add nothing to blocks | `on` |
//! | `MOD_ALLOC_OUT` | a path, `off`, [`raw`](#raw-recordings) | `dhat-heap.json`; in tests none |
//! | `MOD_ALLOC_BUCKETS` | the table's call sites: 64 to 1,048,576 | grows |
//! | `MOD_ALLOC_FRAMES` | frames kept of a stack, the innermost: 1 to 256 | 64 |
//! | `MOD_ALLOC_UNWIND` | `auto`; `tables`, `fp`: unwind tables or frame pointers alone | `auto` |
//! | `MOD_ALLOC_PEAK` | `bounded`: peaks within 1 % with several threads; `exact` | `bounded` |
//! | `MOD_ALLOC_TIMELINE` | [heap over time](#the-heap-over-time): `off`, `sites` | `totals` |
//! | `MOD_ALLOC_SAMPLE` | [samples](#sampling): a block in `512KiB`, on average; `all` | `off` |
//! | `MOD_ALLOC_LIFETIMES` | `on`: lifetimes by powers of two, for 8 bytes more a block | `off` |
//! | `MOD_ALLOC_RECORD` | a file for the recording | memory |
//! | `MOD_ALLOC_REPORT_ON` | `TERM,INT`: a report, then [the end](#the-end-of-a-service) | none |
//! | `MOD_ALLOC_EVERY` | `30s`, `10m`, `2h`: [reports](#reports-on-a-schedule) meanwhile | none |
//! | `MOD_ALLOC_KEEP` | such reports that are kept, the latest: 1 to 10,000 | 24 |
//! | `MOD_ALLOC_SIGNAL` | `QUIT`, `USR1`, …: a [dump](#asking-a-running-program) | none |
//! | `MOD_ALLOC_SELF_CHECK` | `on`: walk every stack twice, count differences; slow | `off` |
//!
//! In paths, `%p` is the process id, `%e` the executable's name, and `%%` a percent sign; in those
//! of reports, `%n` is the report's number. A number
//! of buckets is rounded up to a power of two. Events that find the table full go to one visible
//! site. The recording's file can be read while the program runs, and after it was killed. A forked
//! child writes its own report, with its process id appended unless the path has a `%p`.
//!
//! With lifetimes, each freed block counts in a class by its lifetime: that of the monotonic clock,
//! to within 0.3 µs. A resized block goes on living, and counts once, with its last size. A block
//! that is live at the end is in no class.
//!
//! An invalid value gives one line on standard error, with the value and its replacement. It never
//! switches recording on.
//!
//! A program may set some of this in its source ([`ModAlloc::off_by_default`], …). The environment
//! wins.
//!
//! # Sampling
//!
//! With `MOD_ALLOC_SAMPLE=512KiB`, or `ModAlloc::sample`, a block in 512 KiB of allocated bytes
//! gets a stack, on average; 1 KiB to 1 GiB are possible. For each other block a thread counts
//! down, and counts the block in its own numbers.
//!
//! - **Exact** are totals, live bytes and blocks, the bytes of the heap's peak, each thread's
//!   numbers and the distribution of sizes.
//! - **Estimates** are the numbers of call sites and groups, and those of [`measure`]. A sampled
//!   block of *s* bytes counts 1 / (1 − e^(−s/R)) times, where R is the mean gap. So the numbers
//!   are right on average, whatever the sizes. The smaller a site, the larger the error: *n*
//!   samples have one of 1/√n. `mod-alloc report` gives bounds that hold in 95 of 100 cases.
//! - **A resized block** counts as freed, and as a new block of the call that resized it.
//! - **The gap may change** while the program runs, by [`set_sampling`] or `mod-alloc sample PID
//!   SIZE`, also to each block and back; a process that begins with each block, and is to change
//!   later, has `MOD_ALLOC_SAMPLE=all`. A block counts by the gap at which it was drawn, as long as
//!   it lives. Bounds are those of the largest gap so far.
//! - **Probes** for eBPF profilers and debuggers are there with the feature `usdt`:
//!   `otel_memory:alloc(address, size, weight)` when a block is sampled, the weight being the bytes
//!   that it stands for, and `otel_memory:free(address)` before a sampled block is freed, as
//!   OpenTelemetry's eBPF profiler expects them. The semaphore of each is 0 as long as nobody
//!   listens; blocks that are not sampled do not even look. To see each block, set
//!   `MOD_ALLOC_SAMPLE=all`. `mod-alloc run` has no probes.
//! - **Approximate** are the time of the peak, and the heap over time, which is looked at by
//!   sampled events.
//! - **Not there** are lifetimes of each block (`MOD_ALLOC_LIFETIMES`), and a tracker is told of no
//!   block.
//!
//! # Raw recordings
//!
//! To name functions, a report reads the program's debug information. In a large program, and in
//! each debug build, that takes longer than many programs run, and megabytes. With
//! `MOD_ALLOC_OUT=raw` the program writes its recording alone, which takes milliseconds, and says
//! how to read it: `mod-alloc report FILE` makes the report that the program would have written.
//! The file is `MOD_ALLOC_RECORD`'s; else `PATH` of `MOD_ALLOC_OUT=raw:PATH`; else
//! `mod-alloc.%e.%p.recording`. It is there from the start, and is made small at the exit. The
//! executable has to stay where it is until the report is made. If the file cannot be made, the
//! report is written.
//!
//! # The heap over time
//!
//! A recording has some hundred samples of the whole heap: live bytes and blocks, all that was
//! allocated so far, and the process's resident memory, at the end of each interval; and the least
//! and the most live bytes in it, so that no spike is lost. Intervals begin with a millisecond, and
//! are twice as long whenever there are 512. The event after an interval's end takes the sample,
//! without a thread. With several threads, bounds are as exact as peaks.
//!
//! With `MOD_ALLOC_TIMELINE=sites`, each site's numbers are taken down as well, at up to 256
//! moments of the run; of more, each second one is left out, and counted. So a report can tell of
//! any stretch of time: what was allocated in it, and what of that is still live. In a program with
//! the crate a thread does that, for at most a hundredth of the time and 24 MiB (1 KiB for each of
//! `MOD_ALLOC_BUCKETS`, if that is less), twice that while moments are left out. `mod-alloc run`
//! does it from outside, unless the variable says otherwise.
//!
//! # Asking a running program
//!
//! With `MOD_ALLOC_SIGNAL=QUIT`, `kill -QUIT` makes a program describe its memory on standard
//! error, without stopping it:
//!
#![doc = include_str!("api/diagnostics/sample.md")]
//!
//! Each thread has a line: bytes live now, bytes live at most, bytes and blocks ever allocated, and
//! the figures of its arenas and pools ([`memory_stats`]). Then come the allocator and the process
//! ([`heap_state`]), the losses, and the ten sites with the most live bytes; groups, if there are
//! any, have a table. A report of that moment is written beside the one at the end:
//! `dhat-heap.1.json` is the first. Signals that come while one is served are served together, by
//! one more dump. A dump takes memory from the kernel, not from the program's allocator, and gives
//! it back at its end.
//!
//! Signals are named as `kill` names them, with `SIG` or without, or by number. Signals that cannot
//! be caught, or mean that the program is broken (`KILL`, `STOP`, `SEGV`, `ABRT`, …), are refused,
//! and so are `TERM`, `INT` and `HUP`, which must end the program. With `MOD_ALLOC=off` the signal
//! is answered with one line.
//! A handler that is there when recording begins, before `main`, is called as ever. A signal that
//! was ignored does nothing else. A signal that would have ended the program does not end it. A
//! handler that the program sets later replaces the profiler's handler.
//!
//! The signal handler raises a number and wakes a thread called `mod-alloc`, which does the work.
//! The program's other threads do not notice it, but it exists from the start: a call that needs a
//! process of one thread (`unshare` of user namespaces) fails with this variable. A forked child
//! answers signals from its first allocation on, if it still has the variable; its reports have its
//! process id in their names.
//!
//! # Reports on a schedule
//!
//! With `MOD_ALLOC_EVERY=10m`, a program writes a report each ten minutes; times are from 100 ms to
//! a week, in `ms`, `s`, `m`, `h` or `d`. The report has the run so far, under the path of the one
//! at the end with a number: `dhat-heap.1.json` is the first, or with
//! `MOD_ALLOC_OUT=heap-%p-%n.json` the number is in the place of `%n`, also that of the report at
//! the end. The latest 24 stay, or as many as `MOD_ALLOC_KEEP` says: the oldest is removed for a
//! new one. Dumps by a signal share the numbers, and stay. Two reports are compared by
//! `mod-alloc diff`. `mod-alloc run --every 10m --keep 24` is the same for programs without the
//! crate.
//!
//! The thread `mod-alloc` writes them, without a signal or a timer of the program's, in memory that
//! it gives back. What a recording takes depends on the call sites and live blocks, not on the time
//! that it takes. A forked child writes its own, with its process id in the name.
//!
//! # The end of a service
//!
//! A report is written when the program returns from `main` or calls `exit`. Ctrl-C, `kill` and a
//! container's stop end a program without that. With `MOD_ALLOC_REPORT_ON=TERM,INT`, or
//! `ModAlloc::report_on`, the report is written first, and then the signal ends the program as
//! ever: with its status (a shell says 128 + N), and without exit handlers.
//!
//! - **A program with a handler of its own** goes on, as without the profiler. If its handler was
//!   there before `main`, or calls the earlier handler, as signal-hook's and tokio's do, the report
//!   is also written when the signal comes; the report at the program's end takes its place. Else
//!   the signal is the program's alone.
//! - **An ignored signal** stays ignored (`nohup`). Blocked signals reach `sigwait` and `signalfd`.
//! - **A second signal** ends the program at once, without the report.
//! - **The first process of a container**, which does not end by signals without a handler, exits
//!   with 128 + N.
//! - **A forked child** writes its own report, once it has allocated.
//! - **The program goes on** while the report is written, by the thread `mod-alloc`.
//!
//! Signals that end programs can be named: `HUP`, `INT`, `QUIT`, `USR1`, `USR2`, `ALRM`, `TERM`,
//! `XCPU`. At an abort (`panic = "abort"`) a line says what to set: with `MOD_ALLOC_RECORD=FILE`,
//! `mod-alloc recover FILE` makes the report after any end, `kill -9` included.
//!
//! # Promises to the program
//!
//! It never panics, never aborts, never blocks on a lock that is held while allocating, and changes
//! nothing that the program prints or returns. Each of the four allocation methods goes to the same
//! method of the allocator that it wraps. A loss is an event that was not recorded in full. Losses
//! are counted by cause; the report and a line on standard error tell them.
//!
//! # Rare limits
//!
//! The README lists the limits that users meet. These are rare:
//!
//! - A signal handler that allocates on an alternate stack needs 8 KiB there in an optimized build,
//!   and 32 KiB in a debug build.
//! - If two processes map one recording, its times are those of one machine and boot. A recording
//!   from another boot has estimated times.
//! - If a module is unloaded, and another of the very same layout is loaded from the same path at
//!   the same address, it is taken for the first one.
//! - `mlockall` leaves the recording out, which has room for much more than is used (about 870 MB).
//!   A library that `dlopen` loads calls the C library's, and makes that room resident: add
//!   `MCL_ONFAULT`, or set `MOD_ALLOC_BUCKETS=4096` (120 MB).
//! - Where `RLIMIT_AS` limits the address space, the recording takes an eighth of it.
//! - If measured code itself enters a group, its allocations there count for the group, and not for
//!   [`measure`].
//! - Debug files are found beside the object, by build id and debug link, and as `.dwp` and `.dwo`;
//!   through debuginfod only by the commands, with `--debuginfod`. Symbols packed in
//!   `.gnu_debugdata` name functions without lines. With `debug = "line-tables-only"`, inlined
//!   functions appear without their paths, because the file has no more.
//! - A library that was deleted after it was loaded has names if they are looked up while the
//!   process runs, by somebody who may open `/proc/PID/map_files` (root), and it has a build id.
//! - `mod-alloc run --children yes` looks at the allocator of the program that it starts. If a
//!   child has another one, its blocks by that allocator's `new` and own functions are not in its
//!   report, and if it frees by `sdallocx` or `tc_free_sized`, it is not recorded. Both are said.
//! - Before tcmalloc has run its constructor, it tells no block's size: such blocks are not
//!   recorded, and their frees count as lost.
//! - Blocks of a mimalloc heap that `mi_heap_destroy` takes stay live in the report.
//! - `MOD_ALLOC_SIGNAL` is for programs with the crate; under `mod-alloc run`, use `mod-alloc top`
//!   and `mod-alloc recover`.
//!
//! # How it works
//!
//! A hook takes the caller's registers and captures the stack incrementally. A thread remembers its
//! last stack. The walk goes outward until it meets a frame of that stack, and then checks that
//! every word that the earlier walk read is unchanged: it is exact, not a guess. The rules for
//! leaving a frame come from `.eh_frame`, and are decoded once per return address. Rules of modules
//! that were loaded late are used only as long as no other module has taken their place.
//!
//! Stacks lie in a table, in which equal outer frames are stored once; the innermost frame names
//! the call site. An 8-byte trailer behind each block names the site to credit when the block is
//! freed. One thread writes a site in place, and the others write it through their arenas. So no
//! two threads write the same line of memory at every event. Peaks need no scanning: a site saves
//! its numbers the first time that it changes after the heap has left its maximum.
//!
//! `tools/check/self-check` captures 50 million hard stacks both ways (C++ exceptions, `alloca`,
//! signals, fibers, `dlclose`, Python's extension modules) and finds no difference. The private
//! documentation has the whole story: `cargo doc --document-private-items`, from `hook` on.
//!
//! # The map
//!
//! ```text
//!  hook (Rust's allocator) ──┬──▶ engine::events ─▶ inside ─▶ stack_site ─▶ ledger
//!  preload (C's allocator) ──┘                                    │            │
//!        └▶ store::trailer: the site                              ▼            ▼
//!           behind each block                  capture: the stack      store: the numbers
//! ```
//!
//! A file knows its own folder and the folders below it here, and the compiler holds it
//! (`tools/check/layers`):
//!
//! ```text
//!  start fork hook preload tracker groups compat    glue, one page per story
//!  api                     totals, call sites, reports, groups, measure, memory_stats, …
//!  engine                  this process: session, threads, ledger, windows, allocators' state
//!  report  symbolize       named stacks and dhat JSON; they know the recording, not the engine
//!  recording               the reader of untrusted bytes, and plain data
//!  store                   the mapping's parts: layout, frames, sites, tallies, arenas, peaks
//!  capture                 from registers to a stack
//!  base                    os: the only libc; sync, settings, units, losses
//! ```
//!
//! `hook` tells the story of one event from its beginning; `store` and `store::layout` draw the
//! data; `store::peak` and `store::tally` explain the numbers. A second engine for other systems
//! stands beside `engine`: it makes a `recording::model::Recording`, and neither `report` nor
//! `symbolize` knows which engine made it. All that the engine asks of the system is in `base::os`.
//! `portable` is that engine, with the names of this one's front; `build.rs` chooses.
//! These three are open to `mod-alloc-cli`, and no part of what the crate promises to programs.
//!
//! # Features
//!
//! The process's totals and [`memory_stats`] are always there, with libc as the only dependency.
//! Default are `backtraces` (stacks and sites), `symbolicate` (names, files, lines) and
//! `dhat-compat` (the report); `counters` and `std` are names of mod-alloc 1.0.1, and add nothing.
//! Not default are:
//!
//! | feature | adds |
//! |---|---|
//! | `groups` | [`groups`] of allocations, tracked futures and streams, tracker callbacks |
//! | `tracing` | groups that follow tracing's spans |
//! | `threads` | [`measure_threads`]; defines `pthread_create` |
//! | `pprof` | [`pprof`]: profiles for collectors, made by the program |
//! | `usdt` | probes `otel_memory:alloc` and `free` of sampled blocks: [sampling](#sampling) |
//! | `jemalloc`, `mimalloc` | those allocators' figures in [`heap_state`] and in reports |
//! | `compat-1-0` | mod-alloc 1.0's way where it and dhat-rs contradict each other |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(
    mod_alloc_portable,
    expect(dead_code, reason = "files that both engines use have parts for one of them")
)]

#[cfg(not(mod_alloc_forwards))]
mod api;
#[cfg(not(mod_alloc_forwards))]
mod base;
#[cfg(all(feature = "backtraces", not(mod_alloc_portable), not(mod_alloc_forwards)))]
mod capture;
#[cfg(not(mod_alloc_forwards))]
mod compat;
#[cfg(not(mod_alloc_forwards))]
#[cfg_attr(mod_alloc_portable, path = "portable/engine.rs")]
mod engine;
#[cfg(all(not(mod_alloc_portable), not(mod_alloc_forwards)))]
mod fork;
#[cfg(mod_alloc_forwards)]
mod forwarding;
#[cfg(all(feature = "groups", not(mod_alloc_forwards)))]
pub mod groups;
#[cfg(not(mod_alloc_forwards))]
mod hook;
#[cfg(all(feature = "preload", not(mod_alloc_portable), not(mod_alloc_forwards)))]
#[doc(hidden)]
pub mod preload;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_forwards)))]
pub mod production;
#[cfg(not(mod_alloc_forwards))]
#[doc(hidden)]
pub mod recording;
#[cfg(all(feature = "symbolicate", not(mod_alloc_forwards)))]
#[doc(hidden)]
pub mod report;
#[cfg(not(mod_alloc_forwards))]
#[cfg_attr(mod_alloc_portable, path = "portable/start.rs")]
mod start;
#[cfg(not(mod_alloc_forwards))]
#[cfg_attr(mod_alloc_portable, path = "portable/store.rs")]
mod store;
#[cfg(all(feature = "symbolicate", not(mod_alloc_forwards)))]
#[doc(hidden)]
#[cfg_attr(mod_alloc_portable, path = "portable/symbolize.rs")]
pub mod symbolize;
#[cfg(all(feature = "groups", not(mod_alloc_forwards)))]
mod tracker;
#[cfg(all(
    feature = "backtraces",
    not(any(feature = "groups", mod_alloc_portable, mod_alloc_forwards))
))]
#[path = "tracker/none.rs"]
mod tracker;

#[cfg(all(feature = "backtraces", not(mod_alloc_forwards)))]
pub use api::call_sites::CallSiteStats;
#[cfg(all(feature = "symbolicate", not(mod_alloc_forwards)))]
pub use api::call_sites::named::{SymbolicatedCallSite, SymbolicatedFrame};
#[cfg(all(feature = "backtraces", not(mod_alloc_forwards)))]
pub use api::free::call_sites;
#[cfg(all(feature = "symbolicate", not(mod_alloc_forwards)))]
pub use api::free::symbolicated_report;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_forwards)))]
pub use api::free::{dhat_json_string, write_dhat_json};
#[cfg(not(mod_alloc_forwards))]
pub use api::free::{reset, snapshot};
#[cfg(not(mod_alloc_forwards))]
pub use api::heap_state;
#[cfg(all(feature = "backtraces", not(mod_alloc_forwards)))]
#[doc(hidden)]
pub use api::measure;
#[cfg(all(feature = "threads", not(mod_alloc_forwards)))]
pub use api::measure::measure_threads;
#[cfg(all(feature = "backtraces", not(mod_alloc_forwards)))]
pub use api::measure::{Measured, Measuring, measure, measure_async, measure_with};
#[cfg(not(mod_alloc_forwards))]
/// The name of mod-alloc 1.0 for [`ProcessMeasuring`].
#[doc(hidden)]
pub use api::measure_process::ProcessMeasuring as Profiler;
#[cfg(not(mod_alloc_forwards))]
pub use api::measure_process::{ProcessMeasuring, measure_process};
#[cfg(not(mod_alloc_forwards))]
pub use api::memory_stats;
#[cfg(all(feature = "pprof", not(feature = "preload"), not(mod_alloc_forwards)))]
pub use api::pprof;
#[cfg(all(feature = "backtraces", not(mod_alloc_forwards)))]
pub use api::sampling::{SamplingError, set_sampling};
#[cfg(not(mod_alloc_forwards))]
pub use api::totals::AllocStats;
#[cfg(not(mod_alloc_forwards))]
pub use base::os::signal_kinds::Signal;
#[cfg(not(mod_alloc_forwards))]
#[doc(hidden)]
pub use base::units;
#[cfg(all(feature = "dhat-compat", not(mod_alloc_forwards)))]
pub use compat::dhat as dhat_compat;
#[cfg(mod_alloc_forwards)]
pub use forwarding::{AllocStats, ModAlloc, reset, snapshot};
#[cfg(not(mod_alloc_forwards))]
pub use hook::ModAlloc;
