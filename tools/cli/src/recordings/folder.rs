//! The folder of a run.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::base::system::file_system;

const IN_MEMORY: &str = "/dev/shm";
pub(super) const PREFIX: &str = "mod-alloc.";
/// Free room below which memory is left to others.
const ROOM: u64 = 256 << 20;

/// The folders that recordings are made in, best first.
pub(super) fn parents() -> Vec<PathBuf> {
    let mut parents = vec![PathBuf::from(IN_MEMORY)];
    let temporary = std::env::temp_dir();
    if temporary != Path::new(IN_MEMORY) {
        parents.push(temporary);
    }
    parents
}

/// The folders' names, for people.
pub(crate) fn places() -> String {
    let names: Vec<_> = parents().iter().map(|parent| parent.display().to_string()).collect();
    names.join(" and ")
}

/// A run's folder. It stays unless [`remove`](Self::remove) is called.
#[derive(Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes one. The error tells of every place that was tried.
    pub(crate) fn create() -> Result<Self, String> {
        let mut failures = Vec::new();
        for parent in parents() {
            if parent == Path::new(IN_MEMORY) && !has_room(&parent) {
                failures.push(format!("{}: less than 256 MiB are free", parent.display()));
                continue;
            }
            match create_in(&parent) {
                Ok(folder) => return Ok(Self(folder)),
                Err(error) => failures.push(format!("{}: {error}", parent.display())),
            }
        }
        Err(format!(
            "there is no folder for the recording ({}); set TMPDIR to one that can be written to",
            failures.join("; ")
        ))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Takes it away if nothing is in it.
    pub(crate) fn remove_if_empty(self) {
        // It stays because of its contents.
        let _ = fs::remove_dir(self.0);
    }

    /// Takes it away with all that is in it.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(self.0)
    }
}

fn create_in(parent: &Path) -> io::Result<PathBuf> {
    loop {
        let name = format!("{PREFIX}{}.{:08x}", std::process::id(), random());
        let folder = parent.join(name);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

fn random() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    // Its keys are random.
    (RandomState::new().hash_one(0) >> 32) as u32
}

fn has_room(folder: &Path) -> bool {
    file_system(folder).is_ok_and(|system| system.f_bavail.saturating_mul(system.f_frsize) >= ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_s_folder_is_private_and_of_its_own() {
        use std::os::unix::fs::PermissionsExt;
        let (a, b) = (RunFolder::create().unwrap(), RunFolder::create().unwrap());
        assert_ne!(a.path(), b.path());
        assert_eq!(fs::metadata(a.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(a.path().join("1"), "no recording").unwrap();
        assert_eq!(super::super::in_folder(a.path()).unwrap(), Vec::<PathBuf>::new());
        let path = a.path().to_owned();
        a.remove().unwrap();
        b.remove().unwrap();
        assert!(!path.exists());
    }
}
