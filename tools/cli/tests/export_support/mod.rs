//! Reports to export and compare, and what is read back from each format.

pub(crate) mod documents;
pub(crate) mod pprof;
pub(crate) mod totals;
