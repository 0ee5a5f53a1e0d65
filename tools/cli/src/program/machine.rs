//! Executables of this machine.

use std::fs::File;

use object::elf::{self, Sym64};
use object::read::elf::{ElfFile64, Sym};
use object::{Architecture, Endianness, Object, ObjectSection, ReadCache};

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

/// The symbols to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Those that the file defines.
    Defined,
    /// Those that it asks for, too.
    Any,
}

/// The names of the file's dynamic symbols.
pub(super) fn dynamic_names<'d>(file: &Elf<'d>, which: Named) -> impl Iterator<Item = &'d [u8]> {
    let (table, endian) = (file.elf_dynamic_symbol_table(), file.endian());
    // Read in one piece: name by name would cost two system calls each.
    let names = file.section_by_index(table.string_section()).and_then(|names| names.data());
    let names = names.unwrap_or_default();
    let symbols = table.symbols().iter();
    let named = symbols.filter(move |symbol| which == Named::Any || is_defined(symbol, endian));
    named.filter_map(move |symbol| {
        let name = names.get(symbol.st_name(endian) as usize..)?;
        name.split(|&byte| byte == 0).next()
    })
}

fn is_defined(symbol: &Sym64<Endianness>, endian: Endianness) -> bool {
    let section = symbol.st_shndx(endian);
    [elf::STT_NOTYPE, elf::STT_FUNC, elf::STT_OBJECT].contains(&symbol.st_type())
        && (!section.is_special() || section == elf::SHN_XINDEX)
}
