//! Executables of this machine.

use std::fs::File;

use object::read::elf::ElfFile64;
use object::{Architecture, Endianness, Object, ReadCache};

/// The machine that programs must be for.
pub(super) const THIS_MACHINE: &str =
    if cfg!(target_arch = "aarch64") { "64-bit aarch64" } else { "64-bit x86-64" };

/// An executable, read only where it is looked at: programs are large.
pub(super) type Elf<'d> = ElfFile64<'d, Endianness, &'d ReadCache<File>>;

/// `file` is for this machine.
pub(super) fn is_native(file: &Elf<'_>) -> bool {
    file.architecture() == this_architecture() && is_native_endian(file)
}

fn this_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 }
}

fn is_native_endian(file: &Elf<'_>) -> bool {
    file.is_little_endian() == cfg!(target_endian = "little")
}
