//! Allocators whose own functions have no front: `mod-alloc run` has looked at the program that it
//! starts, and this is a child of it with another allocator.
//!
//! The program then calls them without us. Blocks that they give are not recorded, which is said.
//! Some take the size of a block that `malloc` has given, and the block is larger: a program that
//! refers to these is not recorded at all.

use core::ffi::{CStr, c_char, c_int, c_void};

use mod_alloc::preload::say;

/// Functions that trust in the size that they are told.
const SIZED: [&CStr; 2] = [c"sdallocx", c"tc_free_sized"];
const NEW: [&CStr; 2] = [c"_Znwm", c"_Znam"];

/// True if blocks may have trailers, as far as the program's calls of such functions go. `is_its`:
/// the address is in the allocator's library.
pub(crate) fn leaves_room_for_trailers(is_its: impl Fn(usize) -> bool) -> bool {
    let is_called = |name: &CStr| {
        // SAFETY: the name ends with a zero byte.
        let function = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        is_its(function.addr()) && is_referred_to(name)
    };
    // SAFETY: no preconditions.
    let process = unsafe { libc::getpid() };
    if let Some(name) = SIZED.iter().find(|name| is_called(name)) {
        say(format_args!(
            "process {process} frees blocks by {}, which is not recorded in a child of a program without \
             it: not recording that process. Give its program to `mod-alloc run`",
            name.to_str().unwrap_or_default()
        ));
        return false;
    }
    if NEW.iter().any(|name| is_called(name)) {
        say(format_args!(
            "process {process} has an allocator with C++'s new of its own, and is a child of a program \
             without it: its blocks by new are not in the report. Give its program to `mod-alloc run`"
        ));
    }
    true
}

/// A search for references to a function.
struct Search<'a> {
    name: &'a CStr,
    found: bool,
}

/// True if the program or a library refers to the function of that name in another one.
fn is_referred_to(name: &CStr) -> bool {
    let mut search = Search { name, found: false };
    // SAFETY: the function is called with this search alone, before the call returns.
    unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut search).cast()) };
    search.found
}

unsafe extern "C" fn look_at(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the loader's description of an object, for the time of the call.
    let object = unsafe { &*object };
    // SAFETY: what `is_referred_to` has given.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    if let Some(tables) = Tables::of(object) {
        search.found |= tables.refer_to(search.name);
    }
    c_int::from(search.found)
}

/// An object's tables.
#[derive(Default)]
struct Tables {
    symbols: usize,
    strings: usize,
    /// Addresses and lengths in bytes of its relocations.
    relocations: [(usize, usize); 2],
}

impl Tables {
    fn of(object: &libc::dl_phdr_info) -> Option<Self> {
        const DT_PLTRELSZ: u64 = 2;
        const DT_STRTAB: u64 = 5;
        const DT_SYMTAB: u64 = 6;
        const DT_RELA: u64 = 7;
        const DT_RELASZ: u64 = 8;
        const DT_JMPREL: u64 = 23;
        let base = object.dlpi_addr as usize;
        let mut entry = dynamic(object)?;
        // The loader has made addresses of the offsets, where it may write.
        let address = |value: u64| {
            let value = value as usize;
            if value < base { base + value } else { value }
        };
        let mut tables = Self::default();
        loop {
            // SAFETY: the table ends with an entry of the kind 0.
            let [kind, value] = unsafe { entry.read() };
            match kind {
                0 => break,
                DT_SYMTAB => tables.symbols = address(value),
                DT_STRTAB => tables.strings = address(value),
                DT_RELA => tables.relocations[0].0 = address(value),
                DT_RELASZ => tables.relocations[0].1 = value as usize,
                DT_JMPREL => tables.relocations[1].0 = address(value),
                DT_PLTRELSZ => tables.relocations[1].1 = value as usize,
                _ => {}
            }
            // SAFETY: it was not the last one.
            entry = unsafe { entry.add(1) };
        }
        (tables.symbols != 0 && tables.strings != 0).then_some(tables)
    }

    /// True if a relocation is by a symbol of that name that is elsewhere.
    fn refer_to(&self, name: &CStr) -> bool {
        const RELOCATION: usize = size_of::<[u64; 3]>();
        self.relocations.into_iter().filter(|(start, _)| *start != 0).any(|(start, bytes)| {
            (0..bytes / RELOCATION).any(|index| {
                let relocation = pointer::<[u64; 3]>(start + index * RELOCATION);
                // SAFETY: inside the table.
                let [_, info, _] = unsafe { relocation.read() };
                let symbol = (info >> 32) as usize;
                symbol != 0 && self.is_elsewhere(symbol, name)
            })
        })
    }

    /// True if that symbol has that name and is not defined here.
    fn is_elsewhere(&self, symbol: usize, name: &CStr) -> bool {
        let symbol =
            pointer::<libc::Elf64_Sym>(self.symbols + symbol * size_of::<libc::Elf64_Sym>());
        // SAFETY: a relocation's symbol is in the table.
        let symbol = unsafe { symbol.read() };
        let found = pointer::<c_char>(self.strings + symbol.st_name as usize);
        // SAFETY: a symbol's name is in the table, and ends with a zero byte.
        symbol.st_shndx == 0 && unsafe { libc::strcmp(found, name.as_ptr()) } == 0
    }
}

/// The table of an object's tables.
fn dynamic(object: &libc::dl_phdr_info) -> Option<*const [u64; 2]> {
    (0..usize::from(object.dlpi_phnum)).find_map(|index| {
        // SAFETY: the object has so many headers.
        let header = unsafe { object.dlpi_phdr.add(index) };
        // SAFETY: as above.
        let header = unsafe { header.read() };
        let address = object.dlpi_addr + header.p_vaddr;
        (header.p_type == libc::PT_DYNAMIC).then(|| pointer(address as usize))
    })
}

fn pointer<T>(address: usize) -> *const T {
    core::ptr::with_exposed_provenance(address)
}
