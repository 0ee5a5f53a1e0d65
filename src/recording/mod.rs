//! What a run recorded: the bytes, and the same as plain data.

pub(crate) mod layout;
#[cfg(feature = "symbolicate")]
pub mod model;
#[cfg(feature = "dhat-compat")]
pub(crate) mod reader;
