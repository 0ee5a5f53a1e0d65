//! The folder that a run's steps share: their plan, and their findings.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::hush;
use super::plan::Plan;

/// The folder. Its path has no blanks, because cargo splits a runner's words at them, and programs
/// can be executed from it.
#[derive(Debug, Clone)]
pub(crate) struct State(pub(super) PathBuf);

/// A word that no other process or call gets.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only the number matters.
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{}-{since}-{number}", std::process::id())
}

impl State {
    /// The folder that a step was told.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// This program.
    pub(crate) fn program(&self) -> PathBuf {
        self.path("mod-alloc")
    }

    /// The library that keeps libtest quiet.
    pub(crate) fn hush(&self) -> PathBuf {
        self.path(hush::FILE_NAME)
    }

    pub(crate) fn write_plan(&self, plan: &Plan) -> io::Result<()> {
        fs::write(self.path("plan.json"), serde_json::to_vec(plan)?)
    }

    pub(crate) fn read_plan(&self) -> io::Result<Plan> {
        Ok(serde_json::from_slice(&fs::read(self.path("plan.json"))?)?)
    }

    /// An executable file that goes on as `step` with the words `with` and its own after them.
    pub(crate) fn write_script(&self, path: &Path, step: &str, with: &[&Path]) -> io::Result<()> {
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
