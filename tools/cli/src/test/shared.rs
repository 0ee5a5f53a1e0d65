//! The parts that the run and its steps share.

pub(crate) mod hush;
pub(crate) mod options;
pub(crate) mod own_state;
pub(crate) mod plan;
pub(crate) mod refused;
pub(crate) mod state;
pub(crate) mod supervise;
