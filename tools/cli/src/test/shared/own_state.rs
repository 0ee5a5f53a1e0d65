//! The folder of a run as its maker has it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::base::system::Users;
use crate::base::system::file_system;
use crate::recordings::RunFolder;

use super::hush;
use super::state::{State, unique};

/// The folder as its maker has it: it goes when this goes.
#[derive(Debug)]
pub(crate) struct OwnState {
    pub(crate) state: State,
    recordings: Option<RunFolder>,
}

impl OwnState {
    /// Makes a folder with the program under a name without blanks, and the library `hush`.
    pub(crate) fn create() -> Result<Self, String> {
        let mut failures = Vec::new();
        for parent in parents() {
            match create_in(&parent) {
                Ok(state) => {
                    let recordings = Some(RunFolder::create(Users::Own)?);
                    return Ok(Self { state, recordings });
                }
                Err(error) => failures.push(format!("{}: {error}", parent.display())),
            }
        }
        Err(format!(
            "there is no folder to work in ({}); set TMPDIR to one without blanks in its path that \
             can be written to and executed from",
            failures.join("; ")
        ))
    }

    pub(crate) fn recordings(&self) -> &Path {
        self.recordings.as_ref().map_or(Path::new("/"), RunFolder::path)
    }
}

impl Drop for OwnState {
    fn drop(&mut self) {
        // A file that cannot be removed stays where temporary files are removed by others.
        let _ = fs::remove_dir_all(&self.state.0);
        if let Some(folder) = self.recordings.take() {
            let _ = folder.remove();
        }
    }
}

fn parents() -> Vec<PathBuf> {
    let mut parents = vec![std::env::temp_dir()];
    parents.extend(["/tmp", "/var/tmp"].map(PathBuf::from));
    parents.extend(std::env::current_dir());
    parents
}

fn create_in(parent: &Path) -> io::Result<State> {
    if !parent.is_absolute() || parent.as_os_str().as_bytes().iter().any(|b| b" :$\t\n".contains(b))
    {
        return Err(io::Error::other("its path has blanks, `:` or `$`, or is not absolute"));
    }
    if file_system(parent)?.f_flag & libc::ST_NOEXEC != 0 {
        return Err(io::Error::other("nothing can be executed from that file system"));
    }
    let folder = parent.join(format!("mod-alloc-test-{}", unique()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let state = State(folder);
    fs::create_dir(state.path("ran"))?;
    symlink(std::env::current_exe()?, state.program())?;
    fs::write(state.hush(), hush::LIBRARY)?;
    fs::set_permissions(state.hush(), fs::Permissions::from_mode(0o755))?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::shared::plan::Plan;

    #[test]
    fn what_is_planned_can_be_read_and_goes_with_its_maker() {
        let own = OwnState::create().unwrap();
        let state = own.state.clone();
        let plan = Plan {
            rustdoc: "rustdoc".into(),
            runners: vec![("t".into(), vec!["a b".into()])],
            ..Plan::default()
        };
        state.write_plan(&plan).unwrap();
        let read = State::at(state.folder().to_owned()).read_plan().unwrap();
        assert_eq!(read.rustdoc, "rustdoc");
        assert_eq!(read.runner("t"), ["a b"]);
        assert!(read.runner("u").is_empty());
        let recordings = own.recordings().to_owned();
        assert!(recordings.is_dir() && state.program().exists());
        drop(own);
        assert!(!state.folder().exists() && !recordings.exists());
    }

    #[test]
    fn a_folder_with_blanks_in_its_path_is_not_used() {
        let blank = std::env::temp_dir().join(format!("mod alloc {}", std::process::id()));
        fs::create_dir_all(&blank).unwrap();
        assert!(create_in(&blank).is_err());
        fs::remove_dir(blank).unwrap();
    }
}
