//! The place of a run's recording.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::base::say::say;
use crate::base::system::{Users, user};
use crate::recordings::{self, RunFolder};

use super::arguments::{Arguments, Children};
use super::failure::{Failure, refused};

/// The place of the recording.
pub(super) enum Place {
    /// Nothing is recorded.
    Nowhere,
    /// A folder of the run's own, taken away if all goes well.
    Own(RunFolder),
    /// The user's own path.
    Kept(PathBuf),
}

impl Place {
    /// The place that the user asks for.
    pub(super) fn of(arguments: &Arguments) -> Result<Self, Failure> {
        match &arguments.record {
            None => RunFolder::create(users(arguments.children)).map(Self::Own).map_err(refused),
            Some(path) => kept(path, arguments.children),
        }
    }

    /// The recording of process `pid`, or, if every process is recorded, their folder. `None`:
    /// nothing is recorded.
    pub(super) fn recording(&self, pid: u32, children: Children) -> Option<PathBuf> {
        match (self, children) {
            (Self::Nowhere, _) => None,
            (Self::Own(folder), Children::No) => {
                Some(folder.path().join(format!("recording.{pid}")))
            }
            (Self::Own(folder), Children::Yes) => Some(folder.path().to_owned()),
            (Self::Kept(path), _) => Some(path.clone()),
        }
    }

    /// The value of `MOD_ALLOC_RECORD`: `%p` stands for a process's id, `%%` for a percent sign.
    pub(super) fn pattern(&self, children: Children) -> OsString {
        let (path, is_folder) = match self {
            Self::Own(folder) => (folder.path(), true),
            Self::Kept(path) => (path.as_path(), children == Children::Yes),
            Self::Nowhere => return OsString::new(),
        };
        let mut pattern = recordings::pattern_of(path);
        if is_folder {
            pattern.push("/recording.%p");
        }
        pattern
    }

    /// Removes the run's own folder with the recordings in it.
    pub(super) fn remove(self) {
        let Self::Own(folder) = self else { return };
        let path = folder.path().to_owned();
        if let Err(error) = folder.remove() {
            say!("{} cannot be removed: {error}", path.display());
        }
    }

    /// Removes the run's own folder unless there is a recording in it.
    pub(super) fn remove_if_empty(self) {
        if let Self::Own(folder) = self {
            folder.remove_if_empty();
        }
    }
}

/// Only root's processes can become other users without gaining rights.
pub(super) fn users(children: Children) -> Users {
    if children == Children::Yes && user() == 0 { Users::Any } else { Users::Own }
}

/// A file or folder that the user keeps: it must be new.
fn kept(path: &Path, children: Children) -> Result<Place, Failure> {
    let failed = |error| refused(format_args!("{}: {error}", path.display()));
    // The program may change its folder before it forks.
    let path = std::path::absolute(path).map_err(failed)?;
    if is_taken(&path, children) {
        return Err(refused(format_args!(
            "{}: there is something already, and --record overwrites nothing; give another PATH",
            path.display()
        )));
    }
    match children {
        Children::Yes => fs::create_dir_all(&path).map_err(failed)?,
        // The library makes the file, in the program: too late to choose another place.
        Children::No => try_file(&path).map_err(failed)?,
    }
    Ok(Place::Kept(path))
}

/// Tries if there can be a file of that name.
fn try_file(path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    fs::remove_file(path)
}

fn is_taken(path: &Path, children: Children) -> bool {
    match children {
        Children::No => path.exists(),
        Children::Yes => recordings::in_folder(path).is_ok_and(|found| !found.is_empty()),
    }
}
