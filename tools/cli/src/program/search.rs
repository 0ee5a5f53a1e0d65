//! Finds a program as `execvp` does.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::base::exit_status::{NOT_EXECUTABLE, NOT_FOUND};

/// The folders of programs if `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Why a program cannot be started.
#[derive(Debug)]
pub(crate) struct NotStartable {
    name: PathBuf,
    error: io::Error,
    searched: bool,
}

impl NotStartable {
    pub(crate) fn status(&self) -> u8 {
        if self.error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE }
    }
}

impl fmt::Display for NotStartable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.display();
        match self.error.kind() {
            io::ErrorKind::NotFound if self.searched => {
                write!(f, "{name}: no such program in the folders of PATH")
            }
            io::ErrorKind::NotFound => write!(f, "{name}: no such file"),
            io::ErrorKind::IsADirectory => write!(f, "{name} is a folder, not a program"),
            io::ErrorKind::PermissionDenied => {
                write!(f, "{name} is not executable (chmod +x makes it so)")
            }
            _ => write!(f, "{name} cannot be started: {}", self.error),
        }
    }
}

/// The file that `execvp` would execute for `name`, with `path` as the value of `PATH`.
pub(crate) fn find(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, NotStartable> {
    let searched = !name.is_empty() && !name.as_bytes().contains(&b'/');
    let failed = |error| NotStartable { name: PathBuf::from(name), error, searched };
    if !searched {
        let file = PathBuf::from(name);
        return executable(&file).map(|()| file).map_err(failed);
    }
    // As `execvp`: a file without the right to execute is passed over, and told of only if there
    // is no other.
    let mut denied = None;
    for folder in std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))) {
        // An empty entry is the current folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let file = folder.join(name);
        match executable(&file) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => denied = Some(error),
            Err(_) => {}
        }
    }
    Err(failed(denied.unwrap_or_else(|| io::ErrorKind::NotFound.into())))
}

/// Fails unless this process may execute the file.
fn executable(file: &Path) -> io::Result<()> {
    let found = std::fs::metadata(file)?;
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let name = CString::new(file.as_os_str().as_bytes())?;
    // SAFETY: `name` is a C string.
    let denied =
        unsafe { libc::faccessat(libc::AT_FDCWD, name.as_ptr(), libc::X_OK, libc::AT_EACCESS) };
    if denied == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    // A sandbox may refuse the question, with another error: then the file's mode answers.
    let is_answer = error.raw_os_error() == Some(libc::EACCES);
    if !is_answer && found.mode() & 0o111 != 0 { Ok(()) } else { Err(error) }
}
