//! The recordings that are there.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;

use crate::base::say::say;

use super::old::{run_folders, with_inner};

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
        // Another user may have put a link there, to what that user cannot read.
        let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if is_file && RecordingFile::is_one(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// True if the folder has a recording that was made for a child which has not begun yet.
pub(crate) fn has_prepared(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.rsplit_once(".fork")).map(|(_, n)| n);
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All recordings in the folders of earlier runs, as far as this user may look into them.
pub(crate) fn left_behind() -> Vec<PathBuf> {
    let folders = run_folders().flat_map(with_inner);
    let mut found: Vec<_> = folders.filter_map(|path| in_folder(&path).ok()).flatten().collect();
    found.sort();
    found
}

/// A process still writes to the recording at `path`.
pub(crate) fn is_running(pid: u32, path: &Path) -> bool {
    if let Some(is_held) = RecordingFile::open(path).ok().and_then(|file| file.is_held()) {
        return is_held;
    }
    match fs::read(format!("/proc/{pid}/maps")) {
        Ok(maps) => fs::canonicalize(path).is_ok_and(|path| maps_name(&maps, &path)),
        // Another user's process: its number has to do.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

/// Makes the recordings at `path`, a file or a folder of them, as small as their content, if their
/// processes have ended. A failure is told: the recording is whole all the same.
pub(crate) fn shrink(path: &Path) {
    let paths = if path.is_dir() { in_folder(path).unwrap_or_default() } else { vec![path.into()] };
    for path in paths {
        let Ok(file) = RecordingFile::open(&path) else { continue };
        // A recording without a process was made for a child that has not begun yet.
        let has_ended = file.process().is_some_and(|pid| pid != 0 && !is_running(pid, &path));
        if has_ended && let Err(error) = file.shrink() {
            say!("{}: the room for more cannot be given back: {error}", path.display());
        }
    }
}

/// True if the process, whose recording ends there, lives on as another program that is to make its
/// recording in `folder`: it may not have begun yet.
pub(crate) fn goes_on_in(pid: u32, folder: &Path) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = environment.split(|&byte| byte == 0);
    variables.any(|variable| {
        let path = variable.strip_prefix(b"MOD_ALLOC_RECORD=");
        let path = path.map(|path| Path::new(OsStr::from_bytes(path)));
        path.is_some_and(|path| path.parent() == Some(folder))
    })
}

fn maps_name(maps: &[u8], path: &Path) -> bool {
    maps.split(|&byte| byte == b'\n').any(|line| line.ends_with(path.as_os_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
