//! mod-alloc in a production binary: built in, off until somebody asks.
//!
//! # Off, and on by a variable
//!
//! ```
//! use mod_alloc::{ModAlloc, Signal};
//!
//! #[global_allocator]
//! static ALLOC: ModAlloc = ModAlloc::new()
//!     .off_by_default()
//!     .report_to("/var/tmp/heap-%e-%p.json")
//!     .report_on(&[Signal::TERM, Signal::INT])
//!     .signal(Signal::USR1);
//! # fn main() {}
//! ```
//!
//! The program runs as without the profiler: nothing is recorded, no thread is started, no file is
//! written, and nothing is printed. `MOD_ALLOC=on` in its environment switches recording on for one
//! start; it cannot be switched on later, because blocks that are recorded are longer.
//!
//! | the start | `kill -USR1` | `kill` (TERM), Ctrl-C |
//! |---|---|---|
//! | without a variable | one line: recording is off | ends, as ever |
//! | `MOD_ALLOC=on` | threads, heap and sites; a report | a report, then ends, as ever |
//!
//! A value that is none (`MOD_ALLOC=maybe`) leaves recording off, with a line that says so.
//!
//! # The price
//!
//! Instructions for a pair of an allocation and a free of 64 bytes, counted by Valgrind
//! (x86-64, one thread, 2026-11-28):
//!
//! | the program | at one site | below 32 more frames | memory |
//! |---|---|---|---|
//! | without the hook | 167 | 167 | |
//! | with the hook, off | 212 | 212 | none |
//! | on | 648 | 825 | 8 bytes a block, and the table of sites |
//!
//! `benches/README.md` in the repository has the times, and other workloads.
//!
//! # By a feature of your crate
//!
//! If not even the hook is to be there:
//!
//! ```toml
//! [features]
//! heap-profile = ["dep:mod-alloc"]
//!
//! [dependencies]
//! mod-alloc = { version = "1.1", optional = true }
//! ```
//!
//! ```
//! #[cfg(feature = "heap-profile")]
//! #[global_allocator]
//! static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//! # fn main() {}
//! ```
//!
//! # Numbers for your own metrics
//!
//! Libraries need no access to the allocator:
//!
//! ```
//! # #[global_allocator]
//! # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
//! /// For an endpoint of metrics; all zero while recording is off.
//! fn heap_gauge() -> (u64, u64) {
//!     let now = mod_alloc::snapshot();
//!     (now.current_bytes, now.peak_bytes)
//! }
//! # fn main() {
//! # assert!(heap_gauge().1 >= heap_gauge().0);
//! # }
//! ```
//!
//! # A fleet, with Parca, Pyroscope or OpenTelemetry
//!
//! `mod-alloc run --serve 127.0.0.1:6060 --sample 512KiB -- PROGRAM` starts a program that knows
//! nothing of it and serves its profiles; `mod-alloc serve PID` does so for one that runs and has a
//! recording: of `mod-alloc run`, or of this crate with `MOD_ALLOC_RECORD=FILE`. The recording is
//! read as a file, so the program is not slowed by it. Other machines reach an address such as
//! `0.0.0.0:6060`; `--token-file FILE` asks them for a token.
//!
//! Parca takes the path of the whole run, and looks at its growth:
//!
//! <!-- tested: parca -->
//! ```yaml
//! scrape_configs:
//!   - job_name: heap
//!     scrape_interval: 10s
//!     static_configs: [{ targets: ["127.0.0.1:6060"] }]
//!     profiling_config:
//!       pprof_config:
//!         memory: { enabled: true, path: /debug/pprof/allocs }
//!         process_cpu: { enabled: false }
//!         goroutine: { enabled: false }
//!         mutex: { enabled: false }
//!         block: { enabled: false }
//! ```
//!
//! Grafana Alloy, for Pyroscope, makes differences of that path itself. The second block takes
//! pushes instead:
//!
//! <!-- tested: alloy -->
//! ```text
//! pyroscope.scrape "heap" {
//!   targets    = [{"__address__" = "127.0.0.1:6060", "service_name" = "app"}]
//!   forward_to = [pyroscope.write.default.receiver]
//!   profiling_config {
//!     profile.memory      { enabled = true }
//!     profile.process_cpu { enabled = false }
//!     profile.goroutine   { enabled = false }
//!     profile.mutex       { enabled = false }
//!     profile.block       { enabled = false }
//!   }
//! }
//! pyroscope.receive_http "heap" {
//!   http { listen_port = 4040 }
//!   forward_to = [pyroscope.write.default.receiver]
//! }
//! pyroscope.write "default" {
//!   endpoint { url = "http://pyroscope:4040" }
//! }
//! ```
//!
//! Where nobody scrapes, the profiles are pushed: the allocations since the last push that was
//! taken. To Pyroscope, or to Alloy as above, without any configuration there:
//!
//! <!-- tested: pyroscope -->
//! ```sh
//! mod-alloc run --push http://pyroscope:4040/ingest --push-label zone=eu -- PROGRAM
//! ```
//!
//! To an OpenTelemetry collector, whose profiles are an alpha version: it is started with
//! `--feature-gates=service.profilesSupport`.
//!
//! <!-- tested: opentelemetry -->
//! ```sh
//! mod-alloc run --push http://collector:4318/v1development/profiles -- PROGRAM
//! ```
//!
//! <!-- tested: collector -->
//! ```yaml
//! receivers:
//!   otlp: { protocols: { http: { endpoint: "0.0.0.0:4318" } } }
//! exporters:
//!   otlp: { endpoint: "pyroscope:4040", tls: { insecure: true } }
//! service:
//!   pipelines:
//!     profiles: { receivers: [otlp], exporters: [otlp] }
//! ```
//!
//! While the collector is away, nothing is queued and nothing lost: the next push has all. What it
//! refuses, and what is left when it is away at the end, is counted in `/metrics`, and said.
//! `--push-auth-file FILE` authorizes, `--push-every` is the time between two pushes.
//!
//! Prometheus finds live, peak and allocated bytes, losses and groups at `/metrics`. `/` is the
//! report's page, of now.
//!
//! <!-- tested: prometheus -->
//! ```yaml
//! scrape_configs:
//!   - job_name: heap
//!     static_configs: [{ targets: ["127.0.0.1:6060"] }]
//! ```
//!
//! # The ends of a process
//!
//! | the end | leaves |
//! |---|---|
//! | return from `main`, `exit` | the report |
//! | Ctrl-C, SIGTERM | nothing; with `report_on`, [the report](crate#the-end-of-a-service) |
//! | `abort`, a panic with `panic = "abort"` | a line that says what to set |
//! | SIGSEGV, SIGKILL, the OOM killer, `_exit`, `quick_exit`, `exec` | nothing |
//! | any of them, with `MOD_ALLOC_RECORD=FILE` | the recording, for `mod-alloc recover FILE` |
//!
//! # Surroundings
//!
//! - **A read-only file system**: the report cannot be written, and a line says so. Name a writable
//!   volume with [`report_to`](crate::ModAlloc::report_to) or `MOD_ALLOC_OUT`.
//! - **Containers**: `%p` is the process id inside the container, often 1. Give each container its
//!   own folder. As the first process of a container, the program exits with 128 + N after SIGTERM.
//! - **A stop with a time limit** (`docker stop`: 10 s) must be longer than the writing of the
//!   report, which looks up names in the debug information.
//! - **`RLIMIT_AS`**: the recording takes an eighth of the limit.
//! - **Sandboxes that forbid threads**: a line says that the thread cannot be started, and signals
//!   do what they do without the profiler.
