//! The folder for files that are used again: `mod-alloc` in the user's cache, or a private one
//! among temporary files.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::system::user;
use super::trust;

/// The folders for them, best first.
pub(crate) fn candidates() -> Vec<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // A home that does not exist is not made: accounts without one are to stay so.
    let home = || absolute("HOME").filter(|home| home.is_dir()).map(|home| home.join(".cache"));
    let cache = absolute("XDG_CACHE_HOME").or_else(home);
    let private = std::env::temp_dir().join(format!("mod-alloc-{}", user()));
    cache.map(|cache| cache.join("mod-alloc")).into_iter().chain([private]).collect()
}

/// Makes the folder if it is not there, and the one that it is in. Refuses it if others may write
/// to it, or put another one in its place.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    if let Some(cache) = folder.parent() {
        make_one(cache)?;
    }
    make_one(folder)?;
    trust::above(folder)?;
    check(folder)
}

/// As `make`, for a folder in one that `make` has made.
pub(crate) fn make_inner(folder: &Path) -> io::Result<()> {
    make_one(folder)?;
    check(folder)
}

/// Makes a folder in one that exists. It is private from the first moment on.
fn make_one(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if !folder.is_dir() => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a folder that others may write to: they could put their files into it.
fn check(folder: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(folder)?;
    // A link in a folder of the user's own is the user's will.
    let found =
        if found.is_symlink() && found.uid() == user() { fs::metadata(folder)? } else { found };
    if !found.is_dir() || found.uid() != user() || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("it is not a folder that its owner alone can write to"));
    }
    Ok(())
}
