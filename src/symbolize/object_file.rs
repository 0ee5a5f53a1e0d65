//! One ELF file, opened far enough to tell what it holds.
//!
//! Reads headers and the few sections asked for, not the file: what decides whether a
//! gigabyte of debug information is the right one is a few hundred bytes of it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::vec::Vec;

#[cfg(feature = "dhat-compat")]
use object::elf::FileHeader64;
use object::read::elf::ElfFile64;
#[cfg(feature = "dhat-compat")]
use object::read::elf::FileHeader;
use object::{Endianness, Object, ObjectSection};

use crate::base::os::mapped_file::MappedFile;

/// A parsed 64-bit ELF file, whose pages are read as they are needed.
pub(super) type Elf<'d> = ElfFile64<'d, Endianness>;

/// Opens `path` if it is a regular file: opening a pipe would wait for its other end.
pub(super) fn open(path: &Path) -> Option<File> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| File::open(path).ok()).flatten()
}

/// Opens and parses `path`, and hands the file to `read`. `None` if that is no ELF file.
pub(super) fn with_elf<T>(path: &Path, read: impl FnOnce(&Elf<'_>) -> T) -> Option<T> {
    let mapped = MappedFile::new(&open(path)?)?;
    let elf = Elf::parse(mapped.bytes()).ok()?;
    Some(read(&elf))
}

/// True if the ELF file at `path` has a section of that name. Reads headers alone, no symbols.
#[cfg(feature = "dhat-compat")]
pub(crate) fn has_section(path: &Path, name: &[u8]) -> bool {
    let find = |file: &File| {
        let mapped = MappedFile::new(file)?;
        let header = FileHeader64::<Endianness>::parse(mapped.bytes()).ok()?;
        let endian = header.endian().ok()?;
        let sections = header.sections(endian, mapped.bytes()).ok()?;
        Some(sections.section_by_name(endian, name).is_some())
    };
    open(path).is_some_and(|file| find(&file) == Some(true))
}

/// The facts that [`super::locate`] needs of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// GNU build id; empty if there is none.
    pub(super) build_id: Vec<u8>,
    /// It holds DWARF of its own.
    pub(super) has_debug_info: bool,
    /// Parts of its DWARF may be in files of their own.
    pub(super) may_be_split: bool,
    /// File name and CRC-32 of the stripped-off debug file.
    pub(super) debug_link: Option<(PathBuf, u32)>,
    /// Path and build id of the file that holds what several debug files share.
    pub(super) alternate_link: Option<(PathBuf, Vec<u8>)>,
}

impl Facts {
    /// Reads `path`; `None` if it is no ELF file.
    pub(super) fn read(path: &Path) -> Option<Self> {
        with_elf(path, |elf| Self {
            build_id: elf.build_id().ok().flatten().unwrap_or_default().to_vec(),
            has_debug_info: has_debug_info(elf),
            // Skeletons refer to it, by which split files find their addresses.
            may_be_split: elf.section_by_name(".debug_addr").is_some(),
            debug_link: elf.gnu_debuglink().ok().flatten().map(|(name, crc)| (to_path(name), crc)),
            alternate_link: elf
                .gnu_debugaltlink()
                .ok()
                .flatten()
                .map(|(name, id)| (to_path(name), id.to_vec())),
        })
    }

    /// True if this file may be the one with build id `wanted`: only two known and
    /// different ids say no.
    pub(super) fn may_be(&self, wanted: &[u8]) -> bool {
        wanted.is_empty() || self.build_id.is_empty() || self.build_id == wanted
    }
}

/// True if the file has unwind tables.
#[must_use]
pub fn has_unwind_tables(path: &Path) -> bool {
    let has_them = |elf: &Elf<'_>| {
        elf.section_by_name(".eh_frame").is_some_and(|section| section.size() > UNWIND_END)
    };
    with_elf(path, has_them).unwrap_or(false)
}

/// A table of that size has nothing but its end.
const UNWIND_END: u64 = 4;

/// A section without bytes in the file, as `strip` and `objcopy` leave it, does not count.
fn has_debug_info(elf: &Elf<'_>) -> bool {
    elf.section_by_name(".debug_info")
        .and_then(|section| section.file_range())
        .is_some_and(|(_, size)| size > 0)
}

fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
