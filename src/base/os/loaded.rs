//! Modules: the loaded object that a pc belongs to.
//!
//! glibc 2.35 and later answer without locks and without allocating (`_dl_find_object`); otherwise
//! this walks the loader's list (`dl_iterate_phdr`, which takes the loader's lock; the loader does
//! not call Rust's global allocator, so no holder of its lock waits for the profiler).

use core::ffi::{c_char, c_int, c_void};
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr;

use libc::Elf64_Phdr as ProgramHeader;

use super::page_size;
use crate::base::sync::{AtomicU64, Ordering};

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

/// The number of modules loaded before the session that can be told from those loaded later.
const EARLY: usize = 512;

/// The modules that were loaded before the session, by their [bias](Loaded::bias) plus one: they
/// stay as long as the process. A module that finds no room here counts as loaded late.
static EARLY_BIASES: [AtomicU64; EARLY] = [const { AtomicU64::new(0) }; EARLY];

/// Notes the modules that are loaded.
pub(crate) fn note_early() {
    if cfg!(miri) {
        return;
    }
    let mut next = 0_usize;
    // SAFETY: the callback gets the counter's address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_bias), (&raw mut next).cast()) };
}

unsafe extern "C" fn note_bias(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `note_early` passes a counter that lives for the call.
    let next = unsafe { &mut *data.cast::<usize>() };
    // SAFETY: the loader passes a valid description.
    let bias = unsafe { (*info).dlpi_addr };
    if let Some(place) = EARLY_BIASES.get(*next) {
        place.store(bias.wrapping_add(1), Ordering::Relaxed);
    }
    *next += 1;
    0
}

/// The executable's bias: the loader lists it first.
pub(crate) fn executables_bias() -> u64 {
    let bias = EARLY_BIASES[0].load(Ordering::Relaxed);
    bias.wrapping_sub(1)
}

/// True if `pc` is in the loader's first instructions, which have no unwind tables: the process
/// begins there, and they call libraries' constructors.
#[cold]
pub(crate) fn is_loaders_start(pc: u64) -> bool {
    /// `_start` and `_dl_start_user` together.
    const LENGTH: u64 = 256;
    // SAFETY: no preconditions.
    let base = unsafe { libc::getauxval(libc::AT_BASE) };
    if base == 0 || pc < base {
        return false;
    }
    let entry = ptr::with_exposed_provenance::<u64>(base as usize + 24); // e_entry
    // SAFETY: the loader's ELF header is mapped where the kernel says that the loader is.
    let entry = base + unsafe { entry.read() };
    (entry..entry + LENGTH).contains(&pc)
}

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
    /// True if it may be unloaded: it was not there when the session began.
    pub(crate) fn is_late(&self) -> bool {
        let bias = self.bias.wrapping_add(1);
        !EARLY_BIASES
            .iter()
            .map(|early| early.load(Ordering::Relaxed))
            .take_while(|early| *early != 0)
            .any(|early| early == bias)
    }

    /// The parts of the module's memory that never change.
    ///
    /// # Safety
    ///
    /// The module must stay loaded while the result is used.
    pub(crate) unsafe fn constants(&self) -> Constants<'_> {
        // SAFETY: the caller's promise.
        let headers = self.headers.or_else(|| unsafe { headers_at(self.start) });
        let headers = headers.unwrap_or(Headers { first: ptr::null(), count: 0 });
        Constants { headers, bias: self.bias, object: PhantomData }
    }

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

/// The parts of a module's memory that never change: its segments that can be read and not written.
/// Between segments may be other memory, or none; writable segments are the program's to change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constants<'a> {
    headers: Headers,
    bias: u64,
    object: PhantomData<&'a Loaded>,
}

impl<'a> Constants<'a> {
    fn headers(self) -> impl Iterator<Item = ProgramHeader> + Clone {
        // SAFETY: who made this vouches for the object, whose headers these are.
        unsafe { self.headers.read() }
    }

    /// The bytes from an address to the end of the segment that holds it; none, if no such segment
    /// does.
    pub(crate) fn bytes_from(self, address: u64) -> &'a [u8] {
        let Some(range) = constants_from(self.headers(), self.bias, address) else { return &[] };
        let first = ptr::with_exposed_provenance(range.start as usize);
        let len = (range.end - range.start) as usize;
        // SAFETY: a segment is mapped as long as its object is loaded, for which who made this
        // vouches; no thread can write to it.
        unsafe { core::slice::from_raw_parts(first, len) }
    }

    /// The GNU build id; empty if the module has none.
    pub(crate) fn build_id(self) -> &'a [u8] {
        self.headers()
            .filter(|header| header.p_type == libc::PT_NOTE)
            .filter_map(|header| {
                let notes = self.bytes_from(self.bias.wrapping_add(header.p_vaddr));
                notes.get(..usize::try_from(header.p_filesz).ok()?)
            })
            .find_map(build_id_note)
            .unwrap_or(&[])
    }
}

/// From `address` to the end of the segment that holds it, if that can be read and not written. The
/// last page of such a segment goes on behind the file's bytes, but no code may rely on that.
fn constants_from(
    headers: impl Iterator<Item = ProgramHeader>,
    bias: u64,
    address: u64,
) -> Option<Range<u64>> {
    let is_constant = |header: &ProgramHeader| {
        let rights = header.p_flags & (libc::PF_R | libc::PF_W);
        header.p_type == libc::PT_LOAD && rights == libc::PF_R
    };
    headers.filter(is_constant).find_map(|header| {
        let start = bias.wrapping_add(header.p_vaddr);
        let end = start.checked_add(header.p_filesz.min(header.p_memsz))?;
        (start..end).contains(&address).then_some(address..end)
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The build id among a segment's notes (name "GNU", type 3).
fn build_id_note(mut notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    while notes.len() >= 16 {
        let (name, content, kind) = (half(notes, 0)?, half(notes, 4)?, half(notes, 8)?);
        let content_at = 12 + (name as usize).next_multiple_of(4);
        let content = content_at..content_at + content as usize;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16)? == b"GNU\0" {
            return notes.get(content);
        }
        notes = notes.get(content.end.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIAS: u64 = 0x5555_0000_0000;

    fn segment(p_type: u32, p_flags: u32, at: u64, p_filesz: u64, p_memsz: u64) -> ProgramHeader {
        let (p_vaddr, p_paddr) = (at, at);
        let (p_offset, p_align) = (at, 0x1000);
        ProgramHeader { p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align }
    }

    /// A module as linkers make them, with a gap between its code and its data.
    fn object() -> [ProgramHeader; 6] {
        use libc::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_LOAD};
        [
            segment(PT_LOAD, PF_R, 0, 0x800, 0x800),
            segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x2345, 0x2345),
            segment(PT_LOAD, PF_X, 0x4000, 0x1000, 0x1000),
            segment(PT_LOAD, PF_R, 0x8000, 0x123, 0x2000),
            segment(PT_LOAD, PF_R | PF_W, 0x20_0000, 0x100, 0x5000),
            segment(PT_DYNAMIC, PF_R, 0x30_0000, 0x100, 0x100),
        ]
    }

    #[test]
    fn a_slice_ends_with_its_segment_and_is_of_what_nobody_writes() {
        for (at, expected) in [
            (0, Some(0x800)),
            (0x7ff, Some(0x800)),
            (0x800, None), // the rest of the page
            (0x1000, Some(0x3345)),
            (0x3344, Some(0x3345)),
            (0x3345, None),
            (0x4000, None), // code that can be run, but not read
            (0x8122, Some(0x8123)),
            (0x8123, None),    // not in the file
            (0x1_0000, None),  // the gap
            (0x20_0000, None), // data
            (0x20_0100, None),
            (0x30_0000, None), // no segment
            (u64::MAX - BIAS, None),
        ] {
            let found = constants_from(object().into_iter(), BIAS, BIAS + at);
            let expected = expected.map(|end| BIAS + at..BIAS + end);
            assert_eq!(found, expected, "{at:x}");
        }
        assert_eq!(constants_from(object().into_iter(), BIAS, BIAS - 1), None);
        let endless = [segment(libc::PT_LOAD, libc::PF_R, 0, u64::MAX, u64::MAX)];
        assert_eq!(constants_from(endless.into_iter(), BIAS, BIAS), None);
    }

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
    fn a_build_id_is_found_behind_other_notes() {
        let note = |kind: u32, name: &[u8], content: &[u8]| {
            let mut bytes = std::vec::Vec::new();
            for word in [name.len() as u32, content.len() as u32, kind] {
                bytes.extend(word.to_ne_bytes());
            }
            for part in [name, content] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes
        };
        let notes = [note(1, b"GNU\0", b"abcde"), note(3, b"GNU\0", b"0123456789")].concat();
        assert_eq!(build_id_note(&notes), Some(&b"0123456789"[..]));
        assert_eq!(build_id_note(&note(3, b"FDO\0", b"x")), None);
        for len in 0..notes.len() - 2 {
            assert_eq!(build_id_note(&notes[..len]), None, "cut off at {len}");
        }
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
