//! The table's protocol files over loom's atomics.

#[path = "../../src/table/frames.rs"]
pub(crate) mod frames;
#[path = "../../src/table/slot.rs"]
pub(crate) mod slot;
