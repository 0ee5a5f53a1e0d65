//! Modules: the loaded object that a pc belongs to.
//!
//! glibc 2.35 and later answer without locks and without allocating (`_dl_find_object`); otherwise
//! this walks the loader's list (`dl_iterate_phdr`, which takes the loader's lock; the loader does
//! not call Rust's global allocator, so no holder of its lock waits for the profiler).

use core::ffi::{c_char, c_int, c_void};
use core::ops::Range;
use core::ptr;

use libc::Elf64_Phdr as ProgramHeader;

pub(crate) use self::constants::Constants;
pub(crate) use self::early::{executables_bias, is_loaders_start, note_early};
pub(crate) use self::mapped::path_at;
use super::page_size;

mod constants;
mod early;
mod mapped;

/// A module: one loaded object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded {
    /// First loaded address.
    pub(crate) start: u64,
    /// One past the last.
    pub(crate) end: u64,
    /// Loaded minus linked address.
    pub(crate) bias: u64,
    /// Loaded address of `.eh_frame_hdr`, 0 if the module has none.
    pub(crate) eh_frame_header: u64,
    /// The loader's name for the module; empty for the executable. Null: none.
    pub(crate) name: *const c_char,
    /// `None`: they are behind the ELF header with which the module begins.
    headers: Option<Headers>,
}

/// The memory of a module's program headers.
#[derive(Debug, Clone, Copy)]
struct Headers {
    first: *const ProgramHeader,
    count: usize,
}

impl Headers {
    /// Reads them one after another.
    ///
    /// # Safety
    ///
    /// That many headers must be there, mapped as long as the result is used.
    unsafe fn read(self) -> impl Iterator<Item = ProgramHeader> + Clone {
        // SAFETY: one of as many as the caller vouches for.
        (0..self.count).map(move |index| unsafe { self.first.wrapping_add(index).read_unaligned() })
    }
}

/// glibc's `struct dl_find_object` (`<dlfcn.h>`, glibc 2.35).
#[repr(C)]
struct DlFindObject {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *mut LinkMap,
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

/// The public head of glibc's `struct link_map` (`<link.h>`).
#[repr(C)]
struct LinkMap {
    address: usize,
    name: *const c_char,
    dynamic: *const c_void,
    next: *const LinkMap,
    previous: *const LinkMap,
}

type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFindObject) -> c_int;

/// Calls `work` with the module that holds `pc`, which stays loaded until `work` returns.
///
/// The loader's lock is held meanwhile. User code also holds it when it walks the loader's list,
/// and may allocate then. So a thread that holds a lock of the profiler must not wait for that
/// lock.
pub(crate) fn hold(pc: u64, mut work: impl FnMut(&Loaded)) {
    struct Held<'a> {
        pc: u64,
        work: &'a mut dyn FnMut(&Loaded),
    }
    unsafe extern "C" fn under_lock(
        _info: *mut libc::dl_phdr_info,
        _size: usize,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: `hold` passes a `Held` that lives for the call.
        let held = unsafe { &mut *data.cast::<Held<'_>>() };
        if let Some(loaded) = find(held.pc) {
            (held.work)(&loaded);
        }
        1 // enough: the lock is what was wanted
    }
    let mut held = Held { pc, work: &mut work };
    // SAFETY: the callback gets the address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(under_lock), (&raw mut held).cast()) };
}

/// The module that holds `pc`.
#[cold]
pub(crate) fn find(pc: u64) -> Option<Loaded> {
    match find_object_function() {
        Some(function) => by_find_object(function, pc),
        None => by_iteration(pc),
    }
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu", not(miri)))]
core::arch::global_asm!(".weak _dl_find_object");

/// `_dl_find_object`, if the libc at hand has it: the reference is weak.
#[cfg(all(target_arch = "x86_64", target_env = "gnu", not(miri)))]
fn find_object_function() -> Option<FindObject> {
    let address: usize;
    // SAFETY: reads the word of the global offset table that holds the symbol's address or 0.
    unsafe {
        core::arch::asm!(
            "mov {}, qword ptr [rip + _dl_find_object@GOTPCREL]",
            out(reg) address,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: a non-zero address is that of glibc's function, whose signature this is.
    (address != 0).then(|| unsafe { core::mem::transmute::<usize, FindObject>(address) })
}

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu", not(miri))))]
fn find_object_function() -> Option<FindObject> {
    None
}

fn by_find_object(function: FindObject, pc: u64) -> Option<Loaded> {
    let mut found = core::mem::MaybeUninit::<DlFindObject>::zeroed();
    // SAFETY: any address may be asked for; the out-pointer is valid.
    let result = unsafe { function(ptr::without_provenance_mut(pc as usize), found.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: zeroed above and filled by the call; all bit patterns are valid.
    let found = unsafe { found.assume_init() };
    // SAFETY: the loader keeps the link map as long as the object is loaded, and code of the
    // object is running now. Null is told apart by `as_ref`.
    let map = unsafe { found.link_map.as_ref() };
    let eh_frame_header = found.eh_frame.addr() as u64;
    let start = found.map_start.addr() as u64;
    let end = found.map_end.addr() as u64;
    // Of an executable whose segments have gaps, and of a static one, the range is the code's
    // segment alone; the tables lie below or above.
    let is_part = eh_frame_header != 0 && !(start..end).contains(&eh_frame_header);
    let executable = if is_part { executable_around(start..end) } else { None };
    let (whole, headers) = match executable {
        Some((whole, headers)) => (whole, Some(headers)),
        None if is_part => (start.min(eh_frame_header)..end, None),
        None => (start..end, None),
    };
    Some(Loaded {
        start: whole.start,
        end: whole.end,
        bias: map.map_or(0, |map| map.address as u64),
        eh_frame_header,
        name: map.map_or(ptr::null(), |map| map.name),
        headers,
    })
}

/// The range of all segments of the executable, and its program headers, if it has a segment that
/// holds the given range.
fn executable_around(part: Range<u64>) -> Option<(Range<u64>, Headers)> {
    // SAFETY: the auxiliary vector is the process's from beginning to end.
    let [table, count] =
        [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
    let first = ptr::with_exposed_provenance::<ProgramHeader>(table as usize);
    if first.is_null() {
        return None;
    }
    let headers = Headers { first, count: count as usize };
    // SAFETY: the kernel gives the place and the number of the executable's program headers.
    let read = unsafe { headers.read() };
    let linked = read.clone().find(|header| header.p_type == libc::PT_PHDR);
    let bias = linked.map_or(0, |header| table.wrapping_sub(header.p_vaddr));
    let whole = read.fold(NOWHERE, |all, header| with_segment(all, &header, bias));
    let is_among = whole.start <= part.start && part.end <= page_size().next_start(whole.end);
    is_among.then_some((whole, headers))
}

/// The range of no segments.
const NOWHERE: Range<u64> = Range { start: u64::MAX, end: 0 };

/// The range with a segment added, from the beginning of the segment's first page on. Other headers
/// add nothing.
fn with_segment(all: Range<u64>, header: &ProgramHeader, bias: u64) -> Range<u64> {
    if header.p_type != libc::PT_LOAD {
        return all;
    }
    let first = bias.wrapping_add(header.p_vaddr);
    let (start, end) = (page_size().start_of(first), first.wrapping_add(header.p_memsz));
    all.start.min(start)..all.end.max(end)
}

struct Search {
    pc: u64,
    found: Option<Loaded>,
}

fn by_iteration(pc: u64) -> Option<Loaded> {
    if cfg!(miri) {
        return None;
    }
    let mut search = Search { pc, found: None };
    // SAFETY: the callback gets the search's address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut search).cast()) };
    search.found
}

unsafe extern "C" fn look_at(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `by_iteration` passes a `Search` that lives for the call.
    let search = unsafe { &mut *data.cast::<Search>() };
    // SAFETY: the loader passes a valid description.
    let info = unsafe { &*info };
    let bias = info.dlpi_addr;
    let headers = Headers { first: info.dlpi_phdr, count: info.dlpi_phnum.into() };
    let (mut whole, mut eh_frame_header) = (NOWHERE, 0);
    // SAFETY: the loader's program headers, `dlpi_phnum` of them; its lock is held.
    for header in unsafe { headers.read() } {
        whole = with_segment(whole, &header, bias);
        if header.p_type == libc::PT_GNU_EH_FRAME {
            eh_frame_header = bias.wrapping_add(header.p_vaddr);
        }
    }
    let holds = whole.contains(&search.pc);
    if holds {
        let Range { start, end } = whole;
        let (name, headers) = (info.dlpi_name, Some(headers));
        search.found = Some(Loaded { start, end, bias, eh_frame_header, name, headers });
    }
    c_int::from(holds)
}

impl Loaded {
    /// The loader's name for the object; empty for the executable.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        if self.name.is_null() {
            return b"";
        }
        // SAFETY: not null, so a string of the loader's, which lives as long as the object.
        unsafe { core::ffi::CStr::from_ptr(self.name) }.to_bytes()
    }
}

/// The program headers behind the ELF header with which a module begins, if they are there as
/// usual: on the same page, with entries of the usual size.
///
/// # Safety
///
/// `start` must be the first address at which a module is mapped.
unsafe fn headers_at(start: u64) -> Option<Headers> {
    if start != page_size().start_of(start) {
        return None;
    }
    let file = ptr::with_exposed_provenance::<u8>(start as usize);
    // SAFETY: an object's first page is mapped whole, and can be read: the loader has read it
    // there.
    let header = unsafe { file.cast::<libc::Elf64_Ehdr>().read() };
    let (table, count) = table_of(&header, page_size().bytes())?;
    Some(Headers { first: file.wrapping_add(table).cast(), count })
}

/// Offset and number of the program headers of a 64-bit ELF file, if they are among its first
/// `limit` bytes.
fn table_of(header: &libc::Elf64_Ehdr, limit: usize) -> Option<(usize, usize)> {
    let is_elf = header.e_ident.starts_with(b"\x7fELF\x02");
    let is_usual = usize::from(header.e_phentsize) == size_of::<ProgramHeader>();
    let (offset, count) = (usize::try_from(header.e_phoff).ok()?, usize::from(header.e_phnum));
    let end = offset.checked_add(count * size_of::<ProgramHeader>())?;
    (is_elf && is_usual && end <= limit).then_some((offset, count))
}

#[cfg(test)]
mod tests {
    use super::constants::tests::{BIAS, object};
    use super::early::EARLY_BIASES;
    use super::*;

    #[test]
    fn an_objects_range_is_that_of_all_its_segments() {
        let whole =
            object().iter().fold(NOWHERE, |all, header| with_segment(all, header, BIAS + 0x1_0000));
        assert_eq!(whole, BIAS + 0x1_0000..BIAS + 0x21_5000);
    }

    /// An ELF header with N program headers at an offset.
    fn elf(offset: u64, count: u16, size: u16) -> libc::Elf64_Ehdr {
        // SAFETY: numbers, for which zero is a value.
        let mut header = unsafe { core::mem::zeroed::<libc::Elf64_Ehdr>() };
        header.e_ident[..5].copy_from_slice(b"\x7fELF\x02");
        (header.e_phoff, header.e_phnum, header.e_phentsize) = (offset, count, size);
        header
    }

    #[test]
    fn program_headers_are_read_on_the_first_page_only() {
        assert_eq!(table_of(&elf(64, 12, 56), 4096), Some((64, 12)));
        assert_eq!(table_of(&elf(64, 72, 56), 4096), Some((64, 72)));
        assert_eq!(table_of(&elf(64, 73, 56), 4096), None);
        assert_eq!(table_of(&elf(64, 12, 32), 4096), None, "of 32-bit files");
        assert_eq!(table_of(&elf(u64::MAX, u16::MAX, 56), 4096), None);
        let mut other = elf(64, 12, 56);
        other.e_ident[4] = 1;
        assert_eq!(table_of(&other, 4096), None, "a 32-bit file");
    }

    #[test]
    #[cfg_attr(miri, ignore = "there is no loader")]
    fn this_program_is_found_both_ways_and_has_its_tables() {
        let pc = this_program_is_found_both_ways_and_has_its_tables as fn() as usize as u64;
        for loaded in [find(pc), by_iteration(pc)] {
            let loaded = loaded.expect("loaded");
            // SAFETY: the executable stays as long as the process.
            let constants = unsafe { loaded.constants() };
            assert!(!constants.bytes_from(loaded.eh_frame_header).is_empty());
            let code = constants.bytes_from(pc);
            assert!(!code.is_empty() && code.len() < (loaded.end - pc) as usize, "to its end");
            let data = (&raw const EARLY_BIASES).addr() as u64;
            assert!((loaded.start..loaded.end).contains(&data));
            assert_eq!(constants.bytes_from(data), b"", "data can be written");
        }
    }
}
