//! The interpreter of a script, as the kernel and `execvp` choose it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::search::find;

/// The interpreter of the script at `path`; `None` if that is no script, or cannot be read: it may
/// be executable nevertheless.
pub(super) fn interpreter(path: &Path) -> Option<PathBuf> {
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
