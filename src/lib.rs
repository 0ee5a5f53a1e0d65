//! An exact allocation profiler with whole stacks.
#[cfg(feature = "symbolicate")]
pub mod recording;
