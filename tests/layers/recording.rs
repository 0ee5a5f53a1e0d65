//! `recording` (the reader and plain data) compiles without the folders above it.

#[path = "../../src/base/mod.rs"]
mod base;
#[cfg(feature = "backtraces")]
#[path = "../../src/capture/mod.rs"]
mod capture;
#[path = "../../src/recording/mod.rs"]
mod recording;
#[path = "../../src/store/mod.rs"]
mod store;
