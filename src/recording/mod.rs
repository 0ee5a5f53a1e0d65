//! What a run recorded: the bytes, and the same as plain data.

#[cfg(feature = "dhat-compat")]
pub mod file;
#[cfg(feature = "dhat-compat")]
mod image;
#[cfg(feature = "backtraces")]
pub mod model;
#[cfg(feature = "backtraces")]
pub(crate) mod reader;
