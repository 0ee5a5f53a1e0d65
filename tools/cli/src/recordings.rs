//! Where recordings lie, and which are there.
//!
//! Each run has a folder of its own, `mod-alloc.<random>`, in memory (`/dev/shm`) if there is
//! room, else in the folder for temporary files. In it a recording is called after its process.

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;

const IN_MEMORY: &str = "/dev/shm";
const PREFIX: &str = "mod-alloc.";
/// Free room below which memory is left to others.
const ROOM: u64 = 256 << 20;

/// The folders that recordings are made in, best first.
fn parents() -> Vec<PathBuf> {
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
        // What is in it is why it stays.
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

/// Facts of the file system that holds `path`.
pub(crate) fn file_system(path: &Path) -> io::Result<libc::statvfs> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all zeroes are a value of this plain structure.
    let mut system = unsafe { std::mem::zeroed::<libc::statvfs>() };
    // SAFETY: a C string, and a structure to fill.
    let failed = unsafe { libc::statvfs(name.as_ptr(), &raw mut system) };
    if failed == 0 { Ok(system) } else { Err(io::Error::last_os_error()) }
}

/// The user that this process acts as.
pub(crate) fn user() -> u32 {
    // SAFETY: takes nothing, never fails.
    unsafe { libc::geteuid() }
}

/// `path` for `MOD_ALLOC_RECORD`, where `%` begins a placeholder.
pub(crate) fn pattern_of(path: &Path) -> OsString {
    let doubled = |byte: &u8| std::iter::repeat_n(*byte, if *byte == b'%' { 2 } else { 1 });
    OsString::from_vec(path.as_os_str().as_bytes().iter().flat_map(doubled).collect())
}

/// The recordings in `folder`, in the order of their names.
pub(crate) fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() && RecordingFile::is_one(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// All recordings in the folders of earlier runs, as far as this user may look into them.
pub(crate) fn left_behind() -> Vec<PathBuf> {
    let is_ours = |path: &Path| {
        let name = path.file_name().map(OsStr::as_bytes);
        name.is_some_and(|name| name.starts_with(PREFIX.as_bytes())) && path.is_dir()
    };
    let folders = parents().into_iter().filter_map(|parent| fs::read_dir(parent).ok());
    let paths = folders.flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<_> = paths
        .filter(|path| is_ours(path))
        .filter_map(|path| in_folder(&path).ok())
        .flatten()
        .collect();
    found.sort();
    found
}

/// Whether a process still writes to the recording at `path`.
pub(crate) fn is_running(pid: u32, path: &Path) -> bool {
    match fs::read(format!("/proc/{pid}/maps")) {
        Ok(maps) => fs::canonicalize(path).is_ok_and(|path| maps_name(&maps, &path)),
        // Another user's process: its number has to do.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

fn maps_name(maps: &[u8], path: &Path) -> bool {
    maps.split(|&byte| byte == b'\n').any(|line| line.ends_with(path.as_os_str().as_bytes()))
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
        assert_eq!(in_folder(a.path()).unwrap(), Vec::<PathBuf>::new());
        let path = a.path().to_owned();
        a.remove().unwrap();
        b.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn mappings_are_told_by_their_whole_path() {
        let maps =
            b"7f00-7f01 rw-s 00000000 00:1a 5      /dev/shm/mod-alloc.1/12\n7f02-7f03 r--p\n";
        assert!(maps_name(maps, Path::new("/dev/shm/mod-alloc.1/12")));
        assert!(!maps_name(maps, Path::new("/dev/shm/mod-alloc.1/1")));
        let executable = std::env::current_exe().unwrap();
        assert!(is_running(std::process::id(), &executable));
        assert!(!is_running(std::process::id(), Path::new("/etc/passwd")));
    }
}
