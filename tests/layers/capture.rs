//! `capture` (from registers to a stack) compiles without the folders above it.

#[path = "../../src/base/mod.rs"]
mod base;
#[cfg(feature = "backtraces")]
#[path = "../../src/capture/mod.rs"]
mod capture;
