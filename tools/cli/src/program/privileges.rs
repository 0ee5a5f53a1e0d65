//! Rights that a program gains when it is executed: the loader is in its secure mode then.

use std::ffi::CString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The rights that a program gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gain {
    /// It runs as its owner.
    UserId(u32),
    /// It runs with its file's group.
    GroupId(u32),
    /// Its file has capabilities.
    Capabilities,
}

impl fmt::Display for Gain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gain::UserId(user) => write!(f, "is set-user-id and runs as user {user}"),
            Gain::GroupId(group) => write!(f, "is set-group-id and runs as group {group}"),
            Gain::Capabilities => f.write_str("has file capabilities (see getcap)"),
        }
    }
}

impl Gain {
    pub(crate) fn way_out(self) -> String {
        match self {
            Gain::UserId(user) => format!("Run mod-alloc as user {user}, the file's owner"),
            Gain::GroupId(group) => format!("Run mod-alloc as group {group}, the file's"),
            Gain::Capabilities => "Run mod-alloc as root".into(),
        }
    }
}

/// The right that this process would gain by executing `path`; `None` if there is none.
pub(crate) fn gained(path: &Path) -> Option<Gain> {
    let file = std::fs::metadata(path).ok()?;
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    if is_ignored(&name) {
        return None;
    }
    // SAFETY: takes nothing, never fails.
    let user = unsafe { libc::getuid() };
    // SAFETY: takes nothing, never fails.
    let group = unsafe { libc::getgid() };
    let mode = file.mode();
    // Set-group-id without the right to execute for the group means mandatory locking.
    let sets_group = mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0;
    if mode & libc::S_ISUID != 0 && file.uid() != user {
        Some(Gain::UserId(file.uid()))
    } else if sets_group && file.gid() != group {
        Some(Gain::GroupId(file.gid()))
    } else if user != 0 && has_capabilities(&name) {
        Some(Gain::Capabilities)
    } else {
        None
    }
}

/// The file system was mounted with `nosuid`: no program gains rights.
fn is_ignored(path: &CString) -> bool {
    // SAFETY: all zeroes are a value of this plain structure.
    let mut system = unsafe { std::mem::zeroed::<libc::statvfs>() };
    // SAFETY: a C string, and a structure to fill.
    let failed = unsafe { libc::statvfs(path.as_ptr(), &raw mut system) };
    failed == 0 && system.f_flag & libc::ST_NOSUID != 0
}

fn has_capabilities(path: &CString) -> bool {
    let name = c"security.capability";
    // SAFETY: C strings; nothing is written where no room is given.
    let size = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
    size > 0
}
