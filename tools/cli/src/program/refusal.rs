//! Why a library cannot be preloaded into a program, and the way out.

use std::fmt;
use std::path::PathBuf;

use super::machine::THIS_MACHINE;
use super::privileges::Gain;

/// Why a library cannot be preloaded into a program, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The file that is meant: the program, or a script's interpreter.
    pub(crate) path: PathBuf,
    pub(crate) reason: Reason,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No loader is asked for: nothing would load the library.
    Static,
    /// The loader ignores preloaded libraries where a program gains rights.
    GainsRights { how: Gain },
    /// Made for another processor, or for its 32-bit mode.
    OtherMachine(String),
    /// For another C library than glibc, by its loader.
    OtherLibc { loader: String },
    /// A sanitizer's allocator takes all allocations, and its runtime refuses a library before it.
    Sanitizer { option: &'static str },
    /// No object file that the kernel would take.
    Damaged(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Reason::Static => write!(
                f,
                "{path} is statically linked: no loader loads the library that records. \
                 Link it dynamically; or, if it is a Rust program, use the crate \
                 `mod-alloc` in it instead (two lines, see its README)"
            ),
            Reason::GainsRights { how } => write!(
                f,
                "{path} {how}: the loader ignores preloaded libraries there. \
                 {}, or run a copy of the file: a copy has its code without its rights",
                how.way_out()
            ),
            Reason::OtherMachine(what) => write!(
                f,
                "{path} is a program for {what}, and this mod-alloc records programs for {}. \
                 Use a mod-alloc built for that machine",
                THIS_MACHINE
            ),
            Reason::OtherLibc { loader } => write!(
                f,
                "{path} is for another C library (its loader is {loader}), and the library that \
                 records is for glibc. Build the program for glibc; or, if it is a Rust program, \
                 use the crate `mod-alloc` in it instead"
            ),
            Reason::Sanitizer { option } => write!(
                f,
                "{path} is built with the sanitizer -fsanitize={option}, whose runtime replaces \
                 malloc and has to be the first library. Build the program without it to record it"
            ),
            Reason::Damaged(what) => write!(f, "{path} cannot be read as a program: {what}"),
        }
    }
}
