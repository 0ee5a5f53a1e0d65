//! Finds an executable and tells whether a library can be preloaded into it.

mod elf;
mod privileges;
mod search;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

pub(crate) use elf::own_allocator;
pub(crate) use search::find;

/// Why a library cannot be preloaded into a program, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The file that is meant: the program, or a script's interpreter.
    pub(crate) path: PathBuf,
    pub(crate) reason: Reason,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No loader is asked for, so nobody would load the library.
    Static,
    /// The loader ignores preloaded libraries where a program gains rights.
    GainsRights { how: privileges::Gain },
    /// Made for another processor, or for its 32-bit mode.
    OtherMachine(String),
    /// For another C library than glibc, by its loader.
    OtherLibc { loader: String },
    /// No object file that the kernel would take.
    Damaged(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Reason::Static => write!(
                f,
                "{path} is statically linked: there is no loader that could load the library that \
                 records. Link it dynamically; or, if it is a Rust program, use the crate \
                 `mod-alloc` in it instead (two lines, see its README)"
            ),
            Reason::GainsRights { how } => write!(
                f,
                "{path} {how}: the loader ignores preloaded libraries there. \
                 {}, or run a copy of the file: a copy has its code without its rights",
                how.way_out()
            ),
            Reason::OtherMachine(what) => write!(
                f,
                "{path} is a program for {what}, and this mod-alloc records programs for {}. \
                 Use a mod-alloc built for that machine",
                elf::THIS_MACHINE
            ),
            Reason::OtherLibc { loader } => write!(
                f,
                "{path} is for another C library (its loader is {loader}), and the library that \
                 records is for glibc. Build the program for glibc; or, if it is a Rust program, \
                 use the crate `mod-alloc` in it instead"
            ),
            Reason::Damaged(what) => write!(f, "{path} cannot be read as a program: {what}"),
        }
    }
}

/// A program that can be started, with what its start involves.
#[derive(Debug)]
pub(crate) struct Program {
    /// The file to execute.
    pub(crate) path: PathBuf,
    /// The file that the kernel loads: the program itself, or a script's interpreter.
    pub(crate) executable: PathBuf,
    /// Whether it is a script.
    pub(crate) is_script: bool,
}

/// How many scripts may be each other's interpreters; the kernel allows five.
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

    /// What reports of it are called.
    pub(crate) fn name(&self) -> OsString {
        self.path.file_name().unwrap_or(OsStr::new("program")).to_owned()
    }
}

/// Who runs the script at `path`; `None` if it is none. What cannot be read is for the kernel to
/// complain about, or is executable without being readable.
fn interpreter(path: &Path) -> Option<PathBuf> {
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head)).ok()?;
    if head.starts_with(b"\x7fELF") {
        return None;
    }
    let Some(line) = head.strip_prefix(b"#!") else {
        // `execvp` gives what the kernel does not know to the shell.
        return Some(PathBuf::from("/bin/sh"));
    };
    let line = line.split(|&byte| byte == b'\n').next()?;
    let words = line.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
    let mut words = words.map(|word| OsString::from_vec(word.to_vec()));
    let program = PathBuf::from(words.next()?);
    if program.file_name() == Some(OsStr::new("env")) {
        through_env(words).or(Some(program))
    } else {
        Some(program)
    }
}

/// The program that `#!/usr/bin/env [-S] [NAME=value] PROGRAM` runs: `env` only passes it on.
fn through_env(words: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let is_program =
        |word: &OsString| !word.as_bytes().starts_with(b"-") && !word.as_bytes().contains(&b'=');
    let name = words.into_iter().find(is_program)?;
    find(&name, std::env::var_os("PATH").as_deref()).ok()
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
