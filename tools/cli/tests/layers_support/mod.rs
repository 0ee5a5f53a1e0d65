//! Reads the uses of files by each other from their text.

mod paths;
mod tokens;
pub(crate) mod tree;
