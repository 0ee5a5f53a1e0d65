//! The table's protocol files over loom's atomics.

#[path = "../../src/store/frames.rs"]
pub(crate) mod frames;
#[path = "../../src/store/slot.rs"]
pub(crate) mod slot;
