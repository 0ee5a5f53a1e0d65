//! The paths and the size of a run, for everything that is run.

use std::path::PathBuf;

/// The paths, and the size of the work.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// The program `mod-alloc`.
    pub(crate) mod_alloc: PathBuf,
    /// The folder with the sources of the programs.
    pub(crate) programs: PathBuf,
    /// The repository whose history git works on.
    pub(crate) repository: PathBuf,
    /// The folder that files may be written to.
    pub(crate) scratch: PathBuf,
    /// Less of everything, for a look; not for numbers to publish.
    pub(crate) quick: bool,
}
