//! `mod-alloc export`: a report in the formats of other tools.
//!
//! | format | opened by | the metrics in it |
//! |---|---|---|
//! | `pprof` | `go tool pprof`, Pyroscope, Parca, Perfetto | all, by the names of Go's heap profiles |
//! | `otlp` | an OpenTelemetry collector, Pyroscope | all, a profile each |
//! | `speedscope` | speedscope.app | all, a profile each |
//! | `firefox` | profiler.firefox.com | all, a thread each; the heap over time as a track |
//! | `collapsed` | flamegraph.pl, inferno, speedscope | one |
//! | `svg` | a browser, an issue, a pull request | one to look at, all in words |
//! | `dhat` | Valgrind's viewer, `mod-alloc` | all |
//!
//! All of them are made of a [`Document`](crate::dhat_file::Document). Numbers that it lacks are
//! left out. Nothing goes down a stack by recursion: stacks may be 100,000 frames deep.

mod collapsed;
mod command;
mod firefox;
mod format;
mod json_text;
mod metric;
mod names;
mod speedscope;
mod svg;
mod tree;

pub(crate) use command::{Arguments, run};
pub use format::in_every_format;
