//! What a run recorded.
pub mod model;
