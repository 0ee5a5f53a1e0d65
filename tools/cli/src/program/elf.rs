//! What an executable's headers and symbols tell.

use std::fmt;
use std::fs::File;
use std::path::Path;

use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Architecture, Endianness, FileKind, Object, ObjectSymbol, ReadCache};

use super::Reason;

/// The machine that programs must be for.
pub(super) const THIS_MACHINE: &str =
    if cfg!(target_arch = "aarch64") { "64-bit aarch64" } else { "64-bit x86-64" };

/// Read as far as it is looked at: programs are large.
type Elf<'d> = ElfFile64<'d, Endianness, &'d ReadCache<File>>;

/// Whether glibc's loader would load a library into it.
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
    if file.architecture() != this_architecture() || !is_native_endian(&file) {
        return Err(Reason::OtherMachine(format!("{:?}", file.architecture())));
    }
    match loader(file.elf_header(), bytes).map_err(damaged)? {
        None => Err(Reason::Static),
        Some(loader) if is_glibc(&loader) => Ok(()),
        Some(loader) => Err(Reason::OtherLibc { loader }),
    }
}

fn this_architecture() -> Architecture {
    if cfg!(target_arch = "aarch64") { Architecture::Aarch64 } else { Architecture::X86_64 }
}

fn is_native_endian(file: &Elf<'_>) -> bool {
    file.is_little_endian() == cfg!(target_endian = "little")
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

/// By its file's name, wherever a distribution has it.
fn is_glibc(loader: &str) -> bool {
    let name = loader.rsplit('/').next().unwrap_or(loader);
    ["ld-linux", "ld.so", "ld64.so"].iter().any(|start| name.starts_with(start))
}

/// An allocator that a program brings along, of which preloading sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allocator {
    /// What it is known as.
    pub(crate) name: &'static str,
    /// The function that gives it away.
    pub(crate) function: &'static str,
}

impl fmt::Display for Allocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (it has {})", self.name, self.function)
    }
}

const ALLOCATORS: [Allocator; 9] = [
    Allocator { name: "jemalloc", function: "_rjem_malloc" },
    Allocator { name: "jemalloc", function: "je_malloc" },
    Allocator { name: "mimalloc", function: "mi_malloc" },
    Allocator { name: "tcmalloc", function: "tc_malloc" },
    Allocator { name: "snmalloc", function: "sn_rust_alloc" },
    Allocator { name: "rpmalloc", function: "rpmalloc" },
    Allocator { name: "PartitionAlloc", function: "__wrap_malloc" },
    Allocator { name: "a malloc of its own", function: "malloc" },
    Allocator { name: "a malloc of its own", function: "__libc_malloc" },
];

/// The allocator that the executable at `path` defines; `None` if it has none, or none that can be
/// told.
pub(crate) fn own_allocator(path: &Path) -> Option<Allocator> {
    let bytes = &ReadCache::new(File::open(path).ok()?);
    let file = Elf::parse(bytes).ok()?;
    let mut best = ALLOCATORS.len();
    for symbol in file.dynamic_symbols().chain(file.symbols()) {
        if !symbol.is_definition() {
            continue;
        }
        let Ok(name) = symbol.name() else { continue };
        let found = ALLOCATORS.iter().position(|known| known.function == name);
        best = best.min(found.unwrap_or(best));
    }
    ALLOCATORS.get(best).copied()
}
