//! `mod-alloc serve`: an endpoint for scrapers, `go tool pprof` and browsers, from outside of the
//! programs that it tells of.
//!
//! ```text
//!  connection ─▶ http: head, limits ─▶ access: token, host ─▶ route ─┬▶ profile: pprof
//!                                                                    ├▶ metrics: Prometheus
//!     recordings ─▶ sources ─▶ subject: reading, names, deltas ──────┴▶ page: HTML
//! ```
//!
//! | path | answer |
//! |---|---|
//! | `/debug/pprof/allocs` | a profile whose totals are of the whole run; opened at `alloc_space` |
//! | `/debug/pprof/heap` | that, opened at `inuse_space` |
//! | `/debug/pprof/delta_heap` | totals since this collector's last request that was answered |
//! | `…?client=NAME` | the collector; else its address and `User-Agent` tell it from others |
//! | `…?seconds=N` | totals of the next N seconds |
//! | `…?pid=N` | one process of several |
//! | `/metrics` | numbers for Prometheus |
//! | `/` | the report's page, of now |
//!
//! With `--push`, the same profiles go to a collector: see [`push`].
//!
//! In each profile live blocks are those of now: no number is negative, which scrapers refuse.
//!
//! The recordings are read as files: the programs are neither stopped nor slowed.

mod access;
mod arguments;
mod collectors;
mod command;
mod endpoint;
mod http;
mod limits;
mod metrics;
mod numbers;
mod page;
mod profile;
mod push;
mod route;
mod served;
mod service;
mod sources;
mod subject;

pub(crate) use arguments::{Arguments, Listening};
pub(crate) use command::run;
pub(crate) use push::Pushing;
pub(crate) use service::{Running, Service};
pub(crate) use sources::Sources;
