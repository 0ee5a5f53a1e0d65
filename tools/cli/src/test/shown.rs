//! The rows for people and programs, and their comparison with those of an earlier run.

pub(crate) mod baseline;
pub(crate) mod budget;
pub(crate) mod comparison;
pub(crate) mod json;
pub(crate) mod markdown;
mod narrow;
pub(crate) mod spread;
pub(crate) mod table;
