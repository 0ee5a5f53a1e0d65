//! A program that can be started with a library preloaded.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::interpreter::interpreter;
use super::refusal::{Reason, Refusal};
use super::{elf, loader, privileges};

/// A program that can be started, with what its start involves.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file to execute.
    pub(crate) path: PathBuf,
    /// The file that the kernel loads: the program itself, or a script's interpreter.
    pub(crate) executable: PathBuf,
    /// It is a script.
    pub(crate) is_script: bool,
}

/// Scripts that may be each other's interpreters; the kernel allows five.
const MOST_INTERPRETERS: usize = 5;

impl Program {
    /// Looks at the executable file `path`.
    pub(crate) fn examine(path: PathBuf) -> Result<Self, Refusal> {
        let mut executable = path.clone();
        for _ in 0..MOST_INTERPRETERS {
            let Some(interpreter) = interpreter(&executable) else { break };
            executable = interpreter;
        }
        let is_script = executable != path;
        match check(&executable) {
            Ok(()) => Ok(Self { path, executable, is_script }),
            Err(reason) => Err(Refusal { path: executable, reason }),
        }
    }

    /// As `examine`. Bundles start a program by glibc's loader: then it is the one that `words`
    /// behind the loader name, and the loader loads our library into it.
    pub(crate) fn examine_with(path: PathBuf, words: &[OsString]) -> Result<Self, Refusal> {
        let program = Self::examine(path)?;
        let behind = elf::is_loader(&program.executable).then(|| loader::program_in(words));
        let Some(behind) = behind.flatten().map(PathBuf::from) else { return Ok(program) };
        // The loader looks for a name without a folder among the libraries.
        if !behind.exists() {
            return Ok(program);
        }
        match check(&behind) {
            Ok(()) => Ok(Self { executable: behind, ..program }),
            Err(reason) => Err(Refusal { path: behind, reason }),
        }
    }

    /// Its name in the names of reports.
    pub(crate) fn name(&self) -> OsString {
        let named = if elf::is_loader(&self.path) { &self.executable } else { &self.path };
        named.file_name().unwrap_or(OsStr::new("program")).to_owned()
    }
}

fn check(path: &Path) -> Result<(), Reason> {
    if let Some(how) = privileges::gained(path) {
        return Err(Reason::GainsRights { how });
    }
    match elf::check(path) {
        // It may be executable and not readable; the loader will tell.
        Err(Reason::Damaged(_)) if is_unreadable(path) => Ok(()),
        other => other,
    }
}

fn is_unreadable(path: &Path) -> bool {
    File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests;
