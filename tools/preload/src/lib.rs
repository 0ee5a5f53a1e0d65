//! The preload library of `mod-alloc run`.
