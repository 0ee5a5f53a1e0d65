//! `report` (names and reports: plain data in, text out, no engine) compiles without the folders above it.

#[path = "../../src/base/mod.rs"]
mod base;
#[cfg(feature = "backtraces")]
#[path = "../../src/capture/mod.rs"]
mod capture;
#[path = "../../src/recording/mod.rs"]
mod recording;
#[cfg(feature = "symbolicate")]
#[path = "../../src/report/mod.rs"]
mod report;
#[path = "../../src/store/mod.rs"]
mod store;
#[cfg(feature = "symbolicate")]
#[path = "../../src/symbolize/mod.rs"]
mod symbolize;
