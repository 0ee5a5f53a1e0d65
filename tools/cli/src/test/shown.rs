//! The rows for people and programs, and their comparison with those of an earlier run.

pub(crate) mod baseline;
pub(crate) mod budget;
pub(crate) mod json;
pub(crate) mod table;
