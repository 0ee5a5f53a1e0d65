//! The table's protocol files over loom's atomics.

#[path = "../../src/store/frames.rs"]
pub(crate) mod frames;
#[path = "../../src/store/ids.rs"]
pub(crate) mod ids;
#[path = "../../src/store/slot.rs"]
pub(crate) mod slot;
