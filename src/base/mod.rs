//! The ground floor: the operating system, atomics and locks, settings.

pub(crate) mod current;
pub(crate) mod os;
pub(crate) mod settings;
pub(crate) mod sync;
