//! Bytes as a file that has a path, and is on no disk.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file in memory, for one content after another.
#[derive(Debug)]
pub struct MemoryFile {
    file: File,
    path: PathBuf,
}

impl MemoryFile {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// If the system has none to give.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a C string; the flag is one of this call's.
        let descriptor = unsafe { libc::memfd_create(c"recording".as_ptr(), libc::MFD_CLOEXEC) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: open, and nobody else's.
        let file = unsafe { File::from_raw_fd(descriptor) };
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Ok(Self { file, path })
    }

    /// Makes `bytes` all that is in the file, and gives its path.
    ///
    /// # Errors
    ///
    /// If there is no memory for them.
    pub fn hold(&self, bytes: &[u8]) -> io::Result<&Path> {
        self.file.set_len(bytes.len() as u64)?;
        self.file.write_all_at(bytes, 0)?;
        Ok(&self.path)
    }
}
