//! The library that keeps libtest quiet about its log; see `hush/hush.rs`.

/// Its file.
pub(crate) static LIBRARY: &[u8] = include_bytes!(env!("MOD_ALLOC_HUSH_LIBRARY"));
/// Its file's name, by which it finds its own traces.
pub(crate) const FILE_NAME: &str = "libmod_alloc_hush.so";
/// The program that is meant.
pub(crate) const PROGRAM: &str = "MOD_ALLOC_HUSH";
/// The folder for notes on doc tests.
pub(crate) const NOTES: &str = "MOD_ALLOC_DOCTESTS";
