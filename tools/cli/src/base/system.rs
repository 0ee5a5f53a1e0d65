//! Facts of the system that several commands ask for.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The users whose processes make recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// The one who runs mod-alloc.
    Own,
    /// Those that the processes become, too.
    Any,
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

/// The effective user of this process.
pub(crate) fn user() -> u32 {
    // SAFETY: takes nothing, never fails.
    unsafe { libc::geteuid() }
}
