//! Other crates' interfaces.

#[cfg(feature = "dhat-compat")]
pub mod dhat;
#[cfg(feature = "groups")]
pub mod tracking;
