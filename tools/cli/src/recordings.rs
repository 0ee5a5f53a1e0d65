//! The places of recordings, and their content.
//!
//! Each run has a folder of its own, `mod-alloc.<random>`, in memory (`/dev/shm`) if there is
//! room, else in the folder for temporary files. In it a recording is called after its process. If
//! processes may become other users, the recordings are in a folder with a secret name in it.

mod debug_files;
mod debuginfod;
mod folder;
mod found;
mod input;
mod old;
mod symbol_cache;

pub(crate) use debug_files::DebugFiles;
pub(crate) use folder::{RunFolder, places};
pub(crate) use found::{
    goes_on_in, has_prepared, in_folder, is_running, left_behind, pattern_of, shrink,
};
pub(crate) use input::{profile, read, read_recording};
pub(crate) use old::clean;
