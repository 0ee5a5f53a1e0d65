//! A bare function name from the symbol table, where DWARF has none.

use std::path::{Path, PathBuf};
use std::vec::Vec;

use object::elf::{self, FileHeader64, Sym64};
use object::read::elf::{ElfFile64, SectionHeader, Sym, SymbolTable as RawTable};
use object::{Endianness, Object, ObjectSection, ReadRef, SectionIndex};

use super::mini_debug_info;
use super::object_file::{Elf, with_elf};

/// The most symbols between an address and the one that holds it. Symbols nest only
/// where code was written in assembly, a few levels deep.
const NESTING: usize = 16;

/// The functions of one file, by address.
#[derive(Debug, Default)]
pub(super) struct SymbolTable {
    functions: Vec<Function>,
    /// The file's string table; names end at a zero byte.
    names: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Function {
    start: u64,
    end: u64,
    name: u32,
    /// Written with a size, as compilers do. Assembly often leaves it out.
    sized: bool,
    global: bool,
}

impl SymbolTable {
    /// The table of the first of `paths` that has a full one, else of the first that has a
    /// packed one, else of the first that has a dynamic one, else an empty table.
    pub(super) fn read_first(paths: &[PathBuf]) -> Self {
        let read = |wanted| paths.iter().find_map(|path| Self::read(path, wanted));
        let found = read(Kind::Full).or_else(|| read(Kind::Packed));
        found.or_else(|| read(Kind::Dynamic)).unwrap_or_default()
    }

    /// The functions alone that hold one of the linked addresses `probes`, which are in order, from
    /// the first of `paths` that has a full table. Takes a small part of the whole table's time.
    /// Functions that were written without a size are left out: to tell their ends takes all.
    pub(super) fn read_of(paths: &[PathBuf], probes: &[u64]) -> Self {
        let read = |path: &PathBuf| {
            let read = |elf: &Elf<'_>| Self::of_probes(elf, probes);
            with_elf(path, read).flatten()
        };
        paths.iter().find_map(read).unwrap_or_default()
    }

    fn of_probes(elf: &Elf<'_>, probes: &[u64]) -> Option<Self> {
        let raw = elf.elf_symbol_table();
        if raw.is_empty() {
            return None;
        }
        let names = elf.section_by_index(raw.string_section()).ok()?.data().ok()?;
        let (endian, mut table) = (elf.endian(), Self::default());
        for symbol in raw.symbols() {
            let (start, size) = (symbol.st_value(endian), symbol.st_size(endian));
            if size == 0 || symbol.st_type() == elf::STT_OBJECT {
                continue;
            }
            match probes.get(first_from(probes, start)) {
                Some(probe) if probe - start < size => {}
                _ => continue,
            }
            let Some(function) = function(elf, symbol, endian) else { continue };
            if names_a_function(names, function.name) {
                let name = name_at(names, function.name)?.as_bytes();
                let at = u32::try_from(table.names.len()).ok()?;
                table.names.extend_from_slice(name);
                table.names.push(0);
                table.functions.push(Function { name: at, ..function });
            }
        }
        table.put_in_order();
        Some(table)
    }

    fn read(path: &Path, kind: Kind) -> Option<Self> {
        with_elf(path, |elf| {
            let mut table = Self::default();
            match kind {
                Kind::Full => table.add(elf, elf.elf_symbol_table())?,
                Kind::Packed => {
                    let unpacked = mini_debug_info::unpack(elf)?;
                    let inner = ElfFile64::<Endianness>::parse(&*unpacked).ok()?;
                    table.add(&inner, inner.elf_symbol_table())?;
                    // Exported functions are in the other table alone.
                    let _ = table.add(elf, elf.elf_dynamic_symbol_table());
                }
                Kind::Dynamic => table.add(elf, elf.elf_dynamic_symbol_table())?,
            }
            table.put_in_order();
            (!table.functions.is_empty()).then_some(table)
        })
        .flatten()
    }

    /// Adds the functions of `raw`, in any order. `None` if its names cannot be read.
    fn add<'d, R: ReadRef<'d>>(
        &mut self,
        elf: &ElfFile64<'d, Endianness, R>,
        raw: &RawTable<'d, FileHeader64<Endianness>, R>,
    ) -> Option<()> {
        // Read in one piece: name by name would cost two system calls each.
        let names = elf.section_by_index(raw.string_section()).ok()?.data().ok()?;
        let base = u32::try_from(self.names.len()).ok()?;
        let endian = elf.endian();
        let functions = raw.symbols().iter().filter_map(|symbol| function(elf, symbol, endian));
        let named = functions.filter(|function| names_a_function(names, function.name));
        self.functions.extend(named.filter_map(|function| {
            Some(Function { name: function.name.checked_add(base)?, ..function })
        }));
        self.names.extend_from_slice(names);
        Some(())
    }

    /// Orders the functions by address, one for each.
    fn put_in_order(&mut self) {
        let (functions, names) = (&mut self.functions, &self.names);
        // Of several names for one address the first stays: sized before unsized, exported
        // before internal, then the plainest spelling.
        functions.sort_by(|a, b| {
            let rank = |f: &Function| (f.start, !f.sized, !f.global);
            rank(a).cmp(&rank(b)).then_with(|| plainness(names, a).cmp(&plainness(names, b)))
        });
        functions.dedup_by_key(|function| function.start);
        drop_labels(functions);
    }

    /// The mangled name of the function that holds the linked address `address`.
    pub(super) fn containing(&self, address: u64) -> Option<&str> {
        let after = self.functions.partition_point(|function| function.start <= address);
        let nearest = self.functions[..after].iter().rev().take(NESTING);
        let function = nearest.into_iter().find(|function| function.end > address)?;
        name_at(&self.names, function.name)
    }

    /// The mangled name and the start of the last function that begins before `address`.
    pub(super) fn before(&self, address: u64) -> Option<(&str, u64)> {
        let after = self.functions.partition_point(|function| function.start < address);
        let function = self.functions.get(after.checked_sub(1)?)?;
        Some((name_at(&self.names, function.name)?, function.start))
    }
}

/// The index of the first of `wanted`, which are names, that a symbol of `raw` defines.
pub(super) fn defines<'d>(
    elf: &Elf<'d>,
    raw: &RawTable<'d, FileHeader64<Endianness>, &'d [u8]>,
    wanted: &[&str],
) -> Option<usize> {
    // Read in one piece: name by name would cost two system calls each.
    let names = elf.section_by_index(raw.string_section()).ok()?.data().ok()?;
    let endian = elf.endian();
    let is_defined = |symbol: &&Sym64<Endianness>| {
        let section = symbol.st_shndx(endian);
        let kinds = [elf::STT_NOTYPE, elf::STT_FUNC, elf::STT_OBJECT];
        kinds.contains(&symbol.st_type()) && (!section.is_special() || section == elf::SHN_XINDEX)
    };
    let index = |symbol: &Sym64<Endianness>| {
        let name = names.get(symbol.st_name(endian) as usize..)?;
        wanted.iter().position(|wanted| {
            let rest = name.strip_prefix(wanted.as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&0))
        })
    };
    raw.symbols().iter().filter(is_defined).filter_map(index).min()
}

/// The index of the first of `probes`, which are in order, that is not below `start`. Without
/// closures: in a debug build they would take most of the time in which a symbol table is read.
pub(super) fn first_from(probes: &[u64], start: u64) -> usize {
    let (mut low, mut high) = (0, probes.len());
    while low < high {
        let middle = (low + high) / 2;
        if probes[middle] < start {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Where a file has its symbols.
#[derive(Clone, Copy)]
enum Kind {
    Full,
    Packed,
    Dynamic,
}

/// `symbol` if it names code that this file defines. An unsized one reaches to the end
/// of its section for now.
fn function<'d, R: ReadRef<'d>>(
    elf: &ElfFile64<'d, Endianness, R>,
    symbol: &Sym64<Endianness>,
    endian: Endianness,
) -> Option<Function> {
    let kind = symbol.st_type();
    let is_code = kind == elf::STT_FUNC || kind == elf::STT_GNU_IFUNC;
    if !is_code && kind != elf::STT_NOTYPE {
        return None;
    }
    let section = symbol.st_shndx(endian).index()?;
    let header = elf.elf_section_table().section(SectionIndex(usize::from(section))).ok()?;
    if !header.sh_flags(endian).contains(elf::SHF_EXECINSTR) {
        return None;
    }
    let start = symbol.st_value(endian);
    let size = symbol.st_size(endian);
    let section_end = header.sh_addr(endian).saturating_add(header.sh_size(endian));
    Some(Function {
        start,
        end: if size > 0 { start.saturating_add(size) } else { section_end },
        name: symbol.st_name(endian),
        sized: size > 0,
        global: symbol.st_bind() != elf::STB_LOCAL,
    })
}

/// Unsized symbols inside a sized one are jump labels; elsewhere they end where the next
/// symbol begins.
fn drop_labels(functions: &mut Vec<Function>) {
    let mut covered = 0;
    functions.retain(|function| {
        let inside = !function.sized && function.start < covered;
        if function.sized {
            covered = function.end.max(covered);
        }
        !inside
    });
    for at in 1..functions.len() {
        let next = functions[at].start;
        let before = &mut functions[at - 1];
        if !before.sized {
            before.end = before.end.min(next);
        }
    }
}

/// Names that begin with `$` mark where code and data change places on some machines.
fn names_a_function(names: &[u8], at: u32) -> bool {
    name_at(names, at).is_some_and(|name| !name.is_empty() && !name.starts_with('$'))
}

/// Orders aliases: `malloc` before `__libc_malloc`.
fn plainness<'n>(names: &'n [u8], function: &Function) -> (usize, usize, &'n str) {
    let name = name_at(names, function.name).unwrap_or("");
    let underscores = name.len() - name.trim_start_matches('_').len();
    (underscores, name.len(), name)
}

fn name_at(names: &[u8], at: u32) -> Option<&str> {
    let rest = names.get(at as usize..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&rest[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[u8] = b"\0big\0label\0asm\0late\0";

    fn table(mut functions: Vec<Function>) -> SymbolTable {
        functions.sort_by_key(|function| function.start);
        drop_labels(&mut functions);
        SymbolTable { functions, names: NAMES.to_vec() }
    }

    fn sized(start: u64, end: u64, name: u32) -> Function {
        Function { start, end, name, sized: true, global: false }
    }

    fn unsized_(start: u64, end: u64, name: u32) -> Function {
        Function { start, end, name, sized: false, global: false }
    }

    #[test]
    fn the_first_probe_of_a_function_is_found() {
        let probes = [3, 5, 5, 9];
        assert_eq!([0, 3, 4, 5, 9, 10].map(|start| first_from(&probes, start)), [0, 0, 1, 1, 3, 4]);
        assert_eq!(first_from(&[], 0), 0);
    }

    #[test]
    fn an_address_between_functions_has_no_name() {
        let table = table(std::vec![sized(0x10, 0x20, 1), sized(0x30, 0x40, 15)]);
        assert_eq!(table.containing(0x0f), None);
        assert_eq!(table.containing(0x1f), Some("big"));
        assert_eq!(table.containing(0x20), None);
        assert_eq!(table.containing(0x3f), Some("late"));
        assert_eq!(table.containing(0x40), None);
        assert_eq!(table.before(0x10), None);
        assert_eq!(table.before(0x20), Some(("big", 0x10)));
        assert_eq!(table.before(0x99), Some(("late", 0x30)));
    }

    #[test]
    fn a_label_inside_a_function_is_not_a_function() {
        let table = table(std::vec![sized(0x10, 0x40, 1), unsized_(0x20, 0x100, 5)]);
        assert_eq!(table.containing(0x30), Some("big"));
        assert_eq!(table.containing(0x41), None);
    }

    #[test]
    fn an_unsized_function_ends_at_the_next_symbol_or_with_its_section() {
        let table = table(std::vec![unsized_(0x10, 0x100, 11), sized(0x30, 0x40, 15)]);
        assert_eq!(table.containing(0x2f), Some("asm"));
        assert_eq!(table.containing(0x30), Some("late"));
        assert_eq!(table.containing(0x50), None);
    }

    #[test]
    fn a_name_offset_outside_the_strings_is_no_name() {
        let table = table(std::vec![sized(0x10, 0x20, 4000)]);
        assert_eq!(table.containing(0x10), None);
    }
}
