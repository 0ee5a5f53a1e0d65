//! Recordings: their bytes read, and their content as plain data.

#[cfg(feature = "dhat-compat")]
mod error;
#[cfg(feature = "dhat-compat")]
pub mod file;
#[cfg(feature = "backtraces")]
pub(crate) mod heap_moment;
pub(crate) mod heap_state;
#[cfg(feature = "dhat-compat")]
mod image;
#[cfg(feature = "backtraces")]
pub(crate) mod losses;
#[cfg(feature = "backtraces")]
pub mod model;
#[cfg(feature = "backtraces")]
mod moments;
#[cfg(feature = "backtraces")]
pub(crate) mod reader;
