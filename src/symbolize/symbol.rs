//! Answers: a place in a module, and a function there.

use super::strings::StringId;

/// The place of a return address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the module in [`Recording::modules`](crate::recording::model::Recording::modules);
    /// `None` if no module was mapped there.
    pub module: Option<u32>,
    /// The return address as linked (relative to the file, the same in every run), or as
    /// loaded when there is no module.
    pub address: u64,
}

/// One function at an address. Fields that are not known are `None` or 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Symbol {
    /// Demangled name of the function.
    pub name: Option<StringId>,
    /// Path of the source file as the debug information has it.
    pub file: Option<StringId>,
    /// Line, counted from 1; 0 if unknown.
    pub line: u32,
    /// Column, counted from 1; 0 if unknown.
    pub column: u32,
    /// True if this function was inlined into the next one outward at the same address.
    pub inlined: bool,
    /// True if the function has no name of its own, as in stripped code: `name` is the nearest
    /// named function before it and a number of bytes (`deflate+0x1b0`), or `sub_` and its address.
    pub is_nearest: bool,
}
