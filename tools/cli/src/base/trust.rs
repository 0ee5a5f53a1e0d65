//! Folders whose contents this user and root alone decide.
//!
//! A library is loaded by its path, in this process's children and in theirs. So all folders above
//! it have to be such that nobody else can put another file into its place. Files that are read
//! again are kept no less safely.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::say::Shown;
use super::system::user;

/// Refuses a folder if somebody else can replace it, or one of those above it. A link on the way
/// has to be this user's or root's.
pub(super) fn above(folder: &Path) -> io::Result<()> {
    check(folder, user(), true)
}

/// `is_private`: the folder itself is looked at elsewhere.
fn check(folder: &Path, user: u32, is_private: bool) -> io::Result<()> {
    let mut at = PathBuf::new();
    for component in folder.components() {
        at.push(component);
        if component == Component::ParentDir {
            return Err(io::Error::other("its path has `..`"));
        }
        let found = fs::symlink_metadata(&at)?;
        if !is_trusted(found.uid(), user) {
            return Err(refused(&at, "belongs to another user"));
        }
        if found.is_symlink() {
            check(&fs::canonicalize(&at)?, user, is_private && at == folder)?;
        } else if !(is_private && at == folder)
            && found.mode() & 0o022 != 0
            && found.mode() & STICKY == 0
        {
            return Err(refused(&at, "can be written to by other users"));
        }
    }
    Ok(())
}

/// In such a folder nobody removes or renames what belongs to another.
const STICKY: u32 = 0o1000;

fn is_trusted(owner: u32, user: u32) -> bool {
    const ROOT: u32 = 0;
    /// In a namespace of users: one of outside, as the root of the host.
    const OUTSIDE: u32 = 65_534;
    [ROOT, OUTSIDE, user].contains(&owner)
}

fn refused(folder: &Path, why: &str) -> io::Error {
    io::Error::other(format!("{} {why}", Shown(folder)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn what_others_can_replace_is_refused() {
        let top = std::env::temp_dir().join(format!("mod-alloc-trust-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        let inner = top.join("open/inner");
        fs::create_dir_all(&inner).unwrap();
        let mode =
            |mode| fs::set_permissions(top.join("open"), Permissions::from_mode(mode)).unwrap();
        mode(0o755);
        above(&inner).unwrap();
        for open in [0o777, 0o775] {
            mode(open);
            let error = above(&inner).unwrap_err().to_string();
            assert!(error.ends_with("open can be written to by other users"), "{error}");
        }
        symlink(&inner, top.join("link")).unwrap();
        above(&top.join("link")).unwrap_err();
        mode(0o1777);
        above(&inner).unwrap();
        above(&top.join("link")).unwrap();
        above(&top.join("open/../open")).unwrap_err();
        symlink(top.join("open"), top.join("to-open")).unwrap();
        mode(0o777);
        above(&top.join("to-open/inner")).unwrap_err();
        let stranger = check(&inner, user() + 1, true).unwrap_err().to_string();
        assert!(user() == 0 || stranger.ends_with("belongs to another user"), "{stranger}");
        fs::remove_dir_all(top).unwrap();
    }
}
