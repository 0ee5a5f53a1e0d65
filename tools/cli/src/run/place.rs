//! The place of a run's recording.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::base::say::say;
use crate::base::system::{Users, user};
use crate::program::Program;
use crate::recordings::{self, RunFolder};

use super::arguments::{Children, Options};
use super::failure::{Failure, refused};

/// The place of the recording.
pub(super) enum Place {
    /// Nothing is recorded.
    Nowhere,
    /// A folder of the run's own, taken away if all goes well.
    Own(RunFolder),
    /// The user's own path.
    Kept(PathBuf),
    /// The user's own path with a `%p`: it is known when the program has begun.
    Named { pattern: OsString, program: OsString },
}

impl Place {
    /// The place that the user asks for, for a run of `program`.
    pub(super) fn of(options: &Options, program: &Program) -> Result<Self, Failure> {
        match (&options.record, of_environment()) {
            (Some(path), _) => kept(path, options.children),
            (None, Some(pattern)) => named(&pattern, &program.name(), options.children),
            (None, None) => {
                RunFolder::create(users(options.children)).map(Self::Own).map_err(refused)
            }
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
            (Self::Named { pattern, program }, _) => expanded(pattern, program, Some(pid)),
        }
    }

    /// The value of `MOD_ALLOC_RECORD`: `%p` stands for a process's id, `%%` for a percent sign.
    pub(super) fn pattern(&self, children: Children) -> OsString {
        let (path, is_folder) = match self {
            Self::Own(folder) => (folder.path(), true),
            Self::Kept(path) => (path.as_path(), children == Children::Yes),
            Self::Named { pattern, .. } => return pattern.clone(),
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

/// The user's `MOD_ALLOC_RECORD`. Within a run that records children the variable is that run's own.
fn of_environment() -> Option<OsString> {
    if std::env::var_os("MOD_ALLOC_CHILDREN").is_some() {
        return None;
    }
    std::env::var_os("MOD_ALLOC_RECORD").filter(|value| !value.is_empty())
}

/// The place by a pattern, which means what `--record` means.
fn named(pattern: &OsStr, program: &OsStr, children: Children) -> Result<Place, Failure> {
    if let Some(path) = expanded(pattern, program, None) {
        return kept(&path, children);
    }
    if children == Children::Yes {
        return Err(refused(format_args!(
            "MOD_ALLOC_RECORD={}: with --children yes it is the folder of all processes; leave the %p \
             out",
            pattern.display()
        )));
    }
    let path = std::path::absolute(pattern)
        .map_err(|error| refused(format_args!("{}: {error}", pattern.display())))?;
    Ok(Place::Named { pattern: path.into_os_string(), program: program.to_owned() })
}

/// The path of a pattern: `%e` is the program's name, `%p` the process's id, `%%` a percent sign.
/// `None`: it has a `%p`, and there is no process yet.
fn expanded(pattern: &OsStr, program: &OsStr, pid: Option<u32>) -> Option<PathBuf> {
    let (mut path, mut rest) = (Vec::new(), pattern.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'%', Some(b'p')) => path.extend_from_slice(pid?.to_string().as_bytes()),
            (b'%', Some(b'e')) => path.extend_from_slice(program.as_bytes()),
            (b'%', Some(b'%')) => path.push(b'%'),
            _ => {
                path.push(byte);
                continue;
            }
        }
        rest = after.get(1..).unwrap_or_default();
    }
    Some(OsString::from_vec(path).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_the_program() {
        let of = |pattern: &str, pid| expanded(OsStr::new(pattern), OsStr::new("ls"), pid);
        assert_eq!(of("a/%e.%%p", None), Some("a/ls.%p".into()));
        assert_eq!(of("100%", None), Some("100%".into()));
        assert_eq!(of("a.%p", None), None);
        assert_eq!(of("a.%p.%e", Some(7)), Some("a.7.ls".into()));
    }
}
