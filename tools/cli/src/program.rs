//! Finds an executable, tells whether a library can be preloaded into it, and has that library.

mod allocators;
mod elf;
mod examined;
mod interpreter;
mod ld_preload;
mod loader;
mod machine;
pub(crate) mod preload;
mod privileges;
mod refusal;
mod search;

pub(crate) use allocators::own_allocator;
pub(crate) use examined::Program;
pub(crate) use ld_preload::in_front;
pub(crate) use search::find;
