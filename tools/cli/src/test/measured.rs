//! The numbers of tests: of one process, then of all.

pub(crate) mod apart;
pub(crate) mod from_log;
pub(crate) mod groups;
pub(crate) mod numbers;
pub(crate) mod ran;
pub(crate) mod results;
pub(crate) mod rows;
pub(crate) mod workspace;
