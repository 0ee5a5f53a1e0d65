//! The folder that a run's steps share: what they need to know, and what they found.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::recordings::{RunFolder, file_system};

/// What the steps need to know.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The library that records.
    pub(super) library: PathBuf,
    /// Where recordings go.
    pub(super) recordings: PathBuf,
    /// Runners that were configured before, with their targets.
    pub(super) runners: Vec<(String, Vec<OsString>)>,
    /// Variables that we set for cargo, and what they were: tests see what they would see.
    pub(super) before: Vec<(OsString, Option<OsString>)>,
    /// The rustdoc that cargo would start.
    pub(super) rustdoc: OsString,
}

impl Plan {
    pub(super) fn runner(&self, target: &str) -> &[OsString] {
        let found = self.runners.iter().find(|(name, _)| name == target);
        found.map_or(&[], |(_, words)| words)
    }
}

/// The folder. Its path has no blanks, because cargo splits a runner's words at them, and programs
/// can be executed from it.
#[derive(Debug, Clone)]
pub(super) struct State(PathBuf);

/// The folder as its maker has it: it goes when this goes.
#[derive(Debug)]
pub(super) struct OwnState {
    pub(super) state: State,
    recordings: Option<RunFolder>,
}

impl OwnState {
    /// Makes a folder with the program under a name without blanks, and the library `hush`.
    pub(super) fn create() -> Result<Self, String> {
        let mut failures = Vec::new();
        for parent in parents() {
            match create_in(&parent) {
                Ok(state) => {
                    let recordings = Some(RunFolder::create()?);
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

    pub(super) fn recordings(&self) -> &Path {
        self.recordings.as_ref().map_or(Path::new("/"), RunFolder::path)
    }
}

impl Drop for OwnState {
    fn drop(&mut self) {
        // What cannot be removed stays where temporary files are removed by others.
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
    fs::write(state.hush(), super::hush::LIBRARY)?;
    fs::set_permissions(state.hush(), fs::Permissions::from_mode(0o755))?;
    Ok(state)
}

/// A word that nobody else has.
pub(super) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only the number matters.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{}-{since}-{number}", std::process::id())
}

impl State {
    /// The folder that a step was told.
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// This program.
    pub(super) fn program(&self) -> PathBuf {
        self.path("mod-alloc")
    }

    /// The library that keeps libtest quiet.
    pub(super) fn hush(&self) -> PathBuf {
        self.path(super::hush::FILE_NAME)
    }

    pub(super) fn write_plan(&self, plan: &Plan) -> io::Result<()> {
        fs::write(self.path("plan.json"), serde_json::to_vec(plan)?)
    }

    pub(super) fn read_plan(&self) -> io::Result<Plan> {
        Ok(serde_json::from_slice(&fs::read(self.path("plan.json"))?)?)
    }

    /// An executable file that goes on as `step` with the words `with` and its own after them.
    pub(super) fn write_script(&self, path: &Path, step: &str, with: &[&Path]) -> io::Result<()> {
        let quoted = |path: &Path| {
            let mut word = b"'".to_vec();
            for &byte in path.as_os_str().as_bytes() {
                if byte == b'\'' { word.extend(b"'\\''") } else { word.push(byte) }
            }
            word.push(b'\'');
            word
        };
        let mut script = b"#!/bin/sh\nexec ".to_vec();
        script.extend(quoted(&self.program()));
        script.extend(format!(" __test {step} ").into_bytes());
        script.extend(quoted(&self.0));
        for path in with {
            script.push(b' ');
            script.extend(quoted(path));
        }
        script.extend(b" \"$@\"\n");
        fs::write(path, script)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
