//! Finds an executable, tells whether a library can be preloaded into it, and has that library.

mod allocators;
mod elf;
mod examined;
mod fronts;
mod interpreter;
mod ld_preload;
mod loader;
mod machine;
pub(crate) mod preload;
mod privileges;
mod refusal;
mod sanitizer;
mod search;

pub(crate) use allocators::{OwnAllocators, unseen};
pub(crate) use examined::Program;
pub(crate) use fronts::libraries;
pub(crate) use ld_preload::in_front;
pub(crate) use search::find;
