//! `base` (the ground floor) compiles without the folders above it.

#[path = "../../src/base/mod.rs"]
mod base;
