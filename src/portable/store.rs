//! The plain parts of `store`, which know no mapping.

#[path = "../store/group.rs"]
#[cfg(feature = "backtraces")]
pub(crate) mod group;
#[path = "../store/ids.rs"]
pub(crate) mod ids;
#[cfg(feature = "backtraces")]
#[path = "../store/kinds.rs"]
pub(crate) mod kinds;
#[cfg(feature = "backtraces")]
#[path = "../store/sampling.rs"]
pub(crate) mod sampling;
