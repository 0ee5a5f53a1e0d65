//! An executable's headers.

use std::fs::File;
use std::path::Path;

use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, Object, ReadCache};

use super::machine::{Elf, is_native};
use super::refusal::Reason;
use super::sanitizer::sanitizer;

/// Fails unless glibc's loader would load a library into it.
pub(super) fn check(path: &Path) -> Result<(), Reason> {
    let file = File::open(path).map_err(|error| Reason::Damaged(error.to_string()))?;
    let bytes = &ReadCache::new(file);
    let damaged = |error: object::Error| Reason::Damaged(error.to_string());
    match FileKind::parse(bytes).map_err(damaged)? {
        FileKind::Elf64 => {}
        FileKind::Elf32 => return Err(Reason::OtherMachine("a 32-bit machine".into())),
        other => return Err(Reason::Damaged(format!("it is {other:?}, not ELF"))),
    }
    let file = Elf::parse(bytes).map_err(damaged)?;
    if !is_native(&file) {
        return Err(Reason::OtherMachine(format!("{:?}", file.architecture())));
    }
    match loader(file.elf_header(), bytes).map_err(damaged)? {
        // It asks for none, as it is one: it loads the program that is named behind it.
        None if is_loader(path) => Ok(()),
        None => Err(Reason::Static),
        Some(loader) if is_glibc(&loader) => match sanitizer(&file) {
            None => Ok(()),
            Some(option) => Err(Reason::Sanitizer { option }),
        },
        Some(loader) => Err(Reason::OtherLibc { loader }),
    }
}

/// The loader that a program asks for.
fn loader(
    header: &FileHeader64<Endianness>,
    bytes: &ReadCache<File>,
) -> Result<Option<String>, object::Error> {
    let endian = header.endian()?;
    for segment in header.program_headers(endian, bytes)? {
        if segment.p_type(endian) == PT_INTERP
            && let Ok(path) = segment.data(endian, bytes)
        {
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            return Ok(Some(String::from_utf8_lossy(path).into_owned()));
        }
    }
    Ok(None)
}

/// `path` is glibc's loader, which can be executed as a program.
pub(super) fn is_loader(path: &Path) -> bool {
    path.to_str().is_some_and(is_glibc)
}

/// By its file's name, wherever a distribution has it.
fn is_glibc(loader: &str) -> bool {
    let name = loader.rsplit('/').next().unwrap_or(loader);
    ["ld-linux", "ld.so", "ld64.so"].iter().any(|start| name.starts_with(start))
}
