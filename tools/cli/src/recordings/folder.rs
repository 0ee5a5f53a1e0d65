//! The folder of a run.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::base::system::{Users, file_system};

use super::old::{keep_within_bounds, lock};

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
pub(crate) struct RunFolder {
    folder: PathBuf,
    /// The folder of the recordings: the same one, or one in it.
    recordings: PathBuf,
    /// The folder is locked as long as the run lasts, so that nobody else removes anything from it.
    /// `None`: its file system has no locks, and no folder in it counts as that of an ended run.
    _lock: Option<File>,
}

impl RunFolder {
    /// Makes one. The error tells of every place that was tried.
    pub(crate) fn create(users: Users) -> Result<Self, String> {
        keep_within_bounds();
        let mut failures = Vec::new();
        for parent in parents() {
            if parent == Path::new(IN_MEMORY) && !has_room(&parent) {
                failures.push(format!("{}: less than 256 MiB are free", parent.display()));
                continue;
            }
            match Self::create_in(&parent, users) {
                Ok(folder) => return Ok(folder),
                Err(error) => failures.push(format!("{}: {error}", parent.display())),
            }
        }
        Err(format!(
            "there is no folder for the recording ({}); set TMPDIR to one that can be written to",
            failures.join("; ")
        ))
    }

    fn create_in(parent: &Path, users: Users) -> io::Result<Self> {
        let folder = create_in(parent)?;
        let lock = lock(&folder).ok();
        let recordings = match users {
            Users::Own => folder.clone(),
            Users::Any => open_to_all(&folder)?,
        };
        Ok(Self { folder, recordings, _lock: lock })
    }

    /// The folder of the recordings.
    pub(crate) fn path(&self) -> &Path {
        &self.recordings
    }

    /// Takes it away if nothing is in it.
    pub(crate) fn remove_if_empty(self) {
        // It stays because of its contents.
        let _ = fs::remove_dir(self.recordings);
        let _ = fs::remove_dir(self.folder);
    }

    /// Takes it away with all that is in it.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_dir_all(self.folder)
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

/// Makes a folder in `folder` in which any user can make files who knows its name. The name is a
/// secret of the run's processes: others cannot list the folder around it. Nobody can list this one
/// but its owner, or remove another user's file, or read it.
fn open_to_all(folder: &Path) -> io::Result<PathBuf> {
    let mut secret = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut secret)?;
    let name: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let recordings = folder.join(name);
    DirBuilder::new().mode(0o700).create(&recordings)?;
    // The mask of the process does not count here.
    fs::set_permissions(&recordings, Permissions::from_mode(0o1733))?;
    fs::set_permissions(folder, Permissions::from_mode(0o711))?;
    Ok(recordings)
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
        let (a, b) =
            (RunFolder::create(Users::Own).unwrap(), RunFolder::create(Users::Own).unwrap());
        assert_ne!(a.path(), b.path());
        assert_eq!(fs::metadata(a.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(a.path().join("1"), "no recording").unwrap();
        assert_eq!(super::super::in_folder(a.path()).unwrap(), Vec::<PathBuf>::new());
        let path = a.path().to_owned();
        a.remove().unwrap();
        b.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn others_find_the_recordings_by_their_secret_alone() {
        let folder = RunFolder::create(Users::Any).unwrap();
        let (inner, outer) = (folder.path().to_owned(), folder.path().parent().unwrap().to_owned());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&outer), mode(&inner)), (0o711, 0o1733));
        assert_eq!(inner.file_name().unwrap().len(), 32);
        folder.remove().unwrap();
        assert!(!outer.exists());
    }
}
