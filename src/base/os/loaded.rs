//! Modules: the loaded object that a pc belongs to.
//!
//! glibc 2.35 and later answer without locks and without allocating (`_dl_find_object`). With an
//! earlier one this walks the loader's list (`dl_iterate_phdr`, which takes the loader's lock; the
//! loader does not call Rust's global allocator, so no holder of its lock waits for the profiler).
//! With musl the modules are in `kept`.

use core::ffi::c_char;
use core::ops::Range;
use core::ptr;

use libc::Elf64_Phdr as ProgramHeader;

#[cfg(not(target_env = "musl"))]
pub(crate) use self::asked::{find, hold};
pub(crate) use self::constants::Constants;
pub(crate) use self::early::{executables_bias, is_loaders_start, note_early};
#[cfg(target_env = "musl")]
pub(crate) use self::kept::{find, hold};
pub(crate) use self::mapped::path_at;
use super::page_size;

#[cfg(not(target_env = "musl"))]
mod asked;
mod constants;
mod early;
#[cfg(target_env = "musl")]
mod kept;
mod mapped;
#[cfg(any(target_env = "musl", test))]
#[cfg_attr(not(target_env = "musl"), expect(dead_code, reason = "only musl needs it"))]
mod mapping;

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

/// The range of all segments, and the address of `.eh_frame_hdr`, 0 if there is none.
fn range_and_tables(headers: impl Iterator<Item = ProgramHeader>, bias: u64) -> (Range<u64>, u64) {
    headers.fold((NOWHERE, 0), |(whole, tables), header| {
        let is_tables = header.p_type == libc::PT_GNU_EH_FRAME;
        let tables = if is_tables { bias.wrapping_add(header.p_vaddr) } else { tables };
        (with_segment(whole, &header, bias), tables)
    })
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
        #[cfg(not(target_env = "musl"))]
        let again = super::asked::by_iteration(pc);
        #[cfg(target_env = "musl")]
        let again = super::kept::by_mapping(pc);
        for loaded in [find(pc), again] {
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
